// The daemon's HTTP API, one method for each call that the pages make. Every call ends with a value or an ApiError.

import { clockOffsetMs } from "./clock.ts";
import { ApiError, errorKindOf } from "./error.ts";
import {
  parseProviders,
  parseSession,
  parseSessions,
  parseSignInUrl,
  parseStarted,
  parseVmFile,
} from "./parse.ts";
import type { Provider, Session, VmFile } from "./types.ts";

const ANSWER_WITHIN_MS = 10_000;
/** Starting writes to the store and checks the image before it answers. */
const START_WITHIN_MS = 60_000;
/** Less than what proxies usually give an answer. */
const LONGEST_LOOK_S = 20;
const MAX_RETRY_AFTER_MS = 60_000;

interface Call {
  readonly method?: "GET" | "POST";
  readonly body?: Record<string, string>;
  readonly withinMs?: number;
}

export class ApiClient {
  private offsetMs = 0;

  /** `viewToken` opens the calls of one session where there is no cookie: in an iframe of another site. */
  constructor(private readonly viewToken: string | null = null) {}

  /** By the daemon's clock, as its last answer told. */
  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  async login(key: string): Promise<void> {
    await this.call("/api/login", { method: "POST", body: { key } });
  }

  async providers(): Promise<Provider[]> {
    return parseProviders(await this.call("/api/providers"));
  }

  /** Answers the id of the new session. Without a `launch` it is the provider's first. */
  async start(userId: string, providerId: string, launch: string | null): Promise<string> {
    const body = { userId, provider: providerId, ...(launch === null ? {} : { launch }) };
    return parseStarted(
      await this.call("/api/auth/start", { method: "POST", body, withinMs: START_WITHIN_MS }),
    );
  }

  async sessionsOf(userId: string): Promise<Session[]> {
    return parseSessions(await this.call(`/api/auth/sessions/${encodeURIComponent(userId)}`));
  }

  /** At once; with a `known` revision when the session has another one, or after 20 seconds. */
  async session(id: string, known: number | null = null): Promise<Session> {
    if (known === null) return parseSession(await this.call(sessionPath(id)));
    const path = `${sessionPath(id)}?revision=${known}&wait=${LONGEST_LOOK_S}`;
    return parseSession(await this.call(path, { withinMs: LONGEST_LOOK_S * 1000 + ANSWER_WITHIN_MS }));
  }

  /** `null` while there is none yet. */
  async signInUrl(id: string): Promise<string | null> {
    return parseSignInUrl(await this.call(`${sessionPath(id)}/oauth-url`));
  }

  /** Opens the address in the browser of the VM. */
  async openUrl(id: string, url: string): Promise<void> {
    await this.call(`${sessionPath(id)}/open-url`, { method: "POST", body: { url } });
  }

  /** The address at which this computer's browser has failed after signing in. */
  async callback(id: string, url: string): Promise<void> {
    await this.call(`${sessionPath(id)}/callback`, {
      method: "POST",
      body: { url },
      withinMs: START_WITHIN_MS,
    });
  }

  /** What the sign-in page shows at its end, or that page's address; it is typed into the terminal. */
  async code(id: string, code: string): Promise<void> {
    await this.call(`${sessionPath(id)}/code`, { method: "POST", body: { code } });
  }

  /** Starts the tool again after a failed attempt. */
  async retry(id: string): Promise<void> {
    await this.call(`${sessionPath(id)}/retry`, { method: "POST" });
  }

  async heartbeat(id: string): Promise<void> {
    await this.call(`${sessionPath(id)}/heartbeat`, { method: "POST" });
  }

  async cancel(id: string): Promise<void> {
    await this.call(`${sessionPath(id)}/cancel`, { method: "POST", withinMs: START_WITHIN_MS });
  }

  /** What would be downloaded; an error says why it cannot be. */
  async aboutFile(address: URL): Promise<VmFile> {
    const about = new URL(address);
    about.searchParams.set("about", "true");
    return parseVmFile(await this.call(about.pathname + about.search, { withinMs: START_WITHIN_MS }));
  }

  private async call(path: string, call: Call = {}): Promise<unknown> {
    // A page with a token is the same with and without a cookie: it never does more than the token allows.
    const credentials = this.viewToken === null ? "same-origin" : "omit";
    const { response, text } = await send(this.addressed(path), call, credentials);
    this.offsetMs = clockOffsetMs(response.headers.get("date"), Date.now(), this.offsetMs);
    if (!response.ok) throw refusal(response, text);
    return readJson(response.status, text);
  }

  private addressed(path: string): string {
    if (this.viewToken === null) return path;
    return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(this.viewToken)}`;
  }
}

function sessionPath(id: string): string {
  return `/api/auth/session/${encodeURIComponent(id)}`;
}

async function send(
  path: string,
  call: Call,
  credentials: RequestCredentials,
): Promise<{ response: Response; text: string }> {
  const abort = new AbortController();
  const deadline = setTimeout(() => abort.abort(), call.withinMs ?? ANSWER_WITHIN_MS);
  const headers: Record<string, string> = { accept: "application/json" };
  if (call.body) headers["content-type"] = "application/json";
  try {
    const response = await fetch(path, {
      method: call.method ?? "GET",
      headers,
      body: call.body ? JSON.stringify(call.body) : null,
      credentials,
      cache: "no-store",
      signal: abort.signal,
    });
    return { response, text: await response.text() };
  } catch (cause) {
    throw new ApiError("unreachable", 0, cause instanceof Error ? cause.message : "no answer");
  } finally {
    clearTimeout(deadline);
  }
}

function refusal(response: Response, text: string): ApiError {
  const said = errorSentence(text) ?? `HTTP ${response.status}`;
  return new ApiError(errorKindOf(response.status), response.status, said, retryAfterMs(response.headers));
}

function errorSentence(text: string): string | null {
  try {
    const body: unknown = JSON.parse(text);
    const error = typeof body === "object" && body !== null ? Reflect.get(body, "error") : null;
    return typeof error === "string" && error !== "" ? error : null;
  } catch {
    return null;
  }
}

function retryAfterMs(headers: Headers): number | null {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, MAX_RETRY_AFTER_MS) : null;
}

function readJson(status: number, text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("unreadable", status, "the daemon's answer is not JSON");
  }
}
