// A whole list of a book: its filter, its table, and what to say when there is nothing to show.

import type { ComponentChildren } from "preact";
import { words } from "../strings.ts";
import type { Book } from "../book.ts";
import { Act } from "./act.tsx";
import { FilterBar, type Group, useFilter } from "./filter.tsx";
import { type Column, Table } from "./table.tsx";
import { Loading, Nothing, Trouble } from "./told.tsx";

interface ListingProps<T> {
  readonly book: Book<T>;
  readonly label: string;
  readonly search: string;
  readonly text: (row: T) => string;
  readonly id: (row: T) => string;
  readonly columns: readonly Column<T>[];
  readonly groups: readonly Group<T>[];
  readonly none: ComponentChildren;
}

export function Listing<T>({ book, label, search, text, id, columns, groups, none }: ListingProps<T>) {
  const rows = book.rows.value;
  const filter = useFilter(rows, text, groups);
  const state = book.state.value;
  if (rows.length === 0) {
    if (state === "loading") return <Loading />;
    if (state !== "there") return <Trouble error={state.trouble} again={() => void book.read()} />;
    return <Nothing>{none}</Nothing>;
  }
  return (
    <>
      <FilterBar filter={filter} of={rows.length} label={search} groups={groups} />
      {filter.rows.length === 0 ? (
        <Nothing>{words.noneFits}</Nothing>
      ) : (
        <Table label={label} rows={filter.rows} columns={columns} id={id} />
      )}
      {book.next.value !== null && (
        <p class="more">
          <Act label={words.older} act={() => book.readOlder()} />
        </p>
      )}
    </>
  );
}
