// Everybody's sign-ins.

import { words } from "../strings.ts";
import { sessions } from "../live.ts";
import { address } from "../navigation.ts";
import { Status } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Listing } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import type { Session } from "../types.ts";

const ENDED = ["completed", "failed", "timeout", "cancelled"];

export const lives = (session: Session): boolean => !ENDED.includes(session.status);

/** Of an attempt, too, as long as there is no other. */
const why = (session: Session): string => (session.failure ?? session.attempt_failure)?.message ?? "";

const COLUMNS: readonly Column<Session>[] = [
  {
    name: words.sessions.user,
    cell: (session) => (
      <a class="name" href={address("sessions", session.session_id)}>
        {session.user_id}
      </a>
    ),
  },
  { name: words.sessions.provider, cell: (session) => session.provider },
  { name: words.sessions.status, cell: (session) => <Status is={session.status} /> },
  { name: words.sessions.started, cell: (session) => <Ago at={session.created_at} /> },
  {
    name: words.sessions.why,
    cell: why,
  },
  { name: words.sessions.id, cell: (session) => <code class="whole">{session.session_id.slice(0, 8)}</code> },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.living, has: lives },
  { name: words.groups.waiting, has: (session: Session) => session.status === "awaiting_user_auth" },
  {
    name: words.groups.failed,
    has: (session: Session) => session.status === "failed" || !!session.attempt_failure,
  },
];

export function Sessions() {
  return (
    <>
      <Heading title={words.places.sessions}>
        <a class="button primary" href="/">
          {words.sessions.start}
        </a>
      </Heading>
      <Listing
        book={sessions}
        label={words.places.sessions}
        search={words.sessions.search}
        text={(session) => `${session.user_id} ${session.provider} ${session.session_id} ${why(session)}`}
        id={(session) => session.session_id}
        columns={COLUMNS}
        groups={GROUPS}
        none={words.sessions.none}
      />
    </>
  );
}
