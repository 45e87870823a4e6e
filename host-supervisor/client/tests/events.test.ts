import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../src/events.ts";
import { type AnteroomError, createClient } from "../src/index.ts";
import { broken, events, house, json, nothing } from "./house.ts";

const ID = "7e3b9d3c-0d5e-4d57-8c3f-111111111111";

test("events are the same wherever the pieces end", () => {
  const text =
    "retry: 300\r\n: alive\r\n\r\nid: 7-1\nevent: moment\ndata: {\ndata:}\n\nid\rdata\r\rdata: lost because it has no end";
  const wanted = [
    { id: "7-1", type: "moment", data: "{\n}" },
    { id: "", type: "message", data: "" },
  ];
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
    assert.deepEqual(found, wanted, `in pieces of ${size}`);
    assert.equal(parser.retryMs, 300);
  }
});

test("an event without an end is not kept for ever", () => {
  const parser = new EventParser();
  const line = `data: ${"x".repeat(1024 * 1024)}\n`;
  assert.throws(
    () => {
      for (let count = 0; count < 40; count += 1) parser.push(line);
    },
    { code: "unreadable" },
  );
});

test("a stream goes on after the last event that was heard, until nothing will come", async () => {
  const daemon = await house(
    broken('id: 1-0\nevent: session\ndata: {"session":{"status":"ready"}}\n\nid: 2-0\nevent: sess'),
    json(503, { error: "stopping", code: "stopping" }, { "retry-after": "0" }),
    events('id: end\nevent: session\ndata: {"session":{"status":"completed"}}\n\n'),
    nothing,
  );
  const anteroom = createClient({ baseUrl: daemon.url, token: "t" });
  const breaks: AnteroomError[] = [];
  const seen = [];
  for await (const event of anteroom.followSession({ id: ID }, { onBreak: (error) => breaks.push(error) })) {
    if (event.type === "session") seen.push(`${event.id} ${event.data.session.status}`);
  }
  await daemon.close();
  assert.deepEqual(seen, ["1-0 ready", "end completed"]);
  assert.deepEqual(
    breaks.map(({ code }) => code),
    ["unreachable", "stopping"],
  );
  assert.deepEqual(
    daemon.asked.map(({ headers }) => headers["last-event-id"]),
    [undefined, "1-0", "1-0", "end"],
  );
  assert.equal(daemon.asked[0]!.headers.authorization, "Bearer t");
});

test("what will not pass ends a stream", async () => {
  const daemon = await house(json(404, { error: "there is no such session", code: "unknown_session" }));
  const stream = createClient({ baseUrl: daemon.url }).followSession({ id: ID });
  await assert.rejects(stream.next(), { code: "unknown_session", status: 404 });
  await daemon.close();
});

test("whoever leaves a stream closes its connection", async () => {
  let closed = 0;
  const daemon = await house((response) => {
    response.on("close", () => (closed += 1));
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('id: 1-0\nevent: session\ndata: {"session":{}}\n\n');
  });
  const anteroom = createClient({ baseUrl: daemon.url });
  for await (const event of anteroom.followSession({ id: ID })) {
    assert.equal(event.id, "1-0");
    break;
  }
  const gone = new AbortController();
  const stream = anteroom.followSession({ id: ID }, { signal: gone.signal });
  await stream.next();
  const next = stream.next();
  gone.abort(new Error("gone"));
  await assert.rejects(next, { message: "gone" });
  const deadline = Date.now() + 5000;
  while (closed < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(closed, 2);
  await daemon.close();
});

test("a prompt is asked once, and followed by its id when the stream breaks", async () => {
  const daemon = await house(
    broken(`id: 1\ndata: {"type":"connected","promptId":"${ID}"}\n\nid: 2\ndata: {"type":"chunk","text":"h`),
    events('id: 2\ndata: {"type":"chunk","text":"hi"}\n\nid: 3\ndata: {"type":"done","exitCode":0}\n\n'),
    nothing,
  );
  const anteroom = createClient({ baseUrl: daemon.url });
  const said = [];
  for await (const { data } of anteroom.executePrompt({
    userId: "ann",
    provider: "codex",
    prompt: "say hi",
  })) {
    said.push(data.type === "chunk" ? data.text : data.type);
  }
  await daemon.close();
  assert.deepEqual(said, ["connected", "hi", "done"]);
  assert.deepEqual(
    daemon.asked.map(({ method, url, headers }) => `${method} ${url} ${headers["last-event-id"] ?? "-"}`),
    ["POST /api/prompts/execute -", `GET /api/prompts/${ID}/events 1`, `GET /api/prompts/${ID}/events 3`],
  );
});

test("a prompt of which nothing was heard is not asked again", async () => {
  const daemon = await house(broken(": alive\n\n"));
  const stream = createClient({ baseUrl: daemon.url }).executePrompt({
    userId: "ann",
    provider: "codex",
    prompt: "say hi",
  });
  await assert.rejects(stream.next(), { code: "unreachable" });
  assert.equal(daemon.asked.length, 1);
  await daemon.close();
});
