// What page and desktop say to each other on the data channel `desk`, as JSON. The desktop's side is a guest, and so
// hostile: what is not understood is nothing.

export type ToDesktop =
  | { type: "key"; keysym: number; down: boolean }
  | { type: "release-all" }
  | { type: "pointer"; x: number; y: number }
  | { type: "button"; button: number; down: boolean; x: number; y: number }
  | { type: "wheel"; dx: number; dy: number; x: number; y: number }
  | { type: "touch"; id: number; phase: "start" | "move" | "end" | "cancel"; x: number; y: number }
  | { type: "clipboard"; text: string }
  | { type: "resize"; width: number; height: number }
  | { type: "take-control" }
  | { type: "release-control" };

export type Control = "mine" | "free" | "other";

export interface Cursor {
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
  /** Straight RGBA, row by row. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export type FromDesktop =
  | { type: "hello"; width: number; height: number; control: Control; viewOnly: boolean }
  | { type: "size"; width: number; height: number }
  | { type: "control"; control: Control }
  /** `null`: hidden. */
  | { type: "cursor"; cursor: Cursor | null }
  | { type: "clipboard"; text: string };

const MAX_CURSOR_PX = 128;
const MAX_DESKTOP_PX = 16_384;

export function fromDesktop(data: unknown): FromDesktop | null {
  const message = readObject(data);
  if (message === null) return null;
  switch (message["type"]) {
    case "hello": {
      const size = sizeOf(message);
      const viewOnly = message["viewOnly"] === true;
      return size && { type: "hello", ...size, control: controlOf(message["control"]), viewOnly };
    }
    case "size": {
      const size = sizeOf(message);
      return size && { type: "size", ...size };
    }
    case "control":
      return { type: "control", control: controlOf(message["control"]) };
    case "cursor":
      return cursorOf(message);
    case "clipboard":
      return typeof message["text"] === "string" ? { type: "clipboard", text: message["text"] } : null;
    default:
      return null;
  }
}

function readObject(data: unknown): Record<string, unknown> | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function sizeOf(message: Record<string, unknown>): { width: number; height: number } | null {
  const width = whole(message["width"], 1, MAX_DESKTOP_PX);
  const height = whole(message["height"], 1, MAX_DESKTOP_PX);
  return width === null || height === null ? null : { width, height };
}

function controlOf(word: unknown): Control {
  return word === "mine" || word === "free" ? word : "other";
}

function cursorOf(message: Record<string, unknown>): FromDesktop | null {
  const width = whole(message["width"], 0, MAX_CURSOR_PX);
  const height = whole(message["height"], 0, MAX_CURSOR_PX);
  if (width === null || height === null) return null;
  if (width === 0 || height === 0) return { type: "cursor", cursor: null };
  const x = whole(message["x"], 0, width - 1);
  const y = whole(message["y"], 0, height - 1);
  const rgba = bytesOf(message["rgba"], width * height * 4);
  if (x === null || y === null || rgba === null) return null;
  return { type: "cursor", cursor: { width, height, x, y, rgba } };
}

function bytesOf(base64: unknown, length: number): Uint8ClampedArray<ArrayBuffer> | null {
  if (typeof base64 !== "string" || base64.length > length * 2) return null;
  try {
    const bytes = Uint8ClampedArray.from(atob(base64), (character) => character.charCodeAt(0));
    return bytes.length === length ? bytes : null;
  } catch {
    return null;
  }
}

function whole(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
    ? value
    : null;
}
