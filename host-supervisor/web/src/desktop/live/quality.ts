// What the browser's statistics say of a live picture (W3C, Identifiers for WebRTC's Statistics API).

import type { Quality } from "../view.ts";

/** The sums of one moment; what is shown is the difference of two. */
export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly roundTripMs: number | null;
}

export function sampleOf(report: Iterable<[string, unknown]>): Sample | null {
  let video: Record<string, unknown> | null = null;
  let roundTripMs: number | null = null;
  for (const [, entry] of report) {
    const stats = entry as Record<string, unknown>;
    if (stats["type"] === "inbound-rtp" && stats["kind"] === "video") video = stats;
    const rtt = stats["currentRoundTripTime"];
    if (stats["type"] === "candidate-pair" && stats["nominated"] === true && typeof rtt === "number")
      roundTripMs = rtt * 1000;
  }
  if (video === null) return null;
  const number = (name: string): number => (typeof video[name] === "number" ? video[name] : 0);
  return {
    atMs: number("timestamp"),
    bytes: number("bytesReceived"),
    frames: number("framesDecoded"),
    width: number("frameWidth"),
    height: number("frameHeight"),
    roundTripMs,
  };
}

/** Between two samples; `null` when no time has passed. */
export function qualityOf(before: Sample, now: Sample): Quality | null {
  const seconds = (now.atMs - before.atMs) / 1000;
  if (!(seconds > 0)) return null;
  return {
    width: now.width,
    height: now.height,
    framesPerSecond: Math.max(0, Math.round((now.frames - before.frames) / seconds)),
    kilobitsPerSecond: Math.max(0, Math.round(((now.bytes - before.bytes) * 8) / 1000 / seconds)),
    roundTripMs: now.roundTripMs,
  };
}
