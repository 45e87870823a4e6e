// What the pages say about times, errors and statuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/api/error.ts";
import { hasDesktop, hasEnded, stepOf } from "../src/session/phase.ts";
import { strings } from "../src/strings.ts";
import { agoInWords, durationInWords } from "../src/words/time.ts";
import { asSentence, passingTroubleInWords, troubleInWords } from "../src/words/trouble.ts";

test("a duration is said in its largest whole unit", () => {
  assert.equal(durationInWords(0), "0 seconds");
  assert.equal(durationInWords(1999), "1 second");
  assert.equal(durationInWords(59_999), "59 seconds");
  assert.equal(durationInWords(60_000), "1 minute");
  assert.equal(durationInWords(3_599_999), "59 minutes");
  assert.equal(durationInWords(2 * 3_600_000), "2 hours");
  assert.equal(durationInWords(3 * 86_400_000), "3 days");
});

test("a moment ahead of this computer's clock is now", () => {
  const now = new Date("2025-11-22T08:00:00Z");
  assert.equal(agoInWords(new Date("2025-11-22T08:00:30Z"), now), "just now");
  assert.equal(agoInWords(new Date("2025-11-22T07:58:00Z"), now), "2 minutes ago");
});

test("the daemon's errors become sentences", () => {
  assert.equal(asSentence("the image is missing"), "The image is missing.");
  assert.equal(asSentence("Is it there?"), "Is it there?");
  assert.equal(troubleInWords(new ApiError("refused", 400, "user id is empty")), "User id is empty.");
});

test("what passes by itself says that it is tried again", () => {
  const fault = passingTroubleInWords(new ApiError("host-fault", 500, "disk full"));
  assert.match(fault, /Disk full\..*Trying again/);
});

test("every status leads to one step, and an end keeps the last one seen", () => {
  assert.equal(stepOf("initializing", null), 0);
  assert.equal(stepOf("vm_created", 0), 1);
  assert.equal(stepOf("ready", 1), 2);
  assert.equal(stepOf("awaiting_user_auth", 2), 3);
  assert.equal(stepOf("completed", 2), strings.progress.steps.length);
  assert.equal(stepOf("failed", 1), 1);
  assert.equal(stepOf("failed", null), null);
});

test("there is a desktop from ready to the end", () => {
  assert.equal(hasDesktop("vm_created"), false);
  assert.equal(hasDesktop("ready"), true);
  assert.equal(hasDesktop("completed"), false);
  assert.equal(hasEnded("timeout"), true);
  assert.equal(hasEnded("unknown"), false);
});
