// One session's desktop in an element: RFB by noVNC, connected again by itself until it is closed.
//
//   closed ──open──▶ connecting ──picture──▶ connected
//     ▲                  ▲   │                   │
//     │                  │   └──────lost─────────┤
//     └──close── (any)   └──retryAfterMs── lost ◀┘
//
// It knows neither the session's status nor any button: the page opens and closes it.

import type RFB from "@novnc/novnc";
import { DesktopClipboard } from "./clipboard.ts";
import { keysymsOf } from "./keysym.ts";
import { onLeaveKeys } from "./leave.ts";
import { retryAfterMs } from "./retry.ts";

/** A stream that says nothing for so long is given up: noVNC itself would wait for ever. */
const PICTURE_WITHIN_MS = 20_000;

export type ScreenState = "closed" | "connecting" | "connected" | "lost";
export type ScreenSize = "fit" | "actual";

export interface ScreenEvents {
  state(state: ScreenState): void;
  /** The desktop has text to give to this computer's clipboard. */
  clipboardOffered(text: string): void;
  pasteTooLong(): void;
  /** Somebody asked by keyboard to leave the desktop. */
  leave(): void;
}

export class DesktopScreen {
  private rfb: RFB | null = null;
  private state: ScreenState = "closed";
  private size: ScreenSize = "fit";
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly clipboard: DesktopClipboard;

  constructor(
    private readonly host: HTMLElement,
    private readonly address: string,
    private readonly label: string,
    private readonly events: ScreenEvents,
  ) {
    this.clipboard = new DesktopClipboard(
      host,
      {
        setClipboard: (cutText) => this.rfb?.clipboardPasteFrom(cutText),
        key: (keysym, code, down) => this.rfb?.sendKey(keysym, code, down),
      },
      {
        offered: (text) => events.clipboardOffered(text),
        pasteTooLong: () => events.pasteTooLong(),
      },
    );
    onLeaveKeys(host, () => events.leave());
    // Fetched while the VM boots, so that it does not cost time when the desktop is there.
    void loadRfb().catch(() => undefined);
  }

  open(): void {
    if (this.state !== "closed") return;
    this.failures = 0;
    void this.connect();
  }

  close(): void {
    clearTimeout(this.retry);
    const rfb = this.rfb;
    this.rfb = null;
    this.enter("closed");
    rfb?.disconnect();
  }

  focus(): void {
    this.rfb?.focus({ preventScroll: true });
  }

  showAt(size: ScreenSize): void {
    this.size = size;
    if (this.rfb) applySize(this.rfb, size);
  }

  /** Types the text where the desktop's cursor is. */
  type(text: string): void {
    for (const keysym of keysymsOf(text)) this.press(keysym);
  }

  press(keysym: number): void {
    this.rfb?.sendKey(keysym, "");
  }

  private async connect(): Promise<void> {
    this.enter("connecting");
    try {
      const Rfb = await loadRfb();
      // Closed while the code was on its way.
      if (this.state !== "connecting") return;
      this.attach(new Rfb(this.host, this.address));
    } catch {
      this.connectLater();
    }
  }

  private attach(rfb: RFB): void {
    this.rfb = rfb;
    rfb.background = "transparent";
    rfb.showDotCursor = true;
    applySize(rfb, this.size);
    nameCanvas(this.host, this.label);
    const deadline = setTimeout(() => rfb.disconnect(), PICTURE_WITHIN_MS);
    rfb.addEventListener("connect", () => {
      clearTimeout(deadline);
      if (this.rfb !== rfb) return;
      this.failures = 0;
      this.enter("connected");
    });
    rfb.addEventListener("disconnect", () => {
      clearTimeout(deadline);
      if (this.rfb !== rfb) return;
      this.rfb = null;
      this.connectLater();
    });
    rfb.addEventListener("clipboard", (event) => {
      if (this.rfb === rfb) this.clipboard.receive(event.detail.text);
    });
  }

  private connectLater(): void {
    if (this.state === "closed") return;
    this.enter("lost");
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.connect(), retryAfterMs(this.failures));
    this.failures += 1;
  }

  private enter(state: ScreenState): void {
    if (this.state === state) return;
    this.state = state;
    this.events.state(state);
  }
}

async function loadRfb(): Promise<typeof RFB> {
  return (await import("@novnc/novnc")).default;
}

function applySize(rfb: RFB, size: ScreenSize): void {
  const fit = size === "fit";
  rfb.scaleViewport = fit;
  rfb.clipViewport = !fit;
  rfb.dragViewport = !fit;
}

/** noVNC's canvas has no name and cannot be reached with Tab. */
function nameCanvas(host: HTMLElement, label: string): void {
  const canvas = host.querySelector("canvas");
  if (!canvas) return;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
}
