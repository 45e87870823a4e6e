// What a service has said, as far as this page has heard and kept it.

import type { ServiceLog } from "@anteroom/client";

export interface Said {
  /** In the order in which they came. */
  readonly pieces: readonly Piece[];
}

export interface Piece {
  /** Another one than that of every other piece. */
  readonly number: number;
  readonly text: string;
}

/** A service that never falls silent must not fill the memory; the oldest pieces go first. */
const MOST_CHARACTERS = 512 * 1024;

/** `before`: `null` when nothing was heard yet. */
export function heard(before: Said | null, { text, whole }: Pick<ServiceLog, "text" | "whole">): Said {
  if (before === null) return kept([], text);
  if (!whole) return kept(before.pieces, text);
  const since = comeSince(before.pieces.map((piece) => piece.text).join(""), text);
  // More came meanwhile than the daemon has: what was known does not join on to it.
  return since === null ? kept([], text) : kept(before.pieces, since);
}

function kept(before: readonly Piece[], text: string): Said {
  if (text === "") return { pieces: before };
  const pieces = [...before, { number: (before.at(-1)?.number ?? 0) + 1, text }];
  let characters = pieces.reduce((sum, piece) => sum + piece.text.length, 0);
  while (pieces.length > 1 && characters > MOST_CHARACTERS) characters -= pieces.shift()?.text.length ?? 0;
  return { pieces };
}

/** What stands in `now` after the last lines of `before`; `null` when they do not stand there. */
function comeSince(before: string, now: string): string | null {
  for (let from = before; from !== "";) {
    if (now.startsWith(from)) return now.slice(from.length);
    const end = from.indexOf("\n");
    from = end === -1 ? "" : from.slice(end + 1);
  }
  return before === "" ? now : null;
}
