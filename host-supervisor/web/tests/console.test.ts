// What the console knows without a browser: its addresses, and lists that stay true.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Book } from "../src/console/book.ts";
import type { Page } from "../src/console/calls.ts";

interface Row {
  readonly id: string;
  readonly at: string;
  readonly says?: string;
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function book(load: (after: string | null) => Promise<Page<Row>>): Book<Row> {
  return new Book({ load, id: ({ id }) => id, madeAt: ({ at }) => at });
}

test("a list is newest first, and what is told replaces, adds and removes", async () => {
  const rows = [
    { id: "a", at: "1" },
    { id: "b", at: "2" },
  ];
  const list = book(async () => ({ rows, next: null }));
  assert.equal(list.state.value, "loading");
  await list.read();
  list.put({ id: "c", at: "3" });
  list.put({ id: "a", at: "1", says: "more" });
  list.remove("b");
  await later(60);
  assert.deepEqual(list.rows.value, [
    { id: "c", at: "3" },
    { id: "a", at: "1", says: "more" },
  ]);
});

test("what is told while a list is read is newer than what is read", async () => {
  let answer: (page: Page<Row>) => void = () => {};
  const list = book(() => new Promise((resolve) => (answer = resolve)));
  const reading = list.read();
  list.put({ id: "a", at: "1", says: "new" });
  await later(60);
  answer({ rows: [{ id: "a", at: "1", says: "old" }], next: null });
  await reading;
  assert.equal(list.get("a")?.says, "new");
});

test("a list that was asked for again while it was read is read once more", async () => {
  let reads = 0;
  const list = book(async () => {
    reads += 1;
    await later(5);
    return { rows: [], next: null };
  });
  await Promise.all([list.read(), list.read(), list.read()]);
  await later(20);
  assert.equal(reads, 2);
});

test("older rows come after those that are there, and none is there twice", async () => {
  const pages: Record<string, Page<Row>> = {
    first: { rows: [{ id: "b", at: "2" }], next: "b" },
    b: {
      rows: [
        { id: "b", at: "2", says: "old" },
        { id: "a", at: "1" },
      ],
      next: null,
    },
  };
  const list = book(async (after) => pages[after ?? "first"] ?? { rows: [], next: null });
  await list.read();
  assert.equal(list.next.value, "b");
  await list.readOlder();
  assert.deepEqual(list.rows.value, [
    { id: "b", at: "2" },
    { id: "a", at: "1" },
  ]);
  assert.equal(list.next.value, null);
});

test("a list that cannot be read says why, and what was there stays", async () => {
  let fails = false;
  const list = book(async () => {
    if (fails) throw new Error("away");
    return { rows: [{ id: "a", at: "1" }], next: null };
  });
  await list.read();
  fails = true;
  await list.read();
  assert.equal(list.rows.value.length, 1);
  assert.notEqual(list.state.value, "there");
});
