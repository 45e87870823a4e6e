// A user's way through the API of a real daemon, which a test of the daemon has started (`tests/api/client.rs`): it plays the
// guests of the one session and the one prompt that there are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AnteroomError, createClient, type Session } from "../src/index.ts";

const baseUrl = process.env["ANTEROOM_URL"] ?? "";
const operator = createClient({ baseUrl, key: process.env["ANTEROOM_API_KEY"] ?? "" });
const NOBODYS = "7e3b9d3c-0d5e-4d57-8c3f-111111111111";

test("a user signs in, is followed with a token, and leaves credentials that answer a prompt", async () => {
  const { providers } = await operator.listProviders();
  assert.ok(providers.some(({ id }) => id === "demo"));

  const wanted = { userId: "ann", provider: "demo" };
  const { sessionId: id } = await operator.startSession(wanted, { idempotencyKey: "once" });
  const again = await operator.startSession(wanted, { idempotencyKey: "once" });
  assert.equal(again.sessionId, id);

  const { token, role } = await operator.createToken({ id, expiresIn: 600 });
  assert.equal(role, "control");
  const person = createClient({ baseUrl, token });
  const seen: Session[] = [];
  for await (const event of person.followSession({ id })) {
    assert.equal(event.type, "session", "moments are for keys");
    if (event.type === "session") seen.push(event.data.session);
  }
  assert.ok(seen.length > 1);
  assert.deepEqual([seen.at(-1)?.status, seen.at(-1)?.user_id], ["completed", "ann"]);
  const revisions = seen.flatMap(({ revision }) => revision ?? []);
  assert.deepEqual(
    revisions,
    [...revisions].sort((one, other) => one - other),
  );

  const { session } = await operator.getSession({ id, status: "awaiting_user_auth", wait: 5 });
  assert.equal(session.status, "completed");
  const { sessions, next } = await operator.listSessions({ limit: 10 });
  assert.deepEqual([sessions.map(({ session_id }) => session_id), next], [[id], undefined]);
  const { credentials } = await operator.listCredentials({ user: "ann" });
  assert.equal(credentials[0]?.provider, "demo");

  const said = [];
  for await (const { data } of operator.executePrompt({ userId: "ann", provider: "demo", prompt: "hi" })) {
    said.push(data.type === "chunk" ? (data.text ?? "") : data.type);
  }
  assert.equal(said[0], "connected");
  assert.match(said.join(""), /You said hi/);
  assert.equal(said.at(-1), "done");

  const { vms } = await operator.listVms();
  assert.deepEqual([...new Set(vms.map((vm) => vm.type))].sort(), ["browser", "cli"]);
  assert.match(await operator.getMetrics(), /^# HELP /m);
  await operator.deleteCredentials({ user: "ann", provider: "demo" });
  assert.deepEqual((await operator.listCredentials({ user: "ann" })).credentials, []);
});

test("what is refused is one error, with a word for programs and the id in the daemon's log", async () => {
  const refused = async (call: Promise<unknown>): Promise<AnteroomError> => {
    try {
      await call;
    } catch (error) {
      assert.ok(error instanceof AnteroomError);
      assert.match(error.requestId ?? "", /^[\w-]{8,}$/);
      return error;
    }
    throw new Error("it was not refused");
  };
  const unknown = await refused(operator.getSession({ id: NOBODYS }));
  assert.deepEqual([unknown.status, unknown.passes], [404, false]);
  const provider = await refused(operator.startSession({ userId: "ann", provider: "nobody" }));
  assert.equal(provider.code, "unknown_provider");
  assert.ok(Array.isArray(provider.details["validProviders"]));
  assert.equal((await refused(createClient({ baseUrl }).listVms())).status, 401);
  const others = await refused(operator.listSessionsOfUser({ user: "ann" }, { actingFor: "bob" }));
  assert.equal(others.code, "other_user");
});
