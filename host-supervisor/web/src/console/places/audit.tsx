// Who did what.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { changes } from "../live.ts";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Searched } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
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
  return (
    <>
      <Heading title={words.places.audit} />
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.length === 0 && <Nothing>{words.audit.none}</Nothing>}
      {value && value.length > 0 && (
        <Searched
          rows={value}
          label={words.places.audit}
          search={words.audit.search}
          text={(row) =>
            `${row.caller} ${row.actingFor ?? ""} ${row.client} ${row.action} ${row.target} ${row.detail ?? ""}`
          }
          id={({ number }) => String(number)}
          columns={COLUMNS}
          groups={GROUPS}
        />
      )}
    </>
  );
}
