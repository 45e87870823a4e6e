// Every virtual machine, those that are gone among them.

import { words } from "../strings.ts";
import { sessions, vms } from "../live.ts";
import { address } from "../navigation.ts";
import { Status } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Listing } from "../parts/listing.tsx";
import type { Column } from "../parts/table.tsx";
import { Ago } from "../parts/time.tsx";
import type { Vm } from "../types.ts";

export const runs = (vm: Vm): boolean => !["destroyed", "failed"].includes(vm.status);

/** Whose it is; of one that waits for somebody, nobody's. */
export function userOf(vm: Vm): string | null {
  const session = vm.session_id ? sessions.get(vm.session_id) : undefined;
  return vm.user_id ?? session?.user_id ?? null;
}

const COLUMNS: readonly Column<Vm>[] = [
  {
    name: words.vms.id,
    cell: (vm) => (
      <a href={address("vms", vm.id)}>
        <code>{vm.id.slice(0, 8)}</code>
      </a>
    ),
  },
  { name: words.vms.kind, cell: (vm) => words.vms.kinds[vm.type] ?? vm.type },
  { name: words.vms.status, cell: (vm) => <Status is={vm.status} /> },
  {
    name: words.vms.user,
    cell: (vm) => <span class="name">{userOf(vm) ?? (runs(vm) ? words.vms.nobody : "")}</span>,
  },
  { name: words.vms.made, cell: (vm) => <Ago at={vm.created_at} /> },
  { name: words.vms.shape, cell: (vm) => words.vms.shapeOf(vm.vcpus, vm.memory_mib), end: true },
  { name: words.vms.why, cell: (vm) => vm.failure?.message ?? "" },
];

const GROUPS = [
  { name: words.groups.all, has: () => true },
  { name: words.groups.living, has: runs },
  { name: words.groups.asleep, has: (vm: Vm) => vm.status === "hibernated" },
  { name: words.groups.failed, has: (vm: Vm) => vm.status === "failed" },
];

export function Vms() {
  return (
    <>
      <Heading title={words.places.vms} />
      <Listing
        book={vms}
        label={words.places.vms}
        search={words.vms.search}
        text={(vm) => `${vm.id} ${vm.type} ${userOf(vm) ?? ""} ${vm.failure?.message ?? ""}`}
        id={(vm) => vm.id}
        columns={COLUMNS}
        groups={GROUPS}
        none={words.vms.none}
      />
    </>
  );
}
