// What can be signed in to, what keeps the rest from it, and what came of trials.

import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { sessions } from "../live.ts";
import { address } from "../navigation.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Badge, Status } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import { Loading, Trouble } from "../parts/told.tsx";
import type { Definition } from "../types.ts";

const COLUMNS: readonly Column<Definition>[] = [
  {
    name: words.providers.name,
    cell: ({ id, name }) => (
      <>
        <strong>{name}</strong> <code class="quiet">{id}</code>
      </>
    ),
  },
  {
    name: words.providers.offered,
    cell: ({ missing }) =>
      missing.length === 0 ? (
        <Badge tone="good">{words.providers.yes}</Badge>
      ) : (
        <>
          <Badge tone="over">{words.providers.no}</Badge>{" "}
          <span class="muted">{words.providers.missing(missing.join(", "))}</span>
        </>
      ),
  },
  {
    name: words.providers.prompts,
    cell: ({ takesPrompts }) => (takesPrompts ? words.providers.yes : words.providers.no),
  },
  { name: words.providers.from, cell: ({ file }) => (file ? <code>{file}</code> : words.providers.builtIn) },
  {
    name: words.providers.trial,
    cell: ({ lastTrial }) =>
      lastTrial && (
        <>
          <a href={address("sessions", lastTrial.sessionId)}>
            <Ago at={lastTrial.beganAt} />
          </a>{" "}
          <Status is={lastTrial.status} />
          {lastTrial.failure && <p class="cause">{lastTrial.failure.message}</p>}
        </>
      ),
  },
  {
    name: words.providers.try,
    cell: ({ id, missing }) =>
      missing.length === 0 && (
        <Act
          label={words.providers.tryIt}
          act={() => calls.tryProvider(id)}
          done={(session) => location.assign(`/session/${encodeURIComponent(session)}`)}
        />
      ),
  },
];

export function Providers() {
  const trials = sessions.rows.value.filter(({ status }) => status !== "completed").length;
  const { value, error, again } = useAsked(calls.definitions, [trials]);
  return (
    <>
      <Heading title={words.places.providers} />
      <p class="muted lead">{words.providers.explanation}</p>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.broken.map(({ path, problem }) => (
        <div class="notice notice-error" key={path}>
          <p>
            <code>{path}</code> {problem}
          </p>
        </div>
      ))}
      {value && (
        <Table label={words.places.providers} rows={value.providers} columns={COLUMNS} id={({ id }) => id} />
      )}
    </>
  );
}
