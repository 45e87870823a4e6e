// A list as a table; in a narrow window each row becomes a card whose fields bear the names of the columns.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { words } from "../strings.ts";

/** As many as are looked through without a search. */
const ROWS_AT_ONCE = 100;

export interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Numbers stand at the right. */
  readonly end?: boolean;
}

interface TableProps<T> {
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly id: (row: T) => string;
}

/** Beside the column's name there is room for one element; a cell with nothing in it is left out. */
function inOnePiece(content: ComponentChildren): ComponentChildren {
  const isNothing = content === null || content === undefined || content === false || content === "";
  return isNothing ? null : <div>{content}</div>;
}

/** Roles are said aloud because a table that is laid out as cards has none. */
export function Table<T>({ label, rows, columns, id }: TableProps<T>) {
  const [most, setMost] = useState(ROWS_AT_ONCE);
  const hidden = rows.length - most;
  return (
    <>
      <table role="table" aria-label={label} aria-rowcount={rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ name, end }) => (
              <th role="columnheader" scope="col" class={end ? "end" : ""} key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.slice(0, most).map((row) => (
            <tr role="row" key={id(row)}>
              {columns.map(({ name, cell, end }) => (
                <td role="cell" data-label={name} class={end ? "end" : ""} key={name}>
                  {inOnePiece(cell(row))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {hidden > 0 && (
        <p class="more">
          <button type="button" onClick={() => setMost(most + ROWS_AT_ONCE)}>
            {words.more(Math.min(hidden, ROWS_AT_ONCE), hidden)}
          </button>
        </p>
      )}
    </>
  );
}
