// Input that was sent and may have to be sent again, when a connection breaks; bytes are counted from the very first.

import { MAX_DATA_BYTES } from "./frame.ts";

/** How much may be on its way to a program that has not read it (protocol/src/exec.rs). */
export const INPUT_WINDOW = 256 * 1024;

export class Sent {
  private kept = new Uint8Array();
  private begin = 0;
  private next = 0;
  private credit = INPUT_WINDOW;

  push(bytes: Uint8Array): void {
    const kept = new Uint8Array(this.kept.length + bytes.length);
    kept.set(this.kept);
    kept.set(bytes, this.kept.length);
    this.kept = kept;
  }

  /** What may be sent now. */
  pieces(): Uint8Array[] {
    const pieces = [];
    for (;;) {
      const until = Math.min(this.end(), this.credit, this.next + MAX_DATA_BYTES);
      if (until <= this.next) return pieces;
      pieces.push(this.kept.slice(this.next - this.begin, until - this.begin));
      this.next = until;
    }
  }

  /** Up to there may be sent: what lies more than a window before it was read. */
  allow(through: number): void {
    this.credit = Math.max(this.credit, through);
    const read = Math.min(this.credit - INPUT_WINDOW, this.next);
    if (read > this.begin) {
      this.kept = this.kept.slice(read - this.begin);
      this.begin = read;
    }
  }

  /** On a new connection: so much has arrived. False when that cannot be. */
  resume(arrived: number): boolean {
    if (arrived < this.begin || arrived > this.next) return false;
    this.next = arrived;
    return true;
  }

  /** How much waits to be sent, in bytes. */
  waiting(): number {
    return this.end() - this.next;
  }

  /** How much was sent and read, in bytes. */
  read(): number {
    return this.begin;
  }

  private end(): number {
    return this.begin + this.kept.length;
  }
}
