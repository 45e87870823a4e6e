// Durations and moments in plain words.

import { strings } from "../strings.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** In the largest unit that gives at least one, rounded down. */
export function durationInWords(ms: number): string {
  if (ms < MINUTE_MS) return strings.time.seconds(Math.max(0, Math.floor(ms / SECOND_MS)));
  if (ms < HOUR_MS) return strings.time.minutes(Math.floor(ms / MINUTE_MS));
  if (ms < DAY_MS) return strings.time.hours(Math.floor(ms / HOUR_MS));
  return strings.time.days(Math.floor(ms / DAY_MS));
}

/** A moment of the future is a clock that goes wrong, and is taken for now. */
export function agoInWords(moment: Date, now: Date): string {
  const ms = now.getTime() - moment.getTime();
  return ms < SECOND_MS ? strings.time.justNow : strings.time.ago(durationInWords(ms));
}

/** Date and time as this person's computer writes them. */
export function exactTime(moment: Date): string {
  return moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
