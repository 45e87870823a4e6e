// What the daemon tells by itself, as long as the console is open: no list is asked for twice.

import { batch, signal } from "@preact/signals";
import { apiErrorOf } from "../api/error.ts";
import { Book } from "./book.ts";
import * as calls from "./calls.ts";
import { whileLookedAt } from "./presence.ts";
import type { Prompt, Scope, Session, Stats, Vm } from "./types.ts";

/** Five minutes of what the daemon tells every five seconds. */
const MOST_REMEMBERED = 60;

export const sessions = new Book<Session>({
  load: calls.sessions,
  id: (session) => session.session_id,
  madeAt: (session) => session.created_at,
});
export const vms = new Book<Vm>({ load: calls.vms, id: (vm) => vm.id, madeAt: (vm) => vm.created_at });
export const prompts = new Book<Prompt>({
  load: calls.prompts,
  id: (prompt) => prompt.id,
  madeAt: (prompt) => prompt.createdAt,
});

/** Whether changes arrive. */
export const connected = signal(true);
/** The last ones, the newest at the end. */
export const stats = signal<readonly Stats[]>([]);
/** Grow when that list has changed. */
export const changes = { keys: signal(0), deliveries: signal(0), audit: signal(0) };

/**
 * Follows until the page is left, over as many connections as it takes; ends with the ApiError of a daemon that does not let
 * this page in any more.
 */
export async function follow(may: (scope: Scope) => boolean): Promise<void> {
  const onBreak = (): void => {
    connected.value = false;
  };
  try {
    await whileLookedAt(new AbortController().signal, async (signal) => {
      for await (const event of calls.daemon.followChanges({}, { signal, onBreak })) {
        connected.value = true;
        hear(event, may);
      }
    });
  } catch (cause) {
    throw apiErrorOf(cause);
  }
}

type Told = ReturnType<typeof calls.daemon.followChanges> extends AsyncGenerator<infer Event> ? Event : never;

function hear(told: Told, may: (scope: Scope) => boolean): void {
  switch (told.type) {
    case "begin":
      if (may("sessions")) void sessions.read();
      if (may("vms")) void vms.read();
      if (may("prompts")) void prompts.read();
      batch(() => Object.values(changes).forEach((list) => (list.value += 1)));
      break;
    case "session":
      sessions.put(told.data);
      break;
    case "vm":
      vms.put(told.data);
      break;
    case "prompt":
      prompts.put(told.data);
      break;
    case "gone":
      (told.data.of === "session" ? sessions : prompts).remove(told.data.id);
      break;
    case "changed":
      changes[told.data.of].value += 1;
      break;
    case "stats":
      stats.value = [...stats.value, told.data].slice(-MOST_REMEMBERED);
      break;
  }
}
