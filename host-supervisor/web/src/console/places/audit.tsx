// Who did what.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { changes } from "../live.ts";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { FilterBar, useFilter } from "../parts/filter.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { AuditEntry } from "../types.ts";

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: words.audit.when, cell: ({ at }) => <Ago at={at} /> },
  { name: words.audit.who, cell: ({ caller }) => caller },
  { name: words.audit.actingFor, cell: ({ actingFor }) => actingFor ?? "" },
  { name: words.audit.from, cell: ({ client }) => client },
  {
    name: words.audit.what,
    cell: ({ action, target, detail }) => (
      <>
        <code>{`${action.split(" ")[0] ?? ""} ${target}`}</code>
        {detail && <p class="cause">{detail}</p>}
      </>
    ),
  },
  {
    name: words.audit.status,
    cell: ({ status }) => <Badge tone={status < 400 ? "good" : "bad"}>{String(status)}</Badge>,
    end: true,
  },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.refused, has: ({ status }: AuditEntry) => status >= 400 },
];

export function Audit() {
  const { value, error, again } = useAsked(calls.audit, [changes.audit.value]);
  const rows = value ?? [];
  const filter = useFilter(
    rows,
    (row) =>
      `${row.caller} ${row.actingFor ?? ""} ${row.client} ${row.action} ${row.target} ${row.detail ?? ""}`,
    GROUPS,
  );
  return (
    <>
      <Heading title={words.places.audit} />
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.length === 0 && <Nothing>{words.audit.none}</Nothing>}
      {rows.length > 0 && (
        <>
          <FilterBar filter={filter} of={rows.length} label={words.audit.search} groups={GROUPS} />
          <Table
            label={words.places.audit}
            rows={filter.rows}
            columns={COLUMNS}
            id={({ number }) => String(number)}
          />
        </>
      )}
    </>
  );
}
