// One request: what a call takes becomes an address, headers and a body; whatever comes back is an answer or an AnteroomError.

import { AnteroomError, refusalOf } from "./error.ts";

/** Whoever calls. Without any of them a browser's cookie of `logIn` decides. */
export interface Access {
  /** Address of the daemon, such as `https://anteroom.example`. Left out in a page that the daemon itself serves. */
  readonly baseUrl?: string | URL;
  /** A key of `anteroom api-key create`. It may do everything that its scopes say, so it belongs in no page. */
  readonly key?: string;
  /** A token of `createToken`: it opens the calls of one session, and may stand in a page. */
  readonly token?: string;
  /** Another `fetch`, such as one that goes through a proxy. */
  readonly fetch?: typeof fetch;
  /** How long an answer may take, in milliseconds; 30 000 when nobody says it. */
  readonly timeoutMs?: number;
  /** Sees every answer before it is read: its status, and headers such as `Date` and `RateLimit-Remaining`. */
  readonly onAnswer?: (response: Response) => void;
}

/** How one call is made. */
export interface CallOptions {
  /** Ends the call, which is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** In place of the client's own. The `wait` of a call that waits for news comes on top. */
  readonly timeoutMs?: number;
  /** A call that is made again with the same key starts nothing again (1 to 255 characters). */
  readonly idempotencyKey?: string;
  /** In whose name the call is made: what belongs to other users is refused then. */
  readonly actingFor?: string;
}

/** What is to be sent. */
export interface Wanted {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  readonly accept: string;
  readonly lastEventId?: string | null;
  /** Whether only the beginning of the answer has to come in time. */
  readonly goesOn?: boolean;
  readonly timeoutMs: number;
}

const BROWSERS_COOKIE: RequestCredentials = "same-origin";

/** Sends it and hands an answer that is a success to `read`, within the same time. */
export async function send<T>(
  access: Access,
  options: CallOptions,
  wanted: Wanted,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const { signal } = options;
  signal?.throwIfAborted();
  const leave = () => abort.abort();
  signal?.addEventListener("abort", leave, { once: true });
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    abort.abort();
  }, wanted.timeoutMs);
  try {
    const response = await (access.fetch ?? fetch)(wanted.url, {
      method: wanted.method,
      headers: headersOf(access, options, wanted),
      body: wanted.body === undefined ? null : JSON.stringify(wanted.body),
      // Whoever has a key or a token is the same with and without a cookie.
      credentials: access.key === undefined && access.token === undefined ? BROWSERS_COOKIE : "omit",
      cache: "no-store",
      redirect: "error",
      signal: abort.signal,
    });
    access.onAnswer?.(response);
    if (!response.ok) throw refusalOf(response, await response.text());
    if (wanted.goesOn) clearTimeout(deadline);
    return await read(response);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof AnteroomError) throw cause;
    if (late) throw new AnteroomError(`no answer within ${wanted.timeoutMs} ms`, "timed_out", 0);
    throw new AnteroomError(cause instanceof Error ? cause.message : "no answer", "unreachable", 0);
  } finally {
    clearTimeout(deadline);
    // A body that goes on listens to the signal itself.
    if (!wanted.goesOn) signal?.removeEventListener("abort", leave);
  }
}

function headersOf(access: Access, options: CallOptions, wanted: Wanted): Record<string, string> {
  const bearer = access.key ?? access.token;
  const { lastEventId } = wanted;
  return {
    accept: wanted.accept,
    ...(wanted.body === undefined ? {} : { "content-type": "application/json" }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    ...(options.idempotencyKey === undefined ? {} : { "idempotency-key": options.idempotencyKey }),
    ...(options.actingFor === undefined ? {} : { "x-user-id": options.actingFor }),
    ...(lastEventId === undefined || lastEventId === null ? {} : { "last-event-id": lastEventId }),
  };
}

/** What a call takes, by where it goes. */
export interface Placed {
  readonly url: string;
  readonly body: unknown;
}

/** Fills in the path; the rest stands in the query, or in the body of a call that has one. */
export function place(
  baseUrl: string | URL | undefined,
  template: string,
  hasBody: boolean,
  taken: Readonly<Record<string, unknown>>,
): Placed {
  const rest = { ...taken };
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    if (typeof value !== "string" && typeof value !== "number") throw new TypeError(`${name} is missing`);
    // A dot segment would lead to another call.
    if (value === "" || value === "." || value === "..")
      throw new TypeError(`${name} is ${JSON.stringify(value)}`);
    return encodeURIComponent(value);
  });
  const url = `${baseUrl === undefined ? "" : String(baseUrl).replace(/\/+$/, "")}${path}`;
  if (hasBody) return { url, body: rest };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined && value !== null) query.append(name, String(value));
  }
  const asked = query.toString();
  return { url: asked === "" ? url : `${url}?${asked}`, body: undefined };
}
