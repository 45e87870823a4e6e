// What the operator's application was told, or has to be.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { changes } from "../live.ts";
import { address } from "../navigation.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Status } from "../parts/badge.tsx";
import { FilterBar, useFilter } from "../parts/filter.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Ago, Until } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Delivery } from "../types.ts";

const COLUMNS: readonly Column<Delivery>[] = [
  { name: words.webhook.event, cell: ({ event }) => <code>{event}</code> },
  {
    name: words.webhook.session,
    cell: ({ sessionId }) => (
      <a href={address("sessions", sessionId)}>
        <code>{sessionId.slice(0, 8)}</code>
      </a>
    ),
  },
  { name: words.webhook.provider, cell: ({ provider }) => provider },
  { name: words.webhook.status, cell: ({ status }) => <Status is={status} /> },
  { name: words.webhook.tries, cell: ({ attempts }) => attempts, end: true },
  { name: words.webhook.since, cell: ({ createdAt }) => <Ago at={createdAt} /> },
  { name: words.webhook.next, cell: ({ nextTryAt }) => nextTryAt && <Until at={nextTryAt} /> },
  { name: words.webhook.answer, cell: ({ lastAnswer }) => lastAnswer ?? "" },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.pending, has: ({ status }: Delivery) => status === "pending" },
  { name: words.groups.failed, has: ({ status }: Delivery) => status === "failed" },
];

export function Webhook() {
  const { value, error, again } = useAsked(calls.deliveries, [changes.deliveries.value]);
  const rows = value ?? [];
  const filter = useFilter(
    rows,
    (row) => `${row.event} ${row.sessionId} ${row.provider} ${row.lastAnswer ?? ""}`,
    GROUPS,
  );
  return (
    <>
      <Heading title={words.places.webhook}>
        <Act
          label={words.webhook.test}
          act={calls.testWebhook}
          told={({ success, answer }) => words.webhook.tested(success, answer)}
        />
      </Heading>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.length === 0 && <Nothing>{words.webhook.none}</Nothing>}
      {rows.length > 0 && (
        <>
          <FilterBar filter={filter} of={rows.length} label={words.webhook.search} groups={GROUPS} />
          <Table label={words.places.webhook} rows={filter.rows} columns={COLUMNS} id={({ id }) => id} />
        </>
      )}
    </>
  );
}
