// What the terminal says on the wire, and what it keeps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../src/api/client.ts";
import { parseVmFile } from "../src/api/parse.ts";
import { idInTerminalPath } from "../src/session/address.ts";
import { Acknowledgement, TELL_EVERY_BYTES } from "../src/terminal/acknowledgement.ts";
import { attach, Reader, resize, start, taken } from "../src/terminal/frame.ts";
import { programAddress } from "../src/terminal/program.ts";
import { INPUT_WINDOW, Sent } from "../src/terminal/sent.ts";
import { asksForDownload } from "../src/view/download-form.ts";
import { bytesInWords } from "../src/words/bytes.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const frame = (kind: number, payload: string): Uint8Array =>
  Uint8Array.from([kind, 0, 0, 0, payload.length, ...new TextEncoder().encode(payload)]);

test("frames are written as the VM reads them", () => {
  assert.deepEqual([...resize(24, 300)], [5, 0, 0, 0, 4, 0, 24, 1, 44]);
  assert.deepEqual([...taken(258)], [7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2]);
  assert.equal(text(attach("ab", 7).slice(5)), '{"id":"ab","output":7}');
  const shell = start({ terminal: { term: "xterm", rows: 24, columns: 80 } });
  assert.equal(shell[0], 1);
  assert.deepEqual(JSON.parse(text(shell.slice(5))).argv, []);
});

test("frames are read however the bytes arrive, and what is none is refused", () => {
  const stream = [
    ...frame(0x81, '{"id":"x","output":5,"input":2}'),
    ...frame(0x82, "out"),
    ...frame(0x85, '{"code":3,"cause":null}'),
  ];
  const reader = new Reader();
  const said = stream.flatMap((byte) => reader.read(Uint8Array.of(byte)));
  assert.deepEqual(
    said.map(({ kind }) => kind),
    ["begun", "output", "ended"],
  );
  assert.deepEqual(said[0], { kind: "begun", id: "x", output: 5, input: 2 });
  assert.deepEqual(said[2], { kind: "ended", code: 3, cause: null });
  assert.throws(() => new Reader().read(Uint8Array.of(0x82, 255, 0, 0, 0)), /too large/);
  assert.throws(() => new Reader().read(frame(0x03, "x")), /no kind/);
});

test("what has not arrived is sent again, and no more is sent than may be", () => {
  const sent = new Sent();
  sent.push(new TextEncoder().encode("hello world"));
  assert.equal(sent.pieces().map(text).join(""), "hello world");
  assert.equal(sent.resume(6), true);
  assert.equal(sent.pieces().map(text).join(""), "world");
  assert.equal(sent.resume(12), false);
  sent.push(new Uint8Array(2 * INPUT_WINDOW));
  const length = (pieces: Uint8Array[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0);
  assert.equal(length(sent.pieces()), INPUT_WINDOW - 11);
  sent.allow(INPUT_WINDOW + 100);
  assert.equal(length(sent.pieces()), 100);
  assert.equal(sent.read(), 100);
  assert.equal(sent.resume(50), false);
});

test("the terminal is at the daemon that served the page", () => {
  const page = new URL("https://anteroom.example/session/s/terminal#x");
  assert.equal(programAddress(page, "v m"), "wss://anteroom.example/api/vms/v%20m/exec");
  assert.equal(idInTerminalPath("/session/a%20b/terminal"), "a b");
  assert.equal(idInTerminalPath("/session/a"), null);
});

test("the VM is told of what was shown in large steps, and of the last byte at once", () => {
  const acknowledgement = new Acknowledgement();
  const come = 3 * TELL_EVERY_BYTES;
  const told = [];
  for (let shown = 0; shown < come;) {
    shown = Math.min(shown + 1000, come);
    if (acknowledgement.due(shown, come)) told.push(shown);
  }
  assert.equal(told.length, 3);
  assert.equal(told.at(-1), come);
  assert.equal(acknowledgement.due(come + 1, come + 1), true);
  assert.equal(acknowledgement.due(come + 2, come + 3), false);
});

test("a file is asked for by its path, whatever that is, and what is not its description is refused", () => {
  const address = new ApiClient().fileAddress("v m", "~/a&b ü");
  assert.equal(address, "/api/vms/v%20m/files?path=%7E%2Fa%26b+%C3%BC");
  assert.deepEqual(parseVmFile({ name: "a.tar", bytes: null }), { name: "a.tar", bytes: null });
  assert.deepEqual(parseVmFile({ name: "a", bytes: 7 }), { name: "a", bytes: 7 });
  assert.throws(() => parseVmFile({ bytes: 7 }));
  assert.deepEqual([1, 7, 1536, 12 * 1024 ** 2].map(bytesInWords), [
    "1 byte",
    "7 bytes",
    "1.5 KiB",
    "12.0 MiB",
  ]);
});

test("one chord of the terminal leads to the downloads, and no other key does", () => {
  const press = { code: "KeyS", key: "S", ctrlKey: true, shiftKey: true, altKey: false, metaKey: false };
  const asks = (change: object): boolean => asksForDownload({ ...press, ...change } as KeyboardEvent);
  assert.equal(asks({}), true);
  assert.equal(asks({ key: "ы" }), true, "a layout without Latin letters");
  for (const other of [
    { shiftKey: false },
    { ctrlKey: false },
    { altKey: true },
    { code: "KeyD", key: "D" },
  ]) {
    assert.equal(asks(other), false);
  }
});
