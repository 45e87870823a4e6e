// The client: a method for each call, under the call's name.

import { type FollowOptions, followed, type RawEvent, unreadable } from "./events.ts";
import { CALLS, type Calls } from "./generated/calls.ts";
import { type Access, type CallOptions, place, send, type Wanted } from "./request.ts";
import type { Name, Taken } from "./types.ts";

const ANSWER_WITHIN_MS = 30_000;

/** A client of one daemon. */
export interface Client extends Calls {
  /**
   * The address of a call, for what is no `fetch`: a link to a download, a WebSocket. The client's token is part of it, its
   * key never.
   */
  address<N extends Name>(name: N, taken: Taken<N>): string;
}

type Entry = readonly [method: string, path: string, gives: string, hasBody?: boolean];
type Anything = Readonly<Record<string, unknown>>;

/**
 * Makes a client. It keeps no connection and no state, so there can be as many as wanted.
 *
 * @example
 * const anteroom = createClient({ baseUrl: "http://127.0.0.1:4000", key: process.env.ANTEROOM_API_KEY });
 * const { sessionId } = await anteroom.startSession({ userId: "ann", provider: "codex" });
 */
export function createClient(access: Access = {}): Client {
  const calls: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(CALLS as Record<string, Entry>)) {
    const gives = entry[2];
    if (gives === "events") {
      calls[name] = (taken: Anything = {}, options: FollowOptions = {}) =>
        follow(access, entry, taken, options);
    } else if (gives !== "upgrade") {
      calls[name] = (taken: Anything = {}, options: CallOptions = {}) => call(access, entry, taken, options);
    }
  }
  calls["executePrompt"] = (taken: Anything, options: FollowOptions = {}) => execute(access, taken, options);
  calls["address"] = (name: string, taken: Anything) => {
    const token = access.token === undefined ? {} : { token: access.token };
    return place(access.baseUrl, entryOf(name)[1], false, { ...taken, ...token }).url;
  };
  return calls as unknown as Client;
}

function entryOf(name: string): Entry {
  return (CALLS as Record<string, Entry>)[name] as Entry;
}

async function call(access: Access, entry: Entry, taken: Anything, options: CallOptions): Promise<unknown> {
  const [, , gives] = entry;
  const accept = gives === "json" ? "application/json" : "*/*";
  const wait = typeof taken["wait"] === "number" ? taken["wait"] * 1000 : 0;
  const timeoutMs = (options.timeoutMs ?? access.timeoutMs ?? ANSWER_WITHIN_MS) + wait;
  const goesOn = gives === "response";
  return send(
    access,
    options,
    { ...asked(access, entry, taken), accept, timeoutMs, goesOn },
    async (response) => {
      if (gives === "response") return response;
      const text = await response.text();
      return gives === "text" ? text : readJson(text);
    },
  );
}

function asked(
  access: Access,
  [method, path, , hasBody]: Entry,
  taken: Anything,
): Pick<Wanted, "method" | "url" | "body"> {
  return { method, ...place(access.baseUrl, path, hasBody === true, taken) };
}

/** What is empty says nothing more than that it is done. */
function readJson(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable("it is no JSON");
  }
}

async function* follow(
  access: Access,
  entry: Entry,
  taken: Anything,
  options: FollowOptions,
): AsyncGenerator<unknown> {
  const connect = (last: string | null, signal: AbortSignal) =>
    connected(access, options, asked(access, entry, taken), last, signal);
  for await (const event of followed(connect, options)) yield told(event);
}

/**
 * A prompt is asked once. When its stream breaks, its events are followed by the id that the first of them has told.
 */
async function* execute(access: Access, taken: Anything, options: FollowOptions): AsyncGenerator<unknown> {
  let prompt: string | null = null;
  const connect = (last: string | null, signal: AbortSignal) => {
    const next =
      prompt === null
        ? asked(access, entryOf("executePrompt"), taken)
        : asked(access, entryOf("followPrompt"), { id: prompt });
    return connected(access, options, next, last, signal);
  };
  const once = { ...options, mayConnectAgain: () => prompt !== null };
  for await (const event of followed(connect, once)) {
    const said = told(event);
    prompt ??= promptId(said.data);
    yield said;
  }
}

function promptId(data: unknown): string | null {
  const id: unknown = typeof data === "object" && data !== null ? Reflect.get(data, "promptId") : null;
  return typeof id === "string" ? id : null;
}

function connected(
  access: Access,
  options: CallOptions,
  next: Pick<Wanted, "method" | "url" | "body">,
  lastEventId: string | null,
  signal: AbortSignal,
): Promise<Response> {
  const timeoutMs = options.timeoutMs ?? access.timeoutMs ?? ANSWER_WITHIN_MS;
  const wanted = { ...next, accept: "text/event-stream", lastEventId, timeoutMs, goesOn: true };
  return send(access, { ...options, signal }, wanted, async (response) => response);
}

function told({ id, type, data }: RawEvent): { id: string; type: string; data: unknown } {
  try {
    return { id, type, data: JSON.parse(data) as unknown };
  } catch {
    throw unreadable("an event is no JSON");
  }
}
