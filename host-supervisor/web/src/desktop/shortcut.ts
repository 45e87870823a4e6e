// Which key presses are about the clipboard. They need this computer's clipboard beside the desktop's.

export type Shortcut = "copy" | "paste";

export interface KeyPress {
  readonly code: string;
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/**
 * Letters by `key`, so that they are where the keyboard's layout has them; by `code` where the layout has no
 * Latin letters. Command of Apple's keyboards counts as Control.
 */
export function shortcutOf(press: KeyPress): Shortcut | null {
  if (press.altKey) return null;
  const command = press.ctrlKey !== press.metaKey;
  if (press.code === "Insert") {
    if (press.shiftKey && !command) return "paste";
    return press.ctrlKey && !press.shiftKey ? "copy" : null;
  }
  if (!command) return null;
  switch (letterOf(press)) {
    case "v":
      return "paste";
    case "c":
    case "x":
      return "copy";
    default:
      return null;
  }
}

/** Of a press that copies: whether it does nothing else in any program, as Control and C does in a terminal. */
export function meansOnlyCopying(press: KeyPress): boolean {
  return press.code === "Insert" || (press.shiftKey && letterOf(press) === "c");
}

/** The Latin letter of this key, in lower case; empty if it is no letter key. */
export function letterOf(press: Pick<KeyPress, "code" | "key">): string {
  const key = press.key.toLowerCase();
  if (/^[a-z]$/.test(key)) return key;
  return /^Key[A-Z]$/.test(press.code) ? press.code.slice(-1).toLowerCase() : "";
}
