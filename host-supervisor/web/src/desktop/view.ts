// One connected picture of a desktop, however it travels: live by WebRTC, or by RFB. `screen.ts` chooses, and connects
// again when one is gone.

/** `live`: WebRTC. `plain`: noVNC, for networks and browsers that do not let the live one through. */
export type Way = "live" | "plain";

export type ScreenSize = "fit" | "actual";

/**
 * Who moves pointer and keys: this page, nobody until somebody asks, another page; `shared`: whoever does something, as with
 * noVNC; `never`: this page may only look.
 */
export type Control = "mine" | "free" | "other" | "shared" | "never";

/** What a viewer has of the picture now. */
export interface Quality {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly kilobitsPerSecond: number;
  /** There and back; `null` before the first measurement. */
  readonly roundTripMs: number | null;
}

/** How far a live view has come: the desktop has answered, or packets come through. */
export type Progress = "answered" | "connected";

export interface ViewEvents {
  progress(progress: Progress): void;
  /** The first picture is there. */
  shown(): void;
  /** It is over, once, whether or not there was a picture. */
  gone(): void;
  /** Text that the desktop has put into its clipboard. */
  clipboard(text: string): void;
  quality(quality: Quality): void;
  control(control: Control): void;
}

export interface DesktopView {
  /** Without `gone`. */
  end(): void;
  focus(): void;
  /** Opens the keyboard of a telephone, where a view has a field for it. */
  showKeyboard(): void;
  showAt(size: ScreenSize): void;
  /** Asks to be the one who moves pointer and keys; `ViewEvents.control` tells what comes of it. */
  takeControl(): void;
  /** Whether the desktop gets it: it does not when it is too long. */
  setClipboard(text: string): boolean;
  /** Whether Command of Apple's keyboards is held in the desktop as Control already. */
  readonly commandIsControl: boolean;
  /** Presses and releases, or only presses (`true`) or releases (`false`). */
  key(keysym: number, code: string, down?: boolean): void;
}
