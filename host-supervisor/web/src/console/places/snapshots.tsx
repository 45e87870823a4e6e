// What VMs begin with: snapshots, and those that are ready.

import { words } from "../strings.ts";
import { bytesInWords } from "../../words/bytes.ts";
import * as calls from "../calls.ts";
import { stats, vms } from "../live.ts";
import { useAsked } from "../parts/asked.ts";
import { Facts } from "../parts/facts.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Snapshot } from "../types.ts";

const COLUMNS: readonly Column<Snapshot>[] = [
  { name: words.snapshots.key, cell: ({ key }) => <code>{key.slice(0, 12)}</code> },
  { name: words.snapshots.profile, cell: ({ profile }) => profile },
  { name: words.snapshots.shape, cell: shape },
  { name: words.snapshots.made, cell: ({ madeAt }) => <Ago at={madeAt} /> },
  { name: words.snapshots.took, cell: ({ buildMs }) => words.milliseconds(buildMs), end: true },
  { name: words.snapshots.size, cell: ({ storedBytes }) => bytesInWords(storedBytes), end: true },
];

function shape({ conditions }: Snapshot): string {
  const { vcpus, memory_mib: memory } = conditions as { vcpus?: unknown; memory_mib?: unknown };
  return typeof vcpus === "number" && typeof memory === "number" ? words.vms.shapeOf(vcpus, memory) : "";
}

export function SnapshotsAndPool() {
  const { value, error, again } = useAsked(calls.snapshots, [vms.rows.value.length]);
  return (
    <>
      <Heading title={words.places.snapshots} />
      <section class="card">
        <h2>{words.snapshots.pool}</h2>
        <p class="muted">{words.snapshots.poolExplanation}</p>
        <Facts of={[[words.overview.ready, stats.value.at(-1)?.poolReady.toString()]]} />
      </section>
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value && !value.used && <Nothing>{words.snapshots.off}</Nothing>}
      {value?.used && value.snapshots.length === 0 && <Nothing>{words.snapshots.none}</Nothing>}
      {value?.problems.map((problem) => (
        <p class="notice notice-error" key={problem}>
          {problem}
        </p>
      ))}
      {value && value.snapshots.length > 0 && (
        <Table
          label={words.places.snapshots}
          rows={value.snapshots}
          columns={COLUMNS}
          id={({ key }) => key}
        />
      )}
    </>
  );
}
