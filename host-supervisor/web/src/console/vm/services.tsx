// What the agent runs in a VM, and what one of these says.

import { words } from "../strings.ts";
import { Status } from "../parts/badge.tsx";
import { Nothing } from "../parts/told.tsx";
import type { Service } from "../types.ts";
import { Log } from "./log.tsx";
import type { Said } from "./said.ts";

interface ServicesProps {
  readonly services: readonly Service[];
  /** Whose log is open. */
  readonly open: string | null;
  readonly setOpen: (service: string | null) => void;
  readonly said: Said | null;
}

export function Services({ services, open, setOpen, said }: ServicesProps) {
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
              aria-expanded={open === name}
              onClick={() => setOpen(open === name ? null : name)}
            >
              {words.vm.log}
              <span class="visually-hidden"> {name}</span>
            </button>
            {state.cause && <p class="muted cause">{state.cause}</p>}
            {open === name && <Log key={name} service={name} said={said} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
