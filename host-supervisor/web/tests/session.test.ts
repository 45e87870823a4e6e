// Keys and ids in addresses, and the pace of looking at a session.

import assert from "node:assert/strict";
import { test } from "node:test";
import { keyIn } from "../src/access/key.ts";
import { ApiError, errorKindOf } from "../src/api/error.ts";
import { idInEmbeddedPath, idInSessionPath } from "../src/session/address.ts";
import { pauseMs } from "../src/session/pace.ts";
import { stepState } from "../src/view/progress.ts";

test("the key is found in the fragment only", () => {
  assert.equal(keyIn("#key=abc-123"), "abc-123");
  assert.equal(keyIn("#other=1&key=%20abc%20"), "abc");
  assert.equal(keyIn("#key="), null);
  assert.equal(keyIn(""), null);
});

test("the session's id is found in the paths of the pages", () => {
  assert.equal(idInSessionPath("/session/5f0c"), "5f0c");
  assert.equal(idInSessionPath("/session/"), null);
  assert.equal(idInSessionPath("/session/a/b"), null);
  assert.equal(idInEmbeddedPath("/api/auth/session/5f0c/novnc"), "5f0c");
  assert.equal(idInEmbeddedPath("/api/auth/session/%zz/novnc"), null);
});

const usual = { hidden: false, failures: 0, lastError: null };

test("a visible page looks again at once, a hidden one seldom", () => {
  assert.equal(pauseMs(usual), 250);
  assert.equal(pauseMs({ ...usual, hidden: true }), 5000);
});

test("looks that bring nothing slow down to a bound", () => {
  const lastError = new ApiError("unreachable", 0, "no answer");
  assert.equal(pauseMs({ ...usual, failures: 1, lastError }), 1000);
  assert.equal(pauseMs({ ...usual, failures: 3, lastError }), 4000);
  assert.equal(pauseMs({ ...usual, failures: 40, lastError }), 8000);
});

test("a daemon that names a time is obeyed", () => {
  const lastError = new ApiError("too-many", 429, "slow down", 30_000);
  assert.equal(pauseMs({ ...usual, failures: 1, lastError }), 30_000);
});

test("only what can pass by itself is asked again", () => {
  const passes = (status: number): boolean => new ApiError(errorKindOf(status), status, "").passes;
  assert.deepEqual([429, 500, 503].map(passes), [true, true, true]);
  assert.deepEqual([400, 401, 403, 404, 410].map(passes), [false, false, false, false, false]);
});

test("steps before the current one are done, and it is where an ended session stopped", () => {
  const states = [0, 1, 2, 3].map((index) => stepState(index, 1, false));
  assert.deepEqual(states, ["done", "current", "ahead", "ahead"]);
  assert.equal(stepState(1, 1, true), "stopped");
  assert.equal(stepState(3, 4, false), "done");
});
