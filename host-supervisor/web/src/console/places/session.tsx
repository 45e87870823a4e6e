// One sign-in: how it stands, what was seen of it, and what can be done with it.

import { useEffect, useState } from "preact/hooks";
import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { sessions } from "../live.ts";
import { may } from "../myself.ts";
import { address, go } from "../navigation.ts";
import { whileLookedAt } from "../presence.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Status } from "../parts/badge.tsx";
import { Facts } from "../parts/facts.tsx";
import { focusHeading, Heading } from "../parts/heading.tsx";
import { LinkTo } from "../parts/link.tsx";
import { Ago } from "../parts/time.tsx";
import { Failed, Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Failure, Moment, Session } from "../types.ts";
import { lives } from "./sessions.tsx";

export function OneSession({ id }: { id: string }) {
  const known = sessions.get(id);
  const { value, error, again } = useAsked(() => calls.session(id), [id, known?.status]);
  // Its own stream tells what no list has, such as an attempt that has failed.
  const [told, setTold] = useState<Session | null>(null);
  if (value === null) {
    return (
      <>
        <Heading title={words.session.title(known?.user_id ?? id.slice(0, 8))} />
        {error === null ? <Loading /> : <Trouble error={error} again={again} />}
      </>
    );
  }
  return <Shown session={told ?? value} tell={setTold} />;
}

function Shown({ session, tell }: { session: Session; tell: (session: Session) => void }) {
  const id = session.session_id;
  const alive = lives(session);
  return (
    <>
      <Heading title={words.session.title(session.user_id)}>
        {alive && (
          <>
            <a class="button" href={`/session/${id}?view=only`}>
              {words.session.watch}
            </a>
            <a class="button" href={`/session/${id}`}>
              {words.session.take}
            </a>
            {may("exec") && (
              <a class="button" href={`/session/${id}/terminal`}>
                {words.vm.terminal}
              </a>
            )}
            <Act
              label={words.session.cancel}
              act={() => calls.cancelSession(id)}
              confirm={{ title: words.session.cancelTitle, text: words.session.cancelText }}
            />
          </>
        )}
        <Act
          label={words.session.remove}
          act={() => calls.removeSession(id)}
          done={() => go(address("sessions"))}
          confirm={{ title: words.session.removeTitle, text: words.session.removeText }}
        />
      </Heading>
      <section class="card">
        <Facts
          of={[
            [words.sessions.status, <Status is={session.status} />],
            [words.sessions.user, session.user_id],
            [words.sessions.provider, session.provider],
            [words.sessions.started, <Ago at={session.created_at} />],
            [words.session.ended, session.completed_at && <Ago at={session.completed_at} />],
            [words.session.ahead, session.starts_ahead?.toString()],
            [words.session.vm, session.vm_id && <LinkTo place="vms" id={session.vm_id} />],
            [words.sessions.id, <code>{id}</code>],
          ]}
        />
        {session.failure && <Failed failure={session.failure} />}
        {session.attempt_failure && <Attempt id={id} failure={session.attempt_failure} />}
      </section>
      <History id={id} alive={alive} tell={tell} />
    </>
  );
}

/** Of a session that waits for another one; the person can ask for that, too. */
function Attempt({ id, failure }: { id: string; failure: Failure }) {
  return (
    <>
      <Failed failure={failure} />
      <p>{words.session.attempt}</p>
      {/* What was pressed goes away with the failure. */}
      <Act label={words.session.again} act={() => calls.trySignInAgain(id)} done={focusHeading} />
    </>
  );
}

/** What is seen of it is told as long as it lives, and then forgotten. */
function History(props: { id: string; alive: boolean; tell: (session: Session) => void }) {
  const { id, alive, tell } = props;
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  useEffect(() => {
    if (!alive) return undefined;
    const left = new AbortController();
    const listening = whileLookedAt(left.signal, async (signal) => {
      setMoments([]);
      for await (const event of calls.daemon.followSession({ id }, { signal })) {
        if (event.type === "session") tell(event.data.session);
        else setMoments((before) => [...before, event.data]);
      }
    });
    // The session's own call says what is wrong.
    listening.catch(() => {});
    return () => left.abort();
  }, [id, alive]);
  return (
    <section class="card">
      <h2>{words.session.history}</h2>
      {moments.length === 0 ? (
        <Nothing>{alive ? words.session.nothingYet : words.session.forgotten}</Nothing>
      ) : (
        <ol class="moments">
          {moments.map(({ at, text }, number) => (
            <li key={number}>
              <Ago at={at} /> <span>{text}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
