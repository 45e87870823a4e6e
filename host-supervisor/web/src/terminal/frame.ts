// The frames of a program in the VM, as protocol/src/exec/frame.rs has them: kind, length (big-endian), payload.

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Terminal {
  readonly term: string;
  readonly rows: number;
  readonly columns: number;
}

/** What is run; without a program it is the user's login shell. */
export interface Spec {
  readonly argv?: readonly string[];
  readonly terminal?: Terminal;
}

/** What the VM says. */
export type Said =
  | { readonly kind: "begun"; readonly id: string; readonly output: number; readonly input: number }
  | { readonly kind: "output"; readonly bytes: Bytes }
  | { readonly kind: "credit"; readonly through: number }
  | { readonly kind: "ended"; readonly code: number; readonly cause: string | null }
  | { readonly kind: "refused"; readonly why: string };

const HEADER_BYTES = 5;
export const MAX_DATA_BYTES = 64 * 1024;
/** The largest frame that the VM may send: one of JSON. */
const MAX_FRAME_BYTES = 256 * 1024;

const START = 0x01;
const ATTACH = 0x02;
const INPUT = 0x03;
const INPUT_END = 0x04;
const RESIZE = 0x05;
const TAKEN = 0x07;
const SEEN = 0x08;
const BEGUN = 0x81;
const STDOUT = 0x82;
const STDERR = 0x83;
const CREDIT = 0x84;
const ENDED = 0x85;
const REFUSED = 0x86;

export function start(spec: Spec): Bytes {
  return json(START, { argv: [], ...spec });
}

export function attach(id: string, output: number): Bytes {
  return json(ATTACH, { id, output });
}

/** At most 65536 bytes, at least one. */
export function input(bytes: Uint8Array): Bytes {
  return frame(INPUT, bytes);
}

export function inputEnd(): Bytes {
  return frame(INPUT_END, new Uint8Array());
}

export function resize(rows: number, columns: number): Bytes {
  const payload = new Uint8Array(4);
  const view = new DataView(payload.buffer);
  view.setUint16(0, rows);
  view.setUint16(2, columns);
  return frame(RESIZE, payload);
}

export function taken(through: number): Bytes {
  const payload = new Uint8Array(8);
  new DataView(payload.buffer).setBigUint64(0, BigInt(through));
  return frame(TAKEN, payload);
}

export function seen(): Bytes {
  return frame(SEEN, new Uint8Array());
}

/** Puts frames together again, however the bytes arrive. Throws when they are none. */
export class Reader {
  private rest = new Uint8Array();

  read(arrived: Uint8Array): Said[] {
    const all = new Uint8Array(this.rest.length + arrived.length);
    all.set(this.rest);
    all.set(arrived, this.rest.length);
    const view = new DataView(all.buffer);
    const said: Said[] = [];
    let at = 0;
    while (all.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at + 1);
      if (length > MAX_FRAME_BYTES) throw new Error("a frame is too large");
      const end = at + HEADER_BYTES + length;
      if (end > all.length) break;
      said.push(understand(view.getUint8(at), all.slice(at + HEADER_BYTES, end)));
      at = end;
    }
    this.rest = all.slice(at);
    return said;
  }
}

function understand(kind: number, payload: Bytes): Said {
  switch (kind) {
    case BEGUN: {
      const { id, output, input } = parsed(payload);
      return { kind: "begun", id: String(id), output: Number(output), input: Number(input) };
    }
    case STDOUT:
    case STDERR:
      return { kind: "output", bytes: payload };
    case CREDIT:
      return { kind: "credit", through: Number(new DataView(payload.buffer).getBigUint64(0)) };
    case ENDED: {
      const { code, cause } = parsed(payload);
      return { kind: "ended", code: Number(code), cause: typeof cause === "string" ? cause : null };
    }
    case REFUSED:
      return { kind: "refused", why: String(parsed(payload)["error"]) };
    default:
      throw new Error(`${kind} is no kind of frame that a VM sends`);
  }
}

function parsed(payload: Bytes): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(payload));
  if (typeof value !== "object" || value === null) throw new Error("a frame holds no object");
  return value as Record<string, unknown>;
}

function json(kind: number, value: unknown): Bytes {
  return frame(kind, new TextEncoder().encode(JSON.stringify(value)));
}

function frame(kind: number, payload: Uint8Array): Bytes {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
