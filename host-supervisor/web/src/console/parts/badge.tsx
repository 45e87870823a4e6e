// A status as a coloured word; the word alone says it all.

import { words } from "../strings.ts";

export type Tone = "good" | "bad" | "waiting" | "living" | "over";

const TONES: Readonly<Record<string, Tone>> = {
  initializing: "living",
  vm_created: "living",
  ready: "living",
  awaiting_user_auth: "waiting",
  completed: "good",
  failed: "bad",
  creating: "living",
  booting: "living",
  running: "living",
  hibernating: "waiting",
  hibernated: "waiting",
  waking: "waiting",
  stopping: "over",
  queued: "waiting",
  starting: "living",
  done: "good",
  pending: "waiting",
  delivered: "good",
  waiting: "waiting",
  back_off: "bad",
};

/** Of a status that the daemon names; one that this page does not know is shown as it is. */
export function Status({ is }: { is: string }) {
  return <Badge tone={TONES[is] ?? "over"}>{words.status[is] ?? is}</Badge>;
}

export function Badge({ tone, children }: { tone: Tone; children: string }) {
  return <span class={`badge badge-${tone}`}>{children}</span>;
}
