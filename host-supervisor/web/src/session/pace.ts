// How long to wait before the next look at a session.

import type { ApiError } from "../api/error.ts";
import type { SessionStatus } from "../api/types.ts";

const FIRST_TROUBLE_MS = 1000;
const HIDDEN_MS = 5000;
const MAX_TROUBLE_MS = 8000;

/**
 * For the page of a session. Waiting for a person may take a quarter of an hour; looking once a second then stays
 * below what the daemon's rate limit gives back (1000 requests in 15 minutes), and a VM that goes away is noticed
 * at once all the same, because its picture goes too.
 */
export function usualPauseMs(status: SessionStatus | null): number {
  return status === "awaiting_user_auth" ? 1000 : 500;
}

/** For a frame: the site around it looks too. */
export function framePauseMs(status: SessionStatus | null): number {
  return status === "awaiting_user_auth" ? 4000 : 1000;
}

export interface Pace {
  /** While all is well and somebody looks. */
  readonly usualMs: number;
  readonly hidden: boolean;
  /** Looks in a row that brought nothing. */
  readonly failures: number;
  readonly lastError: ApiError | null;
}

export function pauseMs({ usualMs, hidden, failures, lastError }: Pace): number {
  const undisturbed = hidden ? HIDDEN_MS : usualMs;
  if (failures === 0) return undisturbed;
  const doubled = Math.min(FIRST_TROUBLE_MS * 2 ** (failures - 1), MAX_TROUBLE_MS);
  return Math.max(undisturbed, doubled, lastError?.retryAfterMs ?? 0);
}
