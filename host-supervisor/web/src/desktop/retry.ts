// How long to wait before the next try to reach a desktop.

const FIRST_MS = 250;
const MAX_MS = 3000;

/** `failures`: tries in a row that showed no picture, 0 right after a picture was lost. */
export function retryAfterMs(failures: number): number {
  return Math.min(FIRST_MS * 2 ** failures, MAX_MS);
}
