// The decisions around the desktop: addresses, keys, clipboard text, retries.

import assert from "node:assert/strict";
import { test } from "node:test";
import { desktopPlace } from "../src/desktop/address.ts";
import { fromCutText, toCutText } from "../src/desktop/rfb/cut-text.ts";
import { keysymOf, keysymsOf } from "../src/desktop/keysym.ts";
import { type LeaveKey, type LeaveState, leaveStep } from "../src/desktop/leave.ts";
import { patienceMs } from "../src/desktop/patience.ts";
import { retryAfterMs } from "../src/desktop/retry.ts";
import { controlNote } from "../src/words/control.ts";
import { type KeyPress, meansOnlyCopying, shortcutOf } from "../src/desktop/shortcut.ts";

test("the desktop is at the daemon that served the page, with the token if there is one", () => {
  const page = new URL("https://anteroom.example/api/auth/session/a/novnc?token=t#x");
  assert.equal(
    desktopPlace(page, "a", "t&u").rfb,
    "wss://anteroom.example/api/auth/session/a/vnc?token=t%26u",
  );
  const plain = new URL("http://127.0.0.1:4000/session/a");
  assert.equal(desktopPlace(plain, "a/b", null).rfb, "ws://127.0.0.1:4000/api/auth/session/a%2Fb/vnc");
  assert.equal(desktopPlace(plain, "a", null).plainOnly, false);
  assert.equal(desktopPlace(new URL("?picture=plain", plain), "a", null).plainOnly, true);
});

test("a page that only looks says so to the daemon, by either way to the desktop", () => {
  const page = new URL("http://127.0.0.1:4000/session/a?view=only");
  const place = desktopPlace(page, "a", null);
  assert.equal(place.viewOnly, true);
  assert.equal(place.rfb, "ws://127.0.0.1:4000/api/auth/session/a/vnc?role=viewer");
  assert.equal(desktopPlace(new URL("?view=all", page), "a", null).viewOnly, false);
});

test("who has the desktop in hand is said when it is somebody else", () => {
  for (const usual of ["mine", "shared", null] as const) assert.equal(controlNote(usual), null, `${usual}`);
  assert.match(controlNote("other")?.text ?? "", /^Another page/);
  assert.match(controlNote("never")?.text ?? "", /^View only/);
  const canTake = (["other", "free", "never"] as const).map((control) => controlNote(control)?.canTake);
  assert.deepEqual(canTake, [true, true, false]);
});

test("characters are typed by their X11 symbols", () => {
  assert.equal(keysymOf("a"), 0x61);
  assert.equal(keysymOf("ß"), 0xdf);
  assert.equal(keysymOf("€"), 0x010020ac);
  assert.equal(keysymOf("\u0007"), null);
  assert.deepEqual(keysymsOf("a\r\n\t😀"), [0x61, 0xff0d, 0xff09, 0x0101f600]);
});

test("clipboard text survives the way there and back", () => {
  for (const text of ["plain", "päß €", "日本語 😀", ""]) assert.equal(fromCutText(toCutText(text)), text);
  assert.match(toCutText("€"), /^[\x80-\xff]{3}$/);
});

test("text that is no UTF-8 in disguise is taken as it is", () => {
  assert.equal(fromCutText("caf\u00e9"), "café");
  assert.equal(fromCutText("日本"), "日本");
});

const press = (of: Partial<KeyPress>): KeyPress => ({
  code: "",
  key: "",
  ctrlKey: false,
  shiftKey: false,
  altKey: false,
  metaKey: false,
  ...of,
});

test("the usual shortcuts are copy and paste, on every layout", () => {
  assert.equal(shortcutOf(press({ code: "KeyV", key: "v", ctrlKey: true })), "paste");
  assert.equal(shortcutOf(press({ code: "KeyV", key: "V", ctrlKey: true, shiftKey: true })), "paste");
  assert.equal(shortcutOf(press({ code: "KeyV", key: "v", metaKey: true })), "paste");
  assert.equal(shortcutOf(press({ code: "Insert", key: "Insert", shiftKey: true })), "paste");
  assert.equal(shortcutOf(press({ code: "Insert", key: "Insert", ctrlKey: true })), "copy");
  assert.equal(shortcutOf(press({ code: "KeyV", key: "м", ctrlKey: true })), "paste", "Russian");
  assert.equal(shortcutOf(press({ code: "KeyI", key: "c", ctrlKey: true })), "copy", "Dvorak");
});

test("what interrupts in a terminal does not mean copying only", () => {
  assert.equal(meansOnlyCopying(press({ code: "KeyC", key: "c", ctrlKey: true })), false);
  assert.equal(meansOnlyCopying(press({ code: "KeyX", key: "X", ctrlKey: true, shiftKey: true })), false);
  assert.equal(meansOnlyCopying(press({ code: "KeyC", key: "C", ctrlKey: true, shiftKey: true })), true);
  assert.equal(meansOnlyCopying(press({ code: "Insert", key: "Insert", ctrlKey: true })), true);
});

test("other keys are left alone", () => {
  assert.equal(shortcutOf(press({ code: "KeyV", key: "v" })), null);
  assert.equal(shortcutOf(press({ code: "KeyV", key: "v", ctrlKey: true, altKey: true })), null, "AltGr");
  assert.equal(shortcutOf(press({ code: "KeyV", key: ".", ctrlKey: false, shiftKey: true })), null);
  assert.equal(shortcutOf(press({ code: "Insert", key: "Insert" })), null);
});

/** Whether any key of the row leaves the desktop. `+` presses, `-` releases; C, A: left Ctrl, left Alt; x: a key. */
function leaves(row: string): boolean {
  const held = new Set<string>();
  let state: LeaveState = "idle";
  let left = false;
  for (const [sign, key] of row.split(" ").map((word) => [word[0], word.slice(1)] as const)) {
    if (sign === "+") held.add(key);
    else held.delete(key);
    const codes: Record<string, string> = { C: "ControlLeft", A: "AltLeft", G: "AltRight", x: "KeyX" };
    const event: LeaveKey = {
      type: sign === "+" ? "keydown" : "keyup",
      code: codes[key] ?? key,
      ctrlKey: held.has("C"),
      altKey: held.has("A") || held.has("G"),
    };
    const next = leaveStep(state, event);
    state = next.state;
    left ||= next.leave;
  }
  return left;
}

test("left Ctrl and left Alt, released without another key, leave the desktop", () => {
  assert.equal(leaves("+C +A -A -C"), true);
  assert.equal(leaves("+A +C -A -C"), true);
  assert.equal(leaves("+C +x -x -C +C +A -C -A"), true);
});

test("anything else stays in the desktop", () => {
  assert.equal(leaves("+C -C +A -A"), false);
  assert.equal(leaves("+C +A +x -x -A -C"), false);
  assert.equal(leaves("+C +x +A -A -x -C"), false);
  assert.equal(leaves("+C +G -G -C"), false, "AltGr as Windows sends it");
});

test("a view whose packets come through gets longer for its first picture than one of which nothing is heard", () => {
  assert.ok(patienceMs("answered") < patienceMs("live"), "noVNC comes soon where no packet comes through");
  assert.ok(patienceMs("connected") >= 3 * patienceMs("answered"));
  assert.ok(patienceMs("connected") >= patienceMs("plain"), "a slow guest is as slow for noVNC");
});

test("retries slow down to a bound", () => {
  assert.equal(retryAfterMs(0), 250);
  assert.equal(retryAfterMs(2), 1000);
  assert.equal(retryAfterMs(30), 3000);
});
