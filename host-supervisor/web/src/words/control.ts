// What is said of who moves the desktop's pointer and keys. Nothing while it is as everybody expects.

import type { Control } from "../desktop/view.ts";
import { strings } from "../strings.ts";

export interface ControlNote {
  readonly text: string;
  /** Whether this page can ask for it. */
  readonly canTake: boolean;
}

export function controlNote(control: Control | null): ControlNote | null {
  const words = strings.control;
  switch (control) {
    case "never":
      return { text: words.never, canTake: false };
    case "other":
      return { text: words.other, canTake: true };
    case "free":
      return { text: words.free, canTake: true };
    case "mine":
    case "shared":
    case null:
      return null;
  }
}
