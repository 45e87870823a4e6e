// Lists that are searched: a filter, a table, and what to say when there is nothing to show.

import type { ComponentChildren } from "preact";
import { words } from "../strings.ts";
import type { Book } from "../book.ts";
import { Act } from "./act.tsx";
import { FilterBar, type Group, useFilter } from "./filter.tsx";
import { type Column, Table } from "./table.tsx";
import { Loading, Nothing, Trouble } from "./told.tsx";

interface SearchedProps<T> {
  readonly label: string;
  /** What the field for the search is called. */
  readonly search: string;
  /** The words of a row that are searched. */
  readonly text: (row: T) => string;
  readonly id: (row: T) => string;
  readonly columns: readonly Column<T>[];
  readonly groups: readonly Group<T>[];
}

interface ListingProps<T> extends SearchedProps<T> {
  readonly book: Book<T>;
  readonly none: ComponentChildren;
}

/** Of a book: all states that it can be in. */
export function Listing<T>({ book, none, ...searched }: ListingProps<T>) {
  const rows = book.rows.value;
  const state = book.state.value;
  if (rows.length === 0) {
    if (state === "loading") return <Loading />;
    if (state !== "there") return <Trouble error={state.trouble} again={() => void book.read()} />;
    return <Nothing>{none}</Nothing>;
  }
  return (
    <>
      <Searched rows={rows} {...searched} />
      {book.next.value !== null && (
        <p class="more">
          <Act label={words.older} act={() => book.readOlder()} />
        </p>
      )}
    </>
  );
}

/** Of rows that are there. */
export function Searched<T>(props: SearchedProps<T> & { rows: readonly T[] }) {
  const { rows, label, search, text, id, columns, groups } = props;
  const filter = useFilter(rows, text, groups);
  return (
    <>
      <FilterBar filter={filter} of={rows.length} label={search} groups={groups} />
      {filter.rows.length === 0 ? (
        <Nothing>{words.noneFits}</Nothing>
      ) : (
        <Table label={label} rows={filter.rows} columns={columns} id={id} />
      )}
    </>
  );
}
