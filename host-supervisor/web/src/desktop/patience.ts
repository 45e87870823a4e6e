// How long a view of the desktop may take before it is given up; none ends by itself. Pure.

import type { Progress, Way } from "./view.ts";

const PATIENCE_MS: Record<Way | Progress, number> = {
  live: 10_000,
  // A network that lets packets through does it at once; a guest may take its time for the first picture.
  answered: 5000,
  connected: 20_000,
  plain: 20_000,
};

/** From now on, for a view that has just begun, or has come so far. */
export function patienceMs(at: Way | Progress): number {
  return PATIENCE_MS[at];
}
