// What a session's status means for the page: whether it lives, how far it is, whether there is a desktop.

import { ENDED_STATUSES, type EndedStatus, type Session, type SessionStatus } from "../api/types.ts";
import { strings } from "../strings.ts";
import { fieldOf } from "./sign-in.ts";

export function hasEnded(status: SessionStatus): status is EndedStatus {
  return (ENDED_STATUSES as readonly string[]).includes(status);
}

/** `ready` or better, and the VM still there. */
export function hasDesktop(status: SessionStatus): boolean {
  return status === "ready" || status === "awaiting_user_auth" || status === "unknown";
}

/**
 * The step (of `strings.progress.steps`) that is under way; their count when all are done. An ended session does
 * not say how far it came: then it is the step last seen alive, if one was seen.
 */
export function stepOf(status: SessionStatus, lastLivingStep: number | null): number | null {
  switch (status) {
    case "initializing":
      return 0;
    case "vm_created":
      return 1;
    case "ready":
      return 2;
    case "awaiting_user_auth":
      return 3;
    case "completed":
      return strings.progress.steps.length;
    default:
      return lastLivingStep;
  }
}

/** One line: what happens now. */
export function nowInWords(session: Session, providerName: string): string {
  switch (session.status) {
    case "ready":
    case "awaiting_user_auth":
      return turnInWords(session, session.status)(providerName);
    case "initializing":
      return session.startsAhead === null
        ? strings.now.initializing
        : strings.now.queued(strings.ahead(session.startsAhead));
    default:
      return strings.now[session.status];
  }
}

function turnInWords(
  session: Session,
  status: "ready" | "awaiting_user_auth",
): (providerName: string) => string {
  if (session.device !== null) return strings.now.device;
  return fieldOf(session) === "code" ? strings.now.code : strings.now[status];
}
