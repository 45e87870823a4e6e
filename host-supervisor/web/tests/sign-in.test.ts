// What the page offers to sign in with, which call takes what a person brings back, and how long a code is good.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOffsetMs } from "../src/api/clock.ts";
import { parseSession } from "../src/api/parse.ts";
import type { Session } from "../src/api/types.ts";
import { readPasted } from "../src/session/pasted.ts";
import { nowInWords } from "../src/session/phase.ts";
import { signInAid } from "../src/session/sign-in.ts";
import { clockFace, countdownAloud, countdownInWords } from "../src/words/countdown.ts";

const PAGE = "https://auth.example.com/authorize?state=s";
const DEVICE = { user_code: "ABCD-12345", expires_at: "2025-11-22T08:00:00Z" };

function session(of: Record<string, unknown>): Session {
  return parseSession({ session: { session_id: "5f0c", status: "awaiting_user_auth", ...of } });
}

/** The way and the field, in one line. */
function offered(of: Record<string, unknown>, url: string | null = PAGE): string | null {
  const aid = signInAid(session(of), url);
  return aid && `${aid.way}, ${aid.field}`;
}

test("an address on the loopback is replayed, everything else is typed", () => {
  const addresses = [
    "http://localhost:1455/auth/callback?code=c&state=s",
    "  http://127.0.0.1:40123/callback?code=c\n",
    "http://[::1]:1455/callback?error=access_denied",
    "HTTPS://LocalHost/callback?code=c",
  ];
  for (const pasted of addresses) {
    assert.deepEqual(readPasted(pasted), { kind: "address", text: pasted.trim() }, pasted);
  }
  const codes = [
    "c0de",
    "c0de#st4te",
    "4/0Ab_cd-ef",
    "https://platform.example.com/oauth/code/callback?code=c&state=s",
    "https://localhost.example.com/callback?code=c",
    "https://example.com/?next=http://localhost:1455/",
    "http://localhost@example.com/callback",
    "ftp://localhost/callback",
    "javascript:alert(1)//localhost",
    "localhost",
    "localhost:no-port",
    "http://",
    "",
  ];
  for (const pasted of codes) assert.deepEqual(readPasted(pasted), { kind: "code", text: pasted }, pasted);
});

test("an address on the loopback is known without the scheme that address bars hide", () => {
  const text = "http://localhost:1455/auth/callback?code=c";
  assert.deepEqual(readPasted("localhost:1455/auth/callback?code=c"), { kind: "address", text });
  assert.equal(readPasted("[::1]:1455/callback").text, "http://[::1]:1455/callback");
  assert.equal(readPasted("127.0.0.1/callback").kind, "address");
});

test("what can be brought back depends on how the sign-in comes back", () => {
  assert.equal(offered({ oauth_kind: "callback" }), "link, address");
  assert.equal(offered({}), "link, address", "an older daemon does not say");
  assert.equal(offered({ oauth_kind: "telepathy" }), "link, address");
  assert.equal(offered({ oauth_kind: "manual" }), "link, code");
  assert.equal(offered({ oauth_kind: "ticket" }), "ticket, none");
});

test("a terminal that asks for a code gets a field for it in every case", () => {
  assert.equal(offered({ oauth_kind: "callback", asks_for_code: true }), "link, either");
  assert.equal(offered({ oauth_kind: "manual", asks_for_code: true }), "link, code");
  assert.equal(offered({ oauth_kind: "ticket", asks_for_code: true }), "ticket, code");
  assert.equal(offered({ asks_for_code: true }, null), "asked, code");
  assert.equal(offered({ asks_for_code: "yes" }, null), null);
});

test("a one-time code is offered with or without its page", () => {
  assert.equal(offered({ oauth_kind: "device", device: DEVICE }), "device, none");
  assert.equal(offered({ device: DEVICE }, null), "device, none");
  assert.equal(offered({ oauth_kind: "device" }), "codeless, none");
  assert.equal(signInAid(session({ device: DEVICE }), PAGE)?.url, PAGE);
});

test("nothing of a failed attempt is offered any more", () => {
  const attempt_failure = { code: "sign_in_expired", message: "expired" };
  assert.equal(offered({ attempt_failure, device: DEVICE, asks_for_code: true }), null);
  assert.equal(offered({}, null), null, "and before the first there is nothing yet");
});

test("the headline says whose turn it is with what", () => {
  const says = (of: Record<string, unknown>): string => nowInWords(session(of), "Codex");
  assert.match(says({ device: DEVICE }), /enter the code/);
  assert.match(says({ device: DEVICE, status: "ready" }), /enter the code/);
  assert.match(says({ oauth_kind: "manual" }), /paste the code/);
  assert.match(says({ oauth_kind: "callback", asks_for_code: true }), /in the desktop/);
  assert.match(says({ status: "initializing" }), /^Starting/);
  assert.match(says({ status: "initializing", starts_ahead: 0 }), /waits for its turn: it is the next/);
  assert.match(says({ status: "initializing", starts_ahead: 3 }), /waits for its turn: 3 before it/);
});

test("a one-time code is what a person can type", () => {
  const code = (user_code: unknown): string | undefined =>
    session({ device: { user_code } }).device?.userCode;
  assert.equal(code(" WDJB MJHT "), "WDJB MJHT");
  assert.equal(session({ device: DEVICE }).device?.expiresAt?.getTime(), Date.parse(DEVICE.expires_at));
  assert.equal(session({ device: { user_code: "A", expires_at: "soon" } }).device?.expiresAt, null);
  for (const odd of ["", "  ", "A\nB", "A\u202eB", "A\u0007", "x".repeat(65), 7, null]) {
    assert.equal(code(odd), undefined, JSON.stringify(odd));
  }
});

test("a countdown is a clock that runs to zero", () => {
  assert.equal(clockFace(14 * 60_000 + 32_000), "14:32");
  assert.equal(clockFace(59_999), "0:59");
  assert.equal(clockFace(3_725_000), "1:02:05");
  assert.equal(clockFace(-1), "0:00");
  assert.equal(countdownInWords(872_000), "Expires in 14:32");
  assert.match(countdownInWords(999), /has expired/);
});

test("a countdown is said aloud at a few moments only", () => {
  const minutes = (left: number): string => countdownAloud("ABCD", left * 60_000);
  assert.match(minutes(14), /ABCD/);
  assert.equal(minutes(14), minutes(11));
  assert.match(minutes(10), /ABCD.*10 minutes/);
  assert.equal(minutes(9), minutes(6));
  assert.match(minutes(5), /5 minutes/);
  assert.match(minutes(0.5), /1 minute\./);
  assert.match(minutes(0), /has expired/);
  assert.match(countdownAloud("ABCD", Infinity), /ABCD/, "no time is known");
});

test("a clock that goes wrong is corrected by the daemon's, and small differences are none", () => {
  const now = Date.parse("2025-11-22T08:00:00.700Z");
  assert.equal(clockOffsetMs("Sat, 22 Nov 2025 08:00:00 GMT", now, 0), 0);
  assert.equal(clockOffsetMs("Sat, 22 Nov 2025 08:05:00 GMT", now, 0), 299_300);
  assert.equal(clockOffsetMs("Sat, 22 Nov 2025 08:05:01 GMT", now, 299_300), 299_300);
  assert.equal(clockOffsetMs(null, now, 299_300), 299_300);
  assert.equal(clockOffsetMs("soon", now, 0), 0);
});
