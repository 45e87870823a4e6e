// How good a live picture is, in few words.

import type { Quality } from "../desktop/view.ts";
import { strings } from "../strings.ts";

/** "Live · 1280 × 800 · 850 kbit/s · 12 ms" */
export function qualityInWords(quality: Quality): string {
  const { width, height, kilobitsPerSecond, roundTripMs } = quality;
  const size = width > 0 && height > 0 ? `${width} × ${height}` : "";
  const delay = roundTripMs === null ? "" : `${Math.round(roundTripMs)} ms`;
  return strings.desktop.quality(size, rateInWords(kilobitsPerSecond), delay);
}

function rateInWords(kilobitsPerSecond: number): string {
  if (kilobitsPerSecond < 1000) return `${kilobitsPerSecond} kbit/s`;
  return `${(kilobitsPerSecond / 1000).toFixed(1)} Mbit/s`;
}
