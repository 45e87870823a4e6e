// A file that was dropped: written into the home directory of the VM's desktop user, under its own name.

import { Program } from "./program.ts";

/** What it writes counts only when it is whole. */
const SCRIPT = 'cat > "$1.part" && mv -- "$1.part" "$1"';
const CHUNK_BYTES = 256 * 1024;
/** So much waits here at most; a file is larger than a page's memory should be. */
const AHEAD_BYTES = 1024 * 1024;

/** Answers when it is there; `progress` is told the share from 0 to 1. */
export async function upload(address: string, file: File, progress: (share: number) => void): Promise<void> {
  let read = 0;
  let wake = (): void => {};
  const name = file.name.replace(/[/\0]/g, "_");
  const spec = { argv: ["sh", "-c", SCRIPT, "put", `./${name}`] };
  let complaint = "";
  let settle: { resolve(): void; reject(why: Error): void };
  const ended = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  const program = new Program(address, spec, {
    output(bytes, done) {
      complaint = (complaint + new TextDecoder().decode(bytes)).slice(0, 500);
      done();
    },
    connected() {},
    progress(bytes) {
      read = bytes;
      progress(Math.min(bytes / Math.max(file.size, 1), 1));
      wake();
    },
    ended(how) {
      if ("lost" in how) settle.reject(new Error(how.lost));
      else if (how.code === 0) settle.resolve();
      else settle.reject(new Error(complaint.trim() || (how.cause ?? `code ${how.code}`)));
    },
  });
  const send = async (): Promise<void> => {
    for (let at = 0; at < file.size; at += CHUNK_BYTES) {
      program.write(new Uint8Array(await file.slice(at, at + CHUNK_BYTES).arrayBuffer()));
      while (at - read > AHEAD_BYTES) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      }
    }
    program.finish();
  };
  // Whichever fails first says why.
  await Promise.all([send(), ended]);
}
