// What the agent runs in a VM, and the last lines that each of them has said.

import { useEffect, useRef, useState } from "preact/hooks";
import { words } from "../strings.ts";
import * as calls from "../calls.ts";
import { useAsked } from "../parts/asked.ts";
import { Status } from "../parts/badge.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import type { Service } from "../types.ts";

export function Services({ vm, services }: { vm: string; services: readonly Service[] }) {
  const [shown, setShown] = useState<string | null>(null);
  return (
    <section class="card">
      <h2>{words.vm.services}</h2>
      {services.length === 0 && <Nothing>{words.vm.noServices}</Nothing>}
      <ul class="services">
        {services.map(({ name, state }) => (
          <li key={name}>
            <code>{name}</code>
            <Status is={state.is} />
            <button
              type="button"
              aria-expanded={shown === name}
              onClick={() => setShown(shown === name ? null : name)}
            >
              {words.vm.log}
              <span class="visually-hidden"> {name}</span>
            </button>
            {state.cause && <p class="muted cause">{state.cause}</p>}
          </li>
        ))}
      </ul>
      {shown !== null && <Log key={shown} vm={vm} service={shown} />}
    </section>
  );
}

/** As far as it is now; more of it is asked for by hand. */
function Log({ vm, service }: { vm: string; service: string }) {
  const { value, error, again } = useAsked(() => calls.serviceLog(vm, service), [vm, service]);
  const lines = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (lines.current) lines.current.scrollTop = lines.current.scrollHeight;
  }, [value]);
  if (value === null) return error === null ? <Loading /> : <Trouble error={error} again={again} />;
  return (
    <>
      <pre class="log" ref={lines} tabIndex={0} aria-label={words.vm.logOf(service)}>
        {value === "" ? words.vm.silent : value}
      </pre>
      <div class="buttons">
        <button type="button" onClick={again}>
          {words.vm.again}
        </button>
      </div>
    </>
  );
}
