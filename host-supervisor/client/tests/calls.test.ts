import assert from "node:assert/strict";
import { test } from "node:test";
import { AnteroomError, createClient } from "../src/index.ts";
import { house, json } from "./house.ts";

const SESSION = "7e3b9d3c-0d5e-4d57-8c3f-111111111111";

test("what a call takes goes where the description says", async () => {
  const daemon = await house(json(200, {}));
  const anteroom = createClient({ baseUrl: `${daemon.url}/`, key: "ak_1" });
  await anteroom.startSession(
    { userId: "ann", provider: "codex" },
    { idempotencyKey: "once", actingFor: "ann" },
  );
  await anteroom.getSession({ id: SESSION, revision: 3, wait: 20 });
  await anteroom.createToken({ id: SESSION, role: "view", expiresIn: 60 });
  await anteroom.cancelSession({ id: SESSION });
  await anteroom.listCredentials({ user: "a/b c" });
  await daemon.close();

  const lines = daemon.asked.map(({ method, url, body }) => `${method} ${url} ${body}`);
  assert.deepEqual(lines, [
    'POST /api/auth/start {"userId":"ann","provider":"codex"}',
    `GET /api/auth/session/${SESSION}?revision=3&wait=20 `,
    `POST /api/auth/session/${SESSION}/token {"role":"view","expiresIn":60}`,
    `POST /api/auth/session/${SESSION}/cancel `,
    "GET /api/auth/credentials/a%2Fb%20c ",
  ]);
  const { headers } = daemon.asked[0]!;
  assert.equal(headers.authorization, "Bearer ak_1");
  assert.equal(headers["idempotency-key"], "once");
  assert.equal(headers["x-user-id"], "ann");
  assert.equal(headers["content-type"], "application/json");
  assert.equal(daemon.asked[1]!.headers["content-type"], undefined);
});

test("a part of a path can not lead to another call", async () => {
  const anteroom = createClient({ baseUrl: "http://127.0.0.1:9" });
  await assert.rejects(anteroom.getSession({ id: ".." }), TypeError);
  await assert.rejects(anteroom.getSession({ id: "" }), TypeError);
});

test("a refusal is one error with everything that the daemon says", async () => {
  const daemon = await house(
    json(
      429,
      { error: "too many sign-ins at once", code: "vm_limit", limit: 4 },
      { "retry-after": "7", "x-request-id": "r-1" },
    ),
  );
  const anteroom = createClient({ baseUrl: daemon.url });
  const refused = anteroom.startSession({ userId: "ann", provider: "codex" });
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof AnteroomError);
    const { message, code, status, retryAfterMs, requestId, details, passes } = error;
    assert.deepEqual(
      { message, code, status, retryAfterMs, requestId, details, passes },
      {
        message: "too many sign-ins at once",
        code: "vm_limit",
        status: 429,
        retryAfterMs: 7000,
        requestId: "r-1",
        details: { limit: 4 },
        passes: true,
      },
    );
    return true;
  });
  await daemon.close();
});

test("an answer of somebody else in between is an error, too", async () => {
  const daemon = await house(
    (response) => response.writeHead(502).end("<h1>Bad gateway</h1>"),
    (response) => response.writeHead(200).end("<h1>Welcome</h1>"),
    (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  );
  const anteroom = createClient({ baseUrl: daemon.url });
  await assert.rejects(anteroom.listProviders(), { code: "http_502", status: 502, message: "HTTP 502" });
  await assert.rejects(anteroom.listProviders(), { code: "unreadable" });
  await assert.rejects(anteroom.listProviders(), { code: "unreachable", status: 0 });
  await daemon.close();
});

test("a call ends in time, and when its caller has gone", async () => {
  const daemon = await house(() => {});
  const anteroom = createClient({ baseUrl: daemon.url, timeoutMs: 50 });
  await assert.rejects(anteroom.listProviders(), { code: "timed_out", status: 0 });
  const gone = new AbortController();
  const call = anteroom.listProviders({}, { signal: gone.signal, timeoutMs: 60_000 });
  gone.abort(new Error("the person has gone"));
  await assert.rejects(call, { message: "the person has gone" });
  await daemon.close();
  await assert.rejects(anteroom.listProviders(), { code: "unreachable" });
});

test("an address has the session's token and never the key", () => {
  const baseUrl = "https://anteroom.example";
  const withKey = createClient({ baseUrl, key: "ak_1" });
  assert.equal(
    withKey.address("downloadFile", { id: SESSION, path: "a b" }),
    `${baseUrl}/api/vms/${SESSION}/files?path=a+b`,
  );
  const withToken = createClient({ baseUrl, token: "t" });
  assert.equal(
    withToken.address("openDesktop", { id: SESSION }),
    `${baseUrl}/api/auth/session/${SESSION}/vnc?token=t`,
  );
});
