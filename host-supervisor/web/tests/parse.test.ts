// The daemon's answers, whole, broken and hostile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/api/error.ts";
import { parseProviders, parseSession, parseSignInUrl, webAddress } from "../src/api/parse.ts";

const SESSION = {
  session_id: "5f0c",
  user_id: "me",
  provider: "codex",
  status: "awaiting_user_auth",
  vm_id: "77aa",
  oauth_url: "https://auth.example.com/authorize?state=s",
  created_at: "2025-11-22T07:45:01.123Z",
};

const NOTHING_SAID = { launch: null, signInKind: null, device: null, asksForCode: false };

test("a session is read with all that it says", () => {
  const session = parseSession({ session: SESSION });
  assert.equal(session.id, "5f0c");
  assert.equal(session.userId, "me");
  assert.equal(session.providerId, "codex");
  assert.equal(session.status, "awaiting_user_auth");
  assert.equal(session.signInUrl, "https://auth.example.com/authorize?state=s");
  assert.equal(session.createdAt?.toISOString(), "2025-11-22T07:45:01.123Z");
  assert.equal(session.completedAt, null);
  assert.equal(session.failure, null);
});

test("what an older daemon does not say is not there", () => {
  const { launch, signInKind, device, asksForCode } = parseSession({ session: SESSION });
  assert.deepEqual({ launch, signInKind, device, asksForCode }, NOTHING_SAID);
});

test("a way of the clipboard is open when the daemon says so, or knows of none", () => {
  const ways = (clipboard: unknown): unknown =>
    parseSession({ session: { ...SESSION, clipboard } }).clipboard;
  assert.deepEqual(ways({ toDesktop: true, fromDesktop: false }), { toDesktop: true, fromDesktop: false });
  assert.deepEqual(ways({ toDesktop: "yes" }), { toDesktop: false, fromDesktop: false });
  assert.deepEqual(ways(undefined), { toDesktop: true, fromDesktop: true });
});

test("a status that this page does not know is taken for a living one", () => {
  assert.equal(parseSession({ session: { ...SESSION, status: "hibernating" } }).status, "unknown");
});

test("a failure is read with its lines, and from the sentence alone", () => {
  const failure = { code: "kernel_panic", message: "the kernel panicked", detail_lines: ["a", 7, "b"] };
  const whole = parseSession({ session: { ...SESSION, status: "failed", error: "short", failure } });
  assert.deepEqual(whole.failure, {
    code: "kernel_panic",
    message: "the kernel panicked",
    detailLines: ["a", "b"],
  });
  const short = parseSession({ session: { ...SESSION, status: "failed", error: "short" } });
  assert.deepEqual(short.failure, { code: null, message: "short", detailLines: [] });
});

test("a failed attempt is read beside a session that goes on", () => {
  const attempt_failure = { code: "sign_in_denied", message: "denied", detail_lines: [] };
  const session = parseSession({ session: { ...SESSION, attempt_failure, revision: 7 } });
  assert.deepEqual(session.attemptFailure, { code: "sign_in_denied", message: "denied", detailLines: [] });
  assert.equal(session.revision, 7);
  assert.equal(session.failure, null);
  assert.equal(parseSession({ session: SESSION }).attemptFailure, null);
  assert.equal(parseSession({ session: SESSION }).revision, null);
});

test("how many start before is a count, or not known", () => {
  const ahead = (starts_ahead: unknown): unknown =>
    parseSession({ session: { ...SESSION, starts_ahead } }).startsAhead;
  assert.deepEqual([0, 7, undefined, -1, 1.5, "7"].map(ahead), [0, 7, null, null, null, null]);
});

test("an answer without what it must have is unreadable", () => {
  for (const body of [null, [], "text", {}, { session: null }, { session: { status: "ready" } }]) {
    assert.throws(
      () => parseSession(body),
      (error) => error instanceof ApiError && error.kind === "unreadable",
      JSON.stringify(body),
    );
  }
});

test("a provider without a name is called by its id", () => {
  const providers = parseProviders({ providers: [{ id: "codex", name: "Codex" }, { id: "demo" }] });
  assert.deepEqual(providers, [
    { id: "codex", name: "Codex", launches: [] },
    { id: "demo", name: "demo", launches: [] },
  ]);
});

test("a provider's launches keep their order, the default first", () => {
  const launches = [{ id: "browser", title: "Browser" }, { id: "device" }];
  const [codex] = parseProviders({ providers: [{ id: "codex", launches }] });
  assert.deepEqual(codex?.launches, [
    { id: "browser", title: "Browser" },
    { id: "device", title: "device" },
  ]);
});

test("only web addresses of a reasonable length pass as sign-in links", () => {
  assert.equal(webAddress("http://127.0.0.1:9400/authorize"), "http://127.0.0.1:9400/authorize");
  for (const hostile of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "", null]) {
    assert.equal(webAddress(hostile), null, String(hostile));
  }
  assert.equal(webAddress(`https://example.com/${"x".repeat(9000)}`), null);
});

test("while the daemon waits for the link there is none", () => {
  assert.equal(parseSignInUrl({ waiting: true, message: "waiting", elapsedMs: 4 }), null);
});
