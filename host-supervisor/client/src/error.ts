// The one error that every call can end with.

/** What a call has come to when it did not succeed: a refusal of the daemon, or no answer that can be read. */
export class AnteroomError extends Error {
  override readonly name = "AnteroomError";

  constructor(
    /** What went wrong, in a sentence for people. The daemon's own where there is one. */
    message: string,
    /**
     * A stable word for programs: the daemon's, such as `unknown_provider` or `vm_limit`; or ours: `unreachable` (no
     * answer), `timed_out` (no answer in time), `unreadable` (an answer that is not what the API promises).
     */
    readonly code: string,
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** After how many milliseconds the daemon wants to be asked again (`Retry-After`); `null` when it does not say. */
    readonly retryAfterMs: number | null = null,
    /** By which the daemon's log and audit know the call (`X-Request-Id`); `null` when there was no answer. */
    readonly requestId: string | null = null,
    /** What else the daemon's answer says, such as `validProviders`. Not checked. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** Whether the same call may succeed later without anybody doing anything. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Of an answer that is no success. The daemon's answers are `{"error": …, "code": …}`; a proxy's can be anything. */
export function refusalOf(response: Response, text: string): AnteroomError {
  const { error, code, ...details } = readObject(text);
  return new AnteroomError(
    typeof error === "string" && error !== "" ? error : `HTTP ${response.status}`,
    typeof code === "string" && code !== "" ? code : `http_${response.status}`,
    response.status,
    retryAfterMs(response.headers.get("retry-after")),
    response.headers.get("x-request-id"),
    details,
  );
}

function readObject(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body } : {};
  } catch {
    return {};
  }
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null): number | null {
  if (header === null || header === "") return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(ms, 0);
}
