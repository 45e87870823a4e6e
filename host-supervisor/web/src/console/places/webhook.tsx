// What the operator's application was told, or has to be.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { changes } from "../live.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Status } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { LinkTo } from "../parts/link.tsx";
import { Searched } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
import { Ago, Until } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Delivery } from "../types.ts";

const COLUMNS: readonly Column<Delivery>[] = [
  { name: words.webhook.event, cell: ({ event }) => <code class="whole">{event}</code> },
  {
    name: words.webhook.session,
    cell: ({ sessionId }) => <LinkTo place="sessions" id={sessionId} />,
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
      {value && value.length > 0 && (
        <Searched
          rows={value}
          label={words.places.webhook}
          search={words.webhook.search}
          text={(row) => `${row.event} ${row.sessionId} ${row.provider} ${row.lastAnswer ?? ""}`}
          id={({ id }) => id}
          columns={COLUMNS}
          groups={GROUPS}
        />
      )}
    </>
  );
}
