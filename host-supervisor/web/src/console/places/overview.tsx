// How the host is: room, load, what runs, what is wrong, and what failed lately.

import { words } from "../strings.ts";
import { bytesInWords } from "../../words/bytes.ts";
import { durationInWords } from "../../words/time.ts";
import * as calls from "../calls.ts";
import { sessions, stats, vms } from "../live.ts";
import { may, myself } from "../myself.ts";
import { address } from "../navigation.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Badge, Status } from "../parts/badge.tsx";
import { Facts } from "../parts/facts.tsx";
import { Heading } from "../parts/heading.tsx";
import { Meter } from "../parts/meter.tsx";
import { Ago } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Stats } from "../types.ts";

const MIB = 1024 * 1024;
const MOST_FAILURES = 5;

export function Overview() {
  return (
    <>
      <Heading title={words.places.overview}>
        <a class="button primary" href="/">
          {words.sessions.start}
        </a>
      </Heading>
      {may("admin") && (
        <div class="cards">
          <Capacity />
          <Health />
        </div>
      )}
      <Failures />
    </>
  );
}

function Capacity() {
  const first = useAsked(calls.stats, []);
  const past = stats.value;
  const now = past.at(-1) ?? first.value;
  if (!now) return first.error === null ? <Loading /> : <Trouble error={first.error} again={first.again} />;
  const { host } = now;
  const load = host.load[0] ?? 0;
  return (
    <section class="card">
      <h2>{words.overview.capacity}</h2>
      <Meter
        name={words.overview.vms}
        text={words.of(String(running(now)), String(now.vmLimit))}
        share={running(now) / now.vmLimit}
        past={past.map((then) => running(then) / then.vmLimit)}
      />
      <Meter
        name={words.overview.memory}
        text={words.of(bytesInWords(used(now) * MIB), bytesInWords((host.memoryMib ?? 0) * MIB))}
        share={memory(now)}
        past={past.map(memory)}
      />
      <Meter
        name={words.overview.load}
        text={words.overview.loadOf(load, host.processors)}
        share={load / host.processors}
        past={past.map(({ host: then }) => (then.load[0] ?? 0) / then.processors)}
      />
      <Facts
        of={[
          [words.overview.ready, String(now.poolReady)],
          [words.overview.launching, words.overview.launches(now.launching, now.launchesWaiting)],
          [words.overview.viewers, String(now.viewers)],
          [
            words.overview.disk,
            typeof host.diskAvailableMib === "number" && bytesInWords(host.diskAvailableMib * MIB),
          ],
          [words.overview.uptime, durationInWords(now.uptime * 1000)],
        ]}
      />
    </section>
  );
}

const running = (now: Stats): number =>
  Object.entries(now.vms)
    .filter(([status]) => status !== "hibernated")
    .reduce((sum, [, count]) => sum + count, 0);

/** In MiB; nothing where the host does not say. */
const used = ({ host }: Stats): number => (host.memoryMib ?? 0) - (host.memoryAvailableMib ?? 0);
const memory = (now: Stats): number => used(now) / Math.max(1, now.host.memoryMib ?? 1);

function Health() {
  const checks = useAsked(calls.checks, [vms.rows.value.length]);
  const image = useAsked(calls.image, []);
  return (
    <section class="card">
      <h2>{words.overview.health}</h2>
      {checks.value === null &&
        (checks.error === null ? <Loading /> : <Trouble error={checks.error} again={checks.again} />)}
      <ul class="checks">
        {checks.value?.map(({ name, ok, cause }) => (
          <li key={name}>
            <Badge tone={ok ? "good" : "bad"}>{ok ? words.overview.ok : words.overview.wrong}</Badge>
            <span>{words.overview.checks[name] ?? name}</span>
            {cause && <p class="cause">{cause}</p>}
          </li>
        ))}
      </ul>
      <Facts
        of={[
          [words.overview.version, myself.value?.version],
          [
            words.overview.vmm,
            image.value &&
              words.overview.vmmOf(
                image.value.backend.backend,
                image.value.backend.version,
                image.value.backend.acceleration,
              ),
          ],
          [
            words.overview.image,
            image.value && `${image.value.profile} · ${image.value.digest.slice(0, 12)}`,
          ],
        ]}
      />
      <CleanUp />
    </section>
  );
}

function CleanUp() {
  return (
    <Act
      label={words.overview.cleanUp}
      act={calls.cleanUp}
      told={(removed) => words.overview.cleaned(removed.length)}
      confirm={{ title: words.overview.cleanTitle, text: words.overview.cleanText }}
    />
  );
}

function Failures() {
  if (!may("sessions")) return null;
  const failed = sessions.rows.value.filter(({ status }) => status === "failed").slice(0, MOST_FAILURES);
  return (
    <section class="card">
      <h2>{words.overview.failures}</h2>
      {failed.length === 0 && <Nothing>{words.overview.noFailures}</Nothing>}
      <ul class="failures">
        {failed.map((session) => (
          <li key={session.session_id}>
            <a href={address("sessions", session.session_id)}>
              {session.user_id} · {session.provider}
            </a>
            <Status is={session.status} />
            <Ago at={session.completed_at ?? session.created_at} />
            <p class="cause">{session.failure?.message}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
