// Which way to the desktop is tried next.

import type { Way } from "./view.ts";

export interface Tried {
  /** The browser has no WebRTC. */
  readonly liveImpossible: boolean;
  /** A live picture was seen in this page. */
  readonly liveSeen: boolean;
  /** Live tries without a picture since the last one that had one. */
  readonly liveFailures: number;
}

/** A network that has carried the live picture once gets more than one chance to do it again. */
const CHANCES = 3;

export function nextWay({ liveImpossible, liveSeen, liveFailures }: Tried): Way {
  if (liveImpossible) return "plain";
  return liveFailures < (liveSeen ? CHANCES : 1) ? "live" : "plain";
}
