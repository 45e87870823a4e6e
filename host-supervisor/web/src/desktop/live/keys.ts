// X11 key symbols for the keys of a browser's keyboard events (UI Events KeyboardEvent key Values; X.Org's
// keysymdef.h).

import { Keysym, keysymOf } from "../keysym.ts";

const NAMED: Readonly<Record<string, number>> = {
  Backspace: Keysym.BackSpace,
  Tab: Keysym.Tab,
  Enter: Keysym.Return,
  Escape: Keysym.Escape,
  Insert: Keysym.Insert,
  Delete: 0xffff,
  Pause: 0xff13,
  ScrollLock: 0xff14,
  Home: 0xff50,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  PrintScreen: 0xff61,
  ContextMenu: 0xff67,
};

/** Left, and one more for right. */
const PAIRED: Readonly<Record<string, number>> = {
  Shift: 0xffe1,
  Control: Keysym.Control,
  Alt: Keysym.Alt,
  Meta: 0xffeb,
};

export interface Key {
  readonly key: string;
  readonly code: string;
}

/**
 * `null`: not for the desktop as a key. Locks are not, because what they change is in the symbols already; AltGr is not,
 * for the same reason; and what is still being composed is not yet a character.
 */
export function keysymOfKey({ key, code }: Key): number | null {
  const named = NAMED[key];
  if (named !== undefined) return named;
  const paired = PAIRED[key];
  // Of these the right one is the next symbol.
  if (paired !== undefined) return paired + (code.endsWith("Right") ? 1 : 0);
  const functionKey = /^F([1-9]|1[0-9]|2[0-4])$/.exec(key)?.[1];
  if (functionKey !== undefined) return 0xffbe + Number(functionKey) - 1;
  return Array.from(key).length === 1 ? keysymOf(key) : null;
}
