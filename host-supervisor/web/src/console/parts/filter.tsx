// Narrows a list down: words that rows must have, and one of a few groups.

import { useState } from "preact/hooks";
import { words } from "../strings.ts";

export interface Group<T> {
  readonly name: string;
  readonly has: (row: T) => boolean;
}

export interface Filter<T> {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly group: number;
  readonly setGroup: (group: number) => void;
  readonly rows: readonly T[];
}

/** `text` gives the words of a row that are searched. */
export function useFilter<T>(
  rows: readonly T[],
  text: (row: T) => string,
  groups: readonly Group<T>[] = [],
): Filter<T> {
  const [wanted, setText] = useState("");
  const [group, setGroup] = useState(0);
  const terms = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => {
    if (groups[group]?.has(row) === false) return false;
    if (terms.length === 0) return true;
    const has = text(row).toLowerCase();
    return terms.every((term) => has.includes(term));
  });
  return { text: wanted, setText, group, setGroup, rows: found };
}

interface FilterBarProps<T> {
  readonly filter: Filter<T>;
  readonly of: number;
  readonly label: string;
  readonly groups?: readonly Group<T>[];
}

export function FilterBar<T>({ filter, of, label, groups = [] }: FilterBarProps<T>) {
  return (
    <div class="filter" role="search">
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={filter.text}
        onInput={(event) => filter.setText(event.currentTarget.value)}
      />
      {groups.length > 0 && (
        <div class="groups" role="group" aria-label={words.show}>
          {groups.map(({ name }, at) => (
            <button
              type="button"
              key={name}
              aria-pressed={filter.group === at}
              onClick={() => filter.setGroup(at)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      <p class="muted" role="status">
        {words.found(filter.rows.length, of)}
      </p>
    </div>
  );
}
