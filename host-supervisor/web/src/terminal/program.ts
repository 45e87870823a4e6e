// One program in the VM, over as many connections as it takes: what it says is counted, so that nothing is lost or shown twice.
//
//   connect ──start──▶ begun ──▶ … ──ended──▶ seen
//      ▲                          │ the connection breaks: the daemon is replaced by another one
//      └──────attach(id, output)──┘

import { Acknowledgement } from "./acknowledgement.ts";
import {
  type Bytes,
  input,
  inputEnd,
  Reader,
  resize,
  type Said,
  seen,
  type Spec,
  attach,
  start,
  taken,
} from "./frame.ts";
import { Sent } from "./sent.ts";

export interface ProgramEvents {
  /** `done` when it is shown: the program waits for whoever does not show what it says. */
  output(bytes: Bytes, done: () => void): void;
  /** It is connected, or is not. */
  connected(is: boolean): void;
  /** The last event: how it ended, or why nobody knows. */
  ended(how: { code: number; cause: string | null } | { lost: string }): void;
  /** More of the input was read. */
  progress?(readBytes: number): void;
}

const LOOK_AGAIN_MS = 500;
/** The VM keeps a program for a minute that nobody is attached to. */
const GIVE_UP_AFTER_MS = 45_000;

export class Program {
  private socket: WebSocket | null = null;
  private reader = new Reader();
  private readonly sent = new Sent();
  private acknowledgement = new Acknowledgement();
  private id: string | null = null;
  private output = 0;
  private shown = 0;
  private begun = false;
  private over = false;
  private inputOver = false;
  private lostSince: number | null = null;

  constructor(
    private readonly address: string,
    private readonly spec: Spec,
    private readonly events: ProgramEvents,
  ) {
    this.connect();
  }

  write(bytes: Uint8Array): void {
    this.sent.push(bytes);
    this.flush();
  }

  /** Nothing more is written. */
  finish(): void {
    this.inputOver = true;
    this.flush();
  }

  resize(rows: number, columns: number): void {
    if (this.begun) this.socket?.send(resize(rows, columns));
  }

  private connect(): void {
    this.begun = false;
    this.reader = new Reader();
    this.acknowledgement = new Acknowledgement();
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(this.id === null ? start(this.spec) : attach(this.id, this.output));
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = (event) => this.lose(event.reason);
    this.socket = socket;
  }

  private hear(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    try {
      for (const said of this.reader.read(new Uint8Array(data))) this.take(said);
    } catch (error) {
      this.end({ lost: error instanceof Error ? error.message : "" });
    }
  }

  private take(said: Said): void {
    switch (said.kind) {
      case "begun":
        if (!this.begun && !this.sent.resume(said.input)) throw new Error("the VM counts wrong");
        this.begun = true;
        this.id = said.id;
        this.shown += said.output - this.output;
        this.output = said.output;
        this.lostSince = null;
        this.events.connected(true);
        this.flush();
        return;
      case "output": {
        const { length } = said.bytes;
        this.output += length;
        this.events.output(said.bytes, () => {
          this.shown += length;
          if (!this.begun || !this.acknowledgement.due(this.shown, this.output)) return;
          this.socket?.send(taken(this.shown));
        });
        return;
      }
      case "credit":
        this.sent.allow(said.through);
        this.events.progress?.(this.sent.read());
        this.flush();
        return;
      case "ended":
        this.socket?.send(seen());
        this.end({ code: said.code, cause: said.cause });
        return;
      case "refused":
        this.end({ lost: said.why });
    }
  }

  private flush(): void {
    if (!this.begun || this.over) return;
    for (const piece of this.sent.pieces()) this.socket?.send(input(piece));
    if (this.inputOver && this.sent.waiting() === 0) this.socket?.send(inputEnd());
  }

  private lose(reason: string): void {
    this.begun = false;
    if (this.over) return;
    this.events.connected(false);
    this.lostSince ??= Date.now();
    if (this.id === null || Date.now() - this.lostSince > GIVE_UP_AFTER_MS) this.end({ lost: reason });
    else setTimeout(() => this.connect(), LOOK_AGAIN_MS);
  }

  private end(how: Parameters<ProgramEvents["ended"]>[0]): void {
    if (this.over) return;
    this.over = true;
    this.begun = false;
    this.socket?.close();
    this.events.ended(how);
  }
}

/** Where programs of that VM are reached, at the daemon that served the page. */
export function programAddress(page: URL, vm: string): string {
  const address = new URL(`/api/vms/${encodeURIComponent(vm)}/exec`, page);
  address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}
