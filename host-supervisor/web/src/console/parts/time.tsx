// Moments, as they recede.

import { signal } from "@preact/signals";
import { agoInWords, durationInWords, exactTime } from "../../words/time.ts";

const TICK_MS = 15_000;

const now = signal(new Date());
setInterval(() => {
  now.value = new Date();
}, TICK_MS);

export function Ago({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={exactTime(moment)}>
      {agoInWords(moment, latest())}
    </time>
  );
}

export function Until({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={exactTime(moment)}>
      {durationInWords(moment.getTime() - latest().getTime())}
    </time>
  );
}

/** What has happened since the last tick is not in the future. */
function latest(): Date {
  const ticked = now.value.getTime();
  return new Date(Math.max(ticked, Date.now()));
}
