// What a service's log on the page is made of.

import assert from "node:assert/strict";
import { test } from "node:test";
import { heard, type Said } from "../src/console/vm/said.ts";

const textOf = ({ pieces }: Said): string => pieces.map(({ text }) => text).join("");
const whole = (text: string) => ({ text, whole: true });
const since = (text: string) => ({ text, whole: false });

test("what comes is added, and every piece is another", () => {
  let said = heard(null, whole("a\n"));
  for (const text of ["b\n", "c\nd\n"]) said = heard(said, since(text));
  assert.equal(textOf(said), "a\nb\nc\nd\n");
  assert.equal(new Set(said.pieces.map(({ number }) => number)).size, 3);
});

test("whoever comes again keeps what was there, and misses and repeats nothing", () => {
  const said = heard(heard(null, whole("a\nb\n")), since("c\n"));
  const again = heard(said, whole("b\nc\nd\n"));
  assert.equal(textOf(again), "a\nb\nc\nd\n");
  assert.deepEqual(again.pieces.slice(0, 2), said.pieces, "those that are shown stay");
  assert.equal(textOf(heard(again, whole("c\nd\n"))), "a\nb\nc\nd\n");
});

test("a log that has moved on too far, or begun anew, takes the place of what was there", () => {
  assert.equal(textOf(heard(heard(null, whole("a\nb\n")), whole("y\nz\n"))), "y\nz\n");
  assert.equal(textOf(heard(heard(null, whole("")), whole("first\n"))), "first\n");
});

test("a service that never falls silent does not fill the memory", () => {
  let said = heard(null, whole("the first\n"));
  const line = `${"x".repeat(100_000)}\n`;
  for (let count = 0; count < 20; count += 1) said = heard(said, since(line));
  assert.ok(textOf(said).length < 600_000, String(textOf(said).length));
  assert.ok(!textOf(said).includes("the first") && textOf(said).endsWith(line));
});
