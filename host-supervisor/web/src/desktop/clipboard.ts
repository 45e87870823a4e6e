// Carries text between this computer's clipboard and the desktop's, only when the person at the keyboard asks.
//
// Paste: the key press is kept from the view, so that the browser fires its own `paste` event, which needs no
// permission; its text goes to the desktop's clipboard, then the keys go there too.
// Copy: the keys go to the desktop; text that arrives soon after is put into this computer's clipboard. Text that
// arrives unasked only waits for a click: a guest must not be able to replace what somebody else copied.
// A way that the operator has closed is left alone: then the keys go to the desktop as any others do.
// Terminals copy what is selected at once, and tell nothing more when it is copied once again. Their keys, Control with
// Shift and C, mean copying and nothing else, so they fetch what waits; Control with C does not, which interrupts there.

import { Keysym } from "./keysym.ts";
import { type KeyPress, letterOf, meansOnlyCopying, shortcutOf } from "./shortcut.ts";

/** Longer text is not what somebody pastes into a sign-in. */
export const MAX_CLIPBOARD_CHARS = 100_000;
const COPY_WITHIN_MS = 2000;

/** Which ways are open. */
export interface Ways {
  readonly toDesktop: boolean;
  readonly fromDesktop: boolean;
}

export interface ClipboardPeer {
  /** Whether the desktop gets it. */
  setClipboard(text: string): boolean;
  /** Whether Command is held in the desktop as Control already. */
  commandIsControl(): boolean;
  /** Presses and releases, or only presses (`true`) or releases (`false`). */
  key(keysym: number, code: string, down?: boolean): void;
}

export interface ClipboardEvents {
  /** The desktop has text to give. */
  offered(text: string): void;
  pasteTooLong(): void;
}

export class DesktopClipboard {
  private pastePress: KeyPress | null = null;
  private copyPressedAt = Number.NEGATIVE_INFINITY;
  private open: Ways = { toDesktop: false, fromDesktop: false };
  private offered: string | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly peer: ClipboardPeer,
    private readonly events: ClipboardEvents,
  ) {
    host.addEventListener("keydown", this.onKeyDown, { capture: true });
    // Browsers send it to where the selection is, which is no canvas, so it is caught above.
    document.addEventListener("paste", this.onPaste);
  }

  /** Until then nothing travels. */
  allow(open: Ways): void {
    this.open = open;
  }

  /** Text that the desktop has put into its clipboard. */
  receive(text: string): void {
    if (!this.open.fromDesktop || text === "" || text.length > MAX_CLIPBOARD_CHARS) return;
    this.offered = text;
    this.events.offered(text);
    if (performance.now() - this.copyPressedAt <= COPY_WITHIN_MS) keep(text);
  }

  private readonly onKeyDown = (event: KeyboardEvent): void => {
    const shortcut = shortcutOf(event);
    if (shortcut === null) return;
    if (shortcut === "paste" && this.open.toDesktop) {
      this.pastePress = event;
      event.stopPropagation();
      return;
    }
    if (shortcut === "copy") {
      this.copyPressedAt = performance.now();
      if (this.offered !== null && meansOnlyCopying(event)) keep(this.offered);
    }
    if (!event.metaKey) return;
    event.stopPropagation();
    event.preventDefault();
    this.press(event);
  };

  private readonly onPaste = (event: ClipboardEvent): void => {
    if (!this.open.toDesktop || !this.host.contains(document.activeElement)) return;
    event.preventDefault();
    const press = this.pastePress;
    this.pastePress = null;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length > MAX_CLIPBOARD_CHARS || (text !== "" && !this.peer.setClipboard(text))) {
      // The keys would paste what was there before.
      this.events.pasteTooLong();
      return;
    }
    if (press !== null) this.press(press);
  };

  /** The same keys in the desktop, with Control for Command. */
  private press(press: KeyPress): void {
    if (press.metaKey && this.peer.commandIsControl()) {
      this.pressKey(press);
      return;
    }
    if (press.metaKey) {
      // noVNC has pressed Alt for Command; it releases it once more, which does no harm.
      this.peer.key(Keysym.Alt, "MetaLeft", false);
      this.peer.key(Keysym.Control, "ControlLeft", true);
      this.pressKey(press);
      this.peer.key(Keysym.Control, "ControlLeft", false);
      return;
    }
    // On Windows noVNC holds Control back for a moment (it may be half of AltGr); without it this would type "v".
    // It is released when the person releases it.
    if (press.ctrlKey) this.peer.key(Keysym.Control, "ControlLeft", true);
    this.pressKey(press);
  }

  private pressKey(press: KeyPress): void {
    if (press.code === "Insert") {
      this.peer.key(Keysym.Insert, "Insert");
      return;
    }
    const letter = letterOf(press);
    const typed = press.shiftKey ? letter.toUpperCase() : letter;
    this.peer.key(typed.charCodeAt(0), `Key${letter.toUpperCase()}`);
  }
}

/** Refused in a frame without the permission or on an address without TLS; the offer stands. */
function keep(text: string): void {
  navigator.clipboard?.writeText(text).catch(() => undefined);
}
