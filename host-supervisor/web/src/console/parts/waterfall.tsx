// A VM's timeline as a picture: when what happened since it was asked for, each step from the one before it.

import { words } from "../strings.ts";
import type { Mark } from "../types.ts";

/** The names of the marks with which a VM's beginning is over; what follows is its life. */
const BEGUN = new Set([
  "desktop-painted",
  "desktop-ready",
  "resumed",
  "was-ready",
  "agent-answered",
  "restored",
]);

export function Waterfall({ marks }: { marks: readonly Mark[] }) {
  const ordered = [...marks].sort((a, b) => a.since_request_ms - b.since_request_ms);
  const last = ordered.findLastIndex(({ name }) => BEGUN.has(name));
  const beginning = last < 0 ? ordered : ordered.slice(0, last + 1);
  const life = ordered.slice(beginning.length);
  const whole = Math.max(1, beginning.at(-1)?.since_request_ms ?? 1);
  return (
    <ol class="waterfall">
      {beginning.map((mark, at) => {
        const from = Math.max(0, beginning[at - 1]?.since_request_ms ?? 0);
        const to = Math.max(from, mark.since_request_ms);
        return (
          <li key={`${mark.name} ${mark.at}`}>
            <span class="step">{nameOf(mark.name)}</span>
            <span class="track" aria-hidden="true">
              <span
                class="bar-of-time"
                style={{ left: `${(from / whole) * 100}%`, width: `${((to - from) / whole) * 100}%` }}
              />
            </span>
            <span class="when">{words.milliseconds(mark.since_request_ms)}</span>
          </li>
        );
      })}
      {life.map((mark) => (
        <li key={`${mark.name} ${mark.at}`}>
          <span class="step">{nameOf(mark.name)}</span>
          <span class="track later" aria-hidden="true" />
          <span class="when">{words.milliseconds(mark.since_request_ms)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The daemon's own word for a mark that has none here. */
function nameOf(mark: string): string {
  const service = /^service:(.+)$/.exec(mark)?.[1];
  if (service !== undefined) return words.timeline.service(service);
  return words.timeline.marks[mark] ?? mark;
}
