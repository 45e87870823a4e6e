// The decisions of the live desktop: pixels, wheels, keys, messages of a hostile guest, which way is tried next.

import assert from "node:assert/strict";
import { test } from "node:test";
import { desktopFor, pixelAt, wheelUnits } from "../src/desktop/live/geometry.ts";
import { keysymOfKey } from "../src/desktop/live/keys.ts";
import { fromDesktop } from "../src/desktop/live/message.ts";
import { qualityOf, sampleOf } from "../src/desktop/live/quality.ts";
import { type Deed, type Happened, NEW_LINK, react } from "../src/desktop/live/recovery.ts";
import { answerWith, fragmentOf } from "../src/desktop/live/restart.ts";
import { nextWay } from "../src/desktop/way.ts";
import { qualityInWords } from "../src/words/quality.ts";

test("a point of the page is a pixel of the desktop, whatever the bars beside it", () => {
  const desktop = { width: 1280, height: 800 };
  assert.deepEqual(pixelAt({ x: 10, y: 20 }, { left: 10, top: 20, width: 1280, height: 800 }, desktop), {
    x: 0,
    y: 0,
  });
  // Half as large, with bars of 50 above and below.
  const box = { left: 0, top: 0, width: 640, height: 500 };
  assert.deepEqual(pixelAt({ x: 320, y: 250 }, box, desktop), { x: 640, y: 400 });
  assert.deepEqual(pixelAt({ x: 0, y: 49 }, box, desktop), { x: 0, y: 0 });
  assert.deepEqual(pixelAt({ x: 5000, y: 5000 }, box, desktop), { x: 1279, y: 799 });
  assert.deepEqual(pixelAt({ x: 1, y: 1 }, { left: 0, top: 0, width: 0, height: 0 }, desktop), {
    x: 0,
    y: 0,
  });
});

test("a notch is a notch in every unit of a wheel", () => {
  assert.equal(wheelUnits(100, 0), 120);
  assert.equal(wheelUnits(-3, 1), -120);
  assert.equal(wheelUnits(1, 2), 120);
  assert.equal(wheelUnits(4, 0), 5);
});

test("the desktop gets the page's shape, and room to work in", () => {
  assert.deepEqual(desktopFor({ width: 1601, height: 901 }), { width: 1600, height: 900 });
  assert.deepEqual(desktopFor({ width: 512, height: 320 }), { width: 1280, height: 800 });
  assert.deepEqual(desktopFor({ width: 640, height: 800 }), { width: 1280, height: 1600 });
});

test("keys are told by their symbols, sides apart", () => {
  const of = (key: string, code = ""): number | null => keysymOfKey({ key, code });
  assert.equal(of("a"), 0x61);
  assert.equal(of("É"), 0xc9);
  assert.equal(of("漢"), 0x01006f22);
  assert.equal(of("Enter"), 0xff0d);
  assert.equal(of("Shift", "ShiftLeft"), 0xffe1);
  assert.equal(of("Control", "ControlRight"), 0xffe4);
  assert.equal(of("Meta", "MetaRight"), 0xffec);
  assert.equal(of("F1"), 0xffbe);
  assert.equal(of("F24"), 0xffd5);
});

test("what is composed, locked or unknown is no key for the desktop", () => {
  for (const key of ["Dead", "Process", "Unidentified", "CapsLock", "NumLock", "AltGraph", "F25", ""])
    assert.equal(keysymOfKey({ key, code: "" }), null, key);
});

test("a guest's messages are taken only when they make sense", () => {
  const from = (message: unknown): unknown => fromDesktop(JSON.stringify(message));
  assert.deepEqual(from({ type: "size", width: 800, height: 600 }), {
    type: "size",
    width: 800,
    height: 600,
  });
  assert.deepEqual(from({ type: "cursor", width: 0, height: 0, x: 0, y: 0, rgba: "" }), {
    type: "cursor",
    cursor: null,
  });
  const rgba = new Uint8ClampedArray([1, 2, 3, 4]);
  assert.deepEqual(from({ type: "cursor", width: 1, height: 1, x: 0, y: 0, rgba: "AQIDBA==" }), {
    type: "cursor",
    cursor: { width: 1, height: 1, x: 0, y: 0, rgba },
  });
  for (const bad of [
    { type: "cursor", width: 1, height: 1, x: 0, y: 0, rgba: "AQID" },
    { type: "cursor", width: 1000, height: 1000, x: 0, y: 0, rgba: "" },
    { type: "cursor", width: 1, height: 1, x: 1, y: 0, rgba: "AQIDBA==" },
    { type: "size", width: 0, height: 600 },
    { type: "size", width: 800.5, height: 600 },
    { type: "clipboard" },
    { type: "something else" },
    null,
    [],
  ])
    assert.equal(from(bad), null, JSON.stringify(bad));
  assert.equal(fromDesktop("{"), null);
  assert.equal(fromDesktop(new ArrayBuffer(3)), null);
});

test("quality is what happened between two looks", () => {
  const at = (timestamp: number, framesDecoded: number, bytesReceived: number): Map<string, unknown> =>
    new Map<string, unknown>([
      [
        "v",
        {
          type: "inbound-rtp",
          kind: "video",
          timestamp,
          framesDecoded,
          bytesReceived,
          frameWidth: 1280,
          frameHeight: 800,
        },
      ],
      ["p", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.0124 }],
    ]);
  const before = sampleOf(at(1000, 10, 0));
  const now = sampleOf(at(3000, 70, 500_000));
  assert.ok(before && now);
  const quality = qualityOf(before, now);
  assert.ok(quality);
  assert.equal(quality.framesPerSecond, 30);
  assert.equal(qualityInWords(quality), "Live · 1280 × 800 · 2.0 Mbit/s · 12 ms");
  assert.equal(qualityOf(now, now), null);
  assert.equal(sampleOf(new Map()), null);
});

test("the live way is tried first, and given up sooner where it never worked", () => {
  const never = { liveImpossible: false, liveSeen: false };
  assert.equal(nextWay({ ...never, liveFailures: 0 }), "live");
  assert.equal(nextWay({ ...never, liveFailures: 1 }), "plain");
  assert.equal(nextWay({ liveImpossible: false, liveSeen: true, liveFailures: 2 }), "live");
  assert.equal(nextWay({ liveImpossible: false, liveSeen: true, liveFailures: 3 }), "plain");
  assert.equal(nextWay({ liveImpossible: true, liveSeen: false, liveFailures: 0 }), "plain");
});

/** What is done about each of these, one after the other. `!`: while the computer has no network. */
function deeds(...row: string[]): Deed[] {
  let link = NEW_LINK;
  return row.map((word) => {
    const reaction = react(link, word.replace("!", "") as Happened, !word.endsWith("!"));
    link = reaction.link;
    return reaction.deed;
  });
}

test("a path that is gone is restarted before the connection is given up", () => {
  assert.deepEqual(deeds("up", "down"), ["nothing", "restart"]);
  assert.deepEqual(deeds("up", "network-changed"), ["nothing", "restart"]);
  assert.deepEqual(deeds("up", "failed"), ["nothing", "restart"]);
  assert.deepEqual(deeds("up", "down", "up", "settled", "down"), [
    "nothing",
    "restart",
    "nothing",
    "nothing",
    "restart",
  ]);
});

test("restarts that bring nothing are few", () => {
  const row = deeds("up", "down", "settled", "settled", "settled");
  assert.deepEqual(row, ["nothing", "restart", "restart", "restart", "lose"]);
  // Each time the path is well again, they are counted anew.
  const often = Array.from({ length: 10 }, () => ["network-changed", "settled"]).flat();
  assert.ok(!deeds("up", ...often).includes("lose"));
});

test("one restart at a time, and none before there was a path", () => {
  assert.deepEqual(deeds("up", "down", "network-changed", "failed"), [
    "nothing",
    "restart",
    "nothing",
    "nothing",
  ]);
  assert.deepEqual(deeds("network-changed", "down", "failed"), ["nothing", "nothing", "lose"]);
});

test("without any network nothing is tried, for a while, and then when there is one again", () => {
  assert.deepEqual(deeds("up", "down!", "settled!", "settled"), [
    "nothing",
    "look-later",
    "look-later",
    "restart",
  ]);
  const back = deeds("up", "down!", "network-changed!", "network-changed");
  assert.deepEqual(back, ["nothing", "look-later", "nothing", "restart"]);
  const dark = deeds("up", "down!", ...Array.from({ length: 6 }, () => "settled!"));
  assert.equal(dark.at(-1), "lose");
  assert.equal(dark.filter((deed) => deed === "look-later").length, 6);
});

test("a desktop that has forgotten this viewer is asked for another connection at once", () => {
  assert.deepEqual(deeds("up", "down", "forgotten"), ["nothing", "restart", "lose"]);
});

test("a restart changes credentials and candidates, and nothing else", () => {
  const offer = "v=0\r\nm=video 9 X 96\r\na=ice-ufrag:new\r\na=ice-pwd:secret\r\na=mid:0\r\n";
  assert.equal(fragmentOf(offer), "a=ice-ufrag:new\r\na=ice-pwd:secret\r\n");
  assert.equal(fragmentOf("v=0\r\n"), null);
  const answer = [
    "v=0",
    "m=video 9 X 96",
    "a=ice-ufrag:a",
    "a=ice-pwd:b",
    "a=setup:passive",
    "a=candidate:1 old",
    "a=candidate:2 old",
    "a=end-of-candidates",
    "m=application 9 X y",
    "a=ice-ufrag:a",
    "a=ice-pwd:b",
    "",
  ].join("\r\n");
  const fragment = "a=ice-lite\r\na=ice-ufrag:c\r\na=ice-pwd:d\r\nm=video 9 X 96\r\na=candidate:1 new\r\n";
  assert.deepEqual(answerWith(answer, fragment)?.split("\r\n"), [
    "v=0",
    "m=video 9 X 96",
    "a=ice-ufrag:c",
    "a=ice-pwd:d",
    "a=setup:passive",
    "a=candidate:1 new",
    "a=end-of-candidates",
    "m=application 9 X y",
    "a=ice-ufrag:c",
    "a=ice-pwd:d",
    "",
  ]);
  assert.equal(answerWith(answer, "a=candidate:1 new\r\n"), null);
});
