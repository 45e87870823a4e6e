// A session's status as a coloured word; the word alone says it all.

import { ENDED_STATUSES, type SessionStatus } from "../api/types.ts";
import { strings } from "../strings.ts";
import { element } from "./element.ts";

export function statusBadge(status: SessionStatus): HTMLElement {
  return element("span", { class: `badge badge-${toneOf(status)}` }, strings.status[status]);
}

function toneOf(status: SessionStatus): "good" | "bad" | "over" | "waiting" | "living" {
  if (status === "completed") return "good";
  if (status === "failed") return "bad";
  if (status === "awaiting_user_auth") return "waiting";
  return (ENDED_STATUSES as readonly string[]).includes(status) ? "over" : "living";
}
