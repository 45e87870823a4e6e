// One virtual machine: what it is, what happened in it, what runs in it, and what can be done with it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { may } from "../myself.ts";
import { address, go } from "../navigation.ts";
import { Act } from "../parts/act.tsx";
import { Status } from "../parts/badge.tsx";
import { Facts } from "../parts/facts.tsx";
import { Heading } from "../parts/heading.tsx";
import { LinkTo } from "../parts/link.tsx";
import { Ago } from "../parts/time.tsx";
import { Failed, Loading, Trouble } from "../parts/told.tsx";
import { Waterfall } from "../parts/waterfall.tsx";
import type { Origin, VmDetails } from "../types.ts";
import { Condition } from "../vm/condition.tsx";
import { useVm } from "../vm/followed.ts";
import { Picture } from "../vm/picture.tsx";
import { Services } from "../vm/services.tsx";
import { runs, userOf } from "./vms.tsx";

export function OneVm({ id }: { id: string }) {
  const [open, setOpen] = useState<string | null>(null);
  const { vm, said, error, again } = useVm(id, open);
  if (vm === null) {
    return (
      <>
        <Heading title={words.vm.title(id.slice(0, 8))} />
        {error === null ? <Loading /> : <Trouble error={error} again={again} />}
      </>
    );
  }
  const services = <Services services={vm.services} open={open} setOpen={setOpen} said={said} />;
  return (
    <>
      <Shown vm={vm} services={services} />
      {error !== null && <Trouble error={error} again={again} />}
    </>
  );
}

function Shown({ vm, services }: { vm: VmDetails; services: ComponentChildren }) {
  const awake = runs(vm) && vm.status !== "hibernated";
  return (
    <>
      <Heading title={words.vm.title(vm.id.slice(0, 8))}>
        {awake && may("exec") && (
          <a class="button" href={`/vm/${vm.id}/terminal`}>
            {words.vm.terminal}
          </a>
        )}
        {vm.status === "running" && <Act label={words.vm.hibernate} act={() => calls.hibernate(vm.id)} />}
        {vm.status === "hibernated" && <Act label={words.vm.wake} act={() => calls.wake(vm.id)} />}
        {runs(vm) && (
          <Act
            label={words.vm.remove}
            act={() => calls.removeVm(vm.id)}
            done={() => go(address("vms"))}
            confirm={{ title: words.vm.removeTitle, text: words.vm.removeText }}
          />
        )}
      </Heading>
      <section class="card">
        <Facts
          of={[
            [words.vms.status, <Status is={vm.phase} />],
            [words.vms.kind, words.vms.kinds[vm.type] ?? vm.type],
            [words.vms.user, userOf(vm)],
            [words.vm.session, vm.session_id && <LinkTo place="sessions" id={vm.session_id} />],
            [words.vms.made, <Ago at={vm.created_at} />],
            [words.vm.ended, vm.ended_at && <Ago at={vm.ended_at} />],
            [words.vms.shape, words.vms.shapeOf(vm.vcpus, vm.memory_mib)],
            [words.vm.began, vm.origin && originInWords(vm.origin)],
            [words.vm.noneReady, vm.none_ready],
            [words.vm.ahead, vm.starts_ahead?.toString()],
            [words.vms.id, <code>{vm.id}</code>],
          ]}
        />
        {vm.failure && <Failed failure={vm.failure} />}
      </section>
      {awake && vm.type === "browser" && may("exec") && <Picture vm={vm.id} />}
      <section class="card">
        <h2>{words.vm.timeline}</h2>
        <Waterfall marks={vm.timeline} />
      </section>
      {awake && services}
      <Condition vm={vm} />
    </>
  );
}

function originInWords(origin: Origin): string {
  switch (origin.from) {
    case "boot":
      return words.vm.booted(origin.because);
    case "snapshot":
      return words.vm.restored(origin.key.slice(0, 12));
    case "pool":
      return words.vm.pooled(origin.waited_s, originInWords(origin.begun));
  }
}
