// The daemon's clock: a code expires by that, and a telephone's may go wrong by minutes.

/** `Date` has whole seconds and some time on its way; what is less than this is no difference. */
const TOLERANCE_MS = 2000;

/** To be added to this computer's time. `known` stays while it fits, so that a countdown does not jump. */
export function clockOffsetMs(dateHeader: string | null, nowMs: number, known: number): number {
  const measured = Date.parse(dateHeader ?? "") - nowMs;
  if (Number.isNaN(measured)) return known;
  return Math.abs(measured - known) < TOLERANCE_MS ? known : measured;
}
