// A picture of a VM's desktop, as it is now.

import { Program } from "./program.ts";

/** As protocol/src/exec.rs has it. */
const AGENT = "/usr/lib/anteroom/anteroom-agent";
/** The largest desktop, uncompressed, is smaller. */
const MAX_BYTES = 64 * 1024 * 1024;
/** What every PNG begins with (RFC 2083, section 3.1). */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

/** A PNG as an address for `<img>`; an error says why there is none. */
export async function screenshot(address: string): Promise<string> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    new Program(
      address,
      { argv: [AGENT, "screenshot"] },
      {
        output(piece, done) {
          bytes += piece.length;
          if (bytes <= MAX_BYTES) pieces.push(piece);
          done();
        },
        connected() {},
        ended(how) {
          if ("lost" in how) reject(new Error(how.lost));
          else if (how.code === 0) resolve();
          else reject(new Error(said(pieces) || (how.cause ?? `code ${how.code}`)));
        },
      },
    );
  });
  const picture = new Blob(pieces, { type: "image/png" });
  const head = new Uint8Array(await picture.slice(0, SIGNATURE.length).arrayBuffer());
  if (bytes > MAX_BYTES || SIGNATURE.some((byte, at) => head[at] !== byte)) throw new Error("no picture");
  return dataAddress(picture);
}

/** What a program that failed has written. */
function said(pieces: readonly Uint8Array[]): string {
  const text = pieces.map((piece) => new TextDecoder().decode(piece)).join("");
  return text.slice(0, 500).trim();
}

/** The pages' policy allows pictures of `data:`, as noVNC needs it, and of no other kind. */
function dataAddress(picture: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error("no picture"));
    reader.readAsDataURL(picture);
  });
}
