// How long to wait before the next look at a session.

import type { ApiError } from "../api/error.ts";

/** The daemon holds a look back until there is news; this only bounds how often news can come. */
const USUAL_MS = 250;
const FIRST_TROUBLE_MS = 1000;
const HIDDEN_MS = 5000;
const MAX_TROUBLE_MS = 8000;

export interface Pace {
  readonly hidden: boolean;
  /** Looks in a row that brought nothing. */
  readonly failures: number;
  readonly lastError: ApiError | null;
}

export function pauseMs({ hidden, failures, lastError }: Pace): number {
  const undisturbed = hidden ? HIDDEN_MS : USUAL_MS;
  if (failures === 0) return undisturbed;
  const doubled = Math.min(FIRST_TROUBLE_MS * 2 ** (failures - 1), MAX_TROUBLE_MS);
  return Math.max(undisturbed, doubled, lastError?.retryAfterMs ?? 0);
}
