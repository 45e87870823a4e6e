// Server-sent events (HTML Living Standard, section 9.2) over fetch: `EventSource` sends no Authorization header and no body.

import { AnteroomError } from "./error.ts";
import type { CallOptions } from "./request.ts";

/** One event as it came. */
export interface RawEvent {
  /** To come again with, as `Last-Event-ID`. */
  readonly id: string;
  /** `message` when it has no name. */
  readonly type: string;
  readonly data: string;
}

/** How a stream is followed. */
export interface FollowOptions extends CallOptions {
  /** The `id` of the last event that is known already; what came after it is given out. */
  readonly lastEventId?: string;
  /** Told whenever the connection breaks, or cannot be made, and will be tried again. */
  readonly onBreak?: (error: AnteroomError) => void;
}

interface Following extends FollowOptions {
  /** Whether the same may be asked a second time. */
  readonly mayConnectAgain?: () => boolean;
}

/** No event of the API is longer; a stream that goes on without an end of line must not fill the memory. */
const MAX_EVENT_CHARACTERS = 32 * 1024 * 1024;
/** The daemon says something at least every 15 seconds; a path that is silent for longer is dead. */
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Takes text in pieces as they come, gives out the events that are whole. */
export class EventParser {
  private rest = "";
  private lastId = "";
  private type = "";
  private data: string[] = [];
  private length = 0;
  /** What the stream wants to be waited for before somebody comes again. */
  retryMs: number | null = null;

  push(piece: string): RawEvent[] {
    const events: RawEvent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    if (this.rest.length + this.length > MAX_EVENT_CHARACTERS) throw unreadable("an event is too long");
    return events;
  }

  private line(line: string): RawEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    // A line that begins with a colon only shows that the stream lives.
    if (colon === 0) return null;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.data.push(value);
      this.length += value.length;
    } else if (field === "event") {
      this.type = value;
    } else if (field === "id" && !value.includes("\0")) {
      this.lastId = value;
    } else if (field === "retry" && /^\d+$/.test(value)) {
      this.retryMs = Number(value);
    }
    return null;
  }

  private dispatch(): RawEvent | null {
    const event = { id: this.lastId, type: this.type || "message", data: this.data.join("\n") };
    const isEmpty = this.data.length === 0;
    this.type = "";
    this.data = [];
    this.length = 0;
    return isEmpty ? null : event;
  }
}

/**
 * The events of a stream, over as many connections as it takes: a connection that breaks is made again with the id of the
 * last event, until the daemon answers that nothing will come any more (204).
 *
 * `connect` opens one; what it throws ends the stream unless the same may succeed later.
 */
export async function* followed(
  connect: (lastEventId: string | null, signal: AbortSignal) => Promise<Response>,
  { signal, lastEventId: known, onBreak, mayConnectAgain = () => true }: Following,
): AsyncGenerator<RawEvent, void, void> {
  const left = new AbortController();
  const leave = () => left.abort(signal?.reason);
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted) leave();
  let pauseMs = 0;
  try {
    for (let last = known ?? null; ;) {
      left.signal.throwIfAborted();
      let askedPauseMs: number | null = null;
      try {
        const response = await connect(last, left.signal);
        if (response.status === 204 || response.body === null) return;
        const parser = new EventParser();
        for await (const piece of pieces(response.body, left.signal)) {
          for (const event of parser.push(piece)) {
            pauseMs = 0;
            last = event.id;
            yield event;
          }
        }
        if (!mayConnectAgain()) throw new AnteroomError("the stream ended before it began", "unreachable", 0);
        askedPauseMs = parser.retryMs;
      } catch (error) {
        left.signal.throwIfAborted();
        if (!(error instanceof AnteroomError) || !error.passes || !mayConnectAgain()) throw error;
        onBreak?.(error);
        askedPauseMs = error.retryAfterMs;
        pauseMs = Math.max(pauseMs, FIRST_PAUSE_MS);
      }
      await pause(Math.max(pauseMs, askedPauseMs ?? 0), left.signal);
      pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    }
  } finally {
    signal?.removeEventListener("abort", leave);
    left.abort();
  }
}

/** The text of a body as it comes; a broken or silent connection is an error that passes. */
async function* pieces(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), signal);
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

async function inTime<T>(read: Promise<T>, signal: AbortSignal): Promise<T> {
  let silence: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, reject) => {
    silence = setTimeout(() => reject(new AnteroomError("the stream is silent", "timed_out", 0)), SILENCE_MS);
  });
  try {
    return await Promise.race([read, silent]);
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof AnteroomError ? cause : new AnteroomError("the stream broke", "unreachable", 0);
  } finally {
    clearTimeout(silence);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = setTimeout(done, ms);
    const stop = () => {
      clearTimeout(wake);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
    function done() {
      signal.removeEventListener("abort", stop);
      resolve();
    }
  });
}

export function unreadable(what: string): AnteroomError {
  return new AnteroomError(`the daemon's answer is not what the API promises: ${what}`, "unreadable", 200);
}
