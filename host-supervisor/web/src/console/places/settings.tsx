// Which settings count, and where each of them comes from; of secrets only that they are set.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Searched } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
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
  return (
    <>
      <Heading title={words.places.settings} />
      <p class="muted lead">{words.settings.explanation}</p>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value && (
        <Searched
          rows={value}
          label={words.places.settings}
          search={words.settings.search}
          text={(row) => `${row.key} ${row.value} ${row.meaning}`}
          id={({ key }) => key}
          columns={COLUMNS}
          groups={GROUPS}
        />
      )}
    </>
  );
}
