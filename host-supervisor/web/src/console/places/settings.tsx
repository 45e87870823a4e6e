// Which settings count, and where each of them comes from; of secrets only that they are set.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { FilterBar, useFilter } from "../parts/filter.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Loading, Trouble } from "../parts/told.tsx";
import type { Setting } from "../types.ts";

const COLUMNS: readonly Column<Setting>[] = [
  { name: words.settings.key, cell: ({ key }) => <code>{key}</code> },
  { name: words.settings.value, cell: ({ value }) => (value === "" ? "–" : value) },
  { name: words.settings.source, cell: ({ source }) => source },
  {
    name: words.settings.changes,
    cell: ({ reloadable }) => (
      <Badge tone={reloadable ? "good" : "over"}>
        {reloadable ? words.settings.atOnce : words.settings.atRestart}
      </Badge>
    ),
  },
  { name: words.settings.meaning, cell: ({ meaning }) => meaning },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.set, has: ({ source }: Setting) => source !== "default" },
];

export function Settings() {
  const { value, error, again } = useAsked(calls.settings, []);
  const rows = value ?? [];
  const filter = useFilter(rows, (row) => `${row.key} ${row.value} ${row.meaning}`, GROUPS);
  return (
    <>
      <Heading title={words.places.settings} />
      <p class="muted lead">{words.settings.explanation}</p>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {rows.length > 0 && (
        <>
          <FilterBar filter={filter} of={rows.length} label={words.settings.search} groups={GROUPS} />
          <Table label={words.places.settings} rows={filter.rows} columns={COLUMNS} id={({ key }) => key} />
        </>
      )}
    </>
  );
}
