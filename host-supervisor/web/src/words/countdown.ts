// How long a code is still good, to be seen every second and heard a few times.

import { strings } from "../strings.ts";

const SECOND_MS = 1000;
const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
/** When it is said aloud. */
const MILESTONES_MIN = [1, 5, 10];

/** `14:32`, `1:02:05`. */
export function clockFace(ms: number): string {
  const seconds = wholeSeconds(ms);
  const hours = Math.floor(seconds / HOUR_S);
  const minutes = Math.floor((seconds % HOUR_S) / MINUTE_S);
  const two = (part: number): string => String(part).padStart(2, "0");
  const tail = two(seconds % MINUTE_S);
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}

export function countdownInWords(leftMs: number): string {
  return hasExpired(leftMs) ? strings.device.expired : strings.device.expires(clockFace(leftMs));
}

/** Changes at milestones only, so that a screen reader is not made to say every second. */
export function countdownAloud(userCode: string, leftMs: number): string {
  if (hasExpired(leftMs)) return strings.device.expired;
  const minutes = MILESTONES_MIN.find((milestone) => wholeSeconds(leftMs) <= milestone * MINUTE_S);
  if (minutes === undefined) return strings.device.aloud(userCode);
  return strings.device.aloudWithin(userCode, strings.time.minutes(minutes));
}

/** Once the face shows nothing but zeros. */
export function hasExpired(leftMs: number): boolean {
  return wholeSeconds(leftMs) === 0;
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / SECOND_MS));
}
