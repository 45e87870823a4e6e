// The desktop by RFB over a WebSocket, with noVNC.

import type RFB from "@novnc/novnc";
import type { DesktopView, ScreenSize, ViewEvents } from "../view.ts";
import { fromCutText, toCutText } from "./cut-text.ts";

/** Fetches noVNC's code; again at no cost. */
export async function loadRfb(): Promise<typeof RFB> {
  return (await import("@novnc/novnc")).default;
}

export class RfbView implements DesktopView {
  /** noVNC presses Alt for it. */
  readonly commandIsControl = false;
  private readonly rfb: RFB;
  private over = false;

  constructor(
    Rfb: typeof RFB,
    host: HTMLElement,
    address: string,
    label: string,
    size: ScreenSize,
    viewOnly: boolean,
    events: ViewEvents,
  ) {
    const rfb = new Rfb(host, address);
    this.rfb = rfb;
    // noVNC then sends neither keys nor pointer nor clipboard.
    rfb.viewOnly = viewOnly;
    rfb.background = "transparent";
    rfb.showDotCursor = true;
    this.showAt(size);
    nameCanvas(host, label, viewOnly ? "img" : "application");
    const unlessOver =
      <T>(tell: (event: T) => void) =>
      (event: T): void => {
        if (!this.over) tell(event);
      };
    rfb.addEventListener(
      "connect",
      unlessOver(() => {
        events.shown();
        events.control(viewOnly ? "never" : "shared");
      }),
    );
    rfb.addEventListener(
      "disconnect",
      unlessOver(() => {
        this.over = true;
        events.gone();
      }),
    );
    rfb.addEventListener(
      "clipboard",
      unlessOver((event) => events.clipboard(fromCutText(event.detail.text))),
    );
  }

  end(): void {
    this.over = true;
    this.rfb.disconnect();
  }

  focus(): void {
    this.rfb.focus({ preventScroll: true });
  }

  /** A canvas opens none; the page's own field for text does. */
  showKeyboard(): void {
    this.focus();
  }

  showAt(size: ScreenSize): void {
    const fit = size === "fit";
    this.rfb.scaleViewport = fit;
    this.rfb.clipViewport = !fit;
    this.rfb.dragViewport = !fit;
  }

  /** Whoever does something has it. */
  takeControl(): void {}

  setClipboard(text: string): boolean {
    this.rfb.clipboardPasteFrom(toCutText(text));
    return true;
  }

  key(keysym: number, code: string, down?: boolean): void {
    this.rfb.sendKey(keysym, code, down);
  }
}

/** noVNC's canvas has no name and cannot be reached with Tab. */
function nameCanvas(host: HTMLElement, label: string, role: "img" | "application"): void {
  const canvas = host.querySelector("canvas");
  if (!canvas) return;
  if (role === "application") canvas.tabIndex = 0;
  canvas.setAttribute("role", role);
  canvas.setAttribute("aria-label", label);
}
