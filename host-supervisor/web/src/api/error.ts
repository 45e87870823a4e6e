// The one error that a call to the daemon can end with, by what a page does about it.

import { AnteroomError } from "@anteroom/client";

const MAX_RETRY_AFTER_MS = 60_000;

export type ApiErrorKind =
  /** No answer: daemon down, network gone, or no answer in time. */
  | "unreachable"
  /** 401: no cookie, or one that is not valid. */
  | "unauthorized"
  /** Another 4xx: the daemon says what is wrong. */
  | "refused"
  /** 429 */
  | "too-many"
  /** 5xx */
  | "host-fault"
  /** An answer in a shape that this page does not know. */
  | "unreadable";

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly kind: ApiErrorKind,
    /** HTTP status, 0 when there was no answer. */
    readonly status: number,
    /** The daemon's own sentence, or a technical one of ours. */
    message: string,
    /** From `Retry-After`, with 429 and 503. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same call may succeed later without anybody doing anything. */
  get passes(): boolean {
    return this.kind === "unreachable" || this.kind === "too-many" || this.kind === "host-fault";
  }
}

export function errorKindOf(status: number): ApiErrorKind {
  if (status === 401) return "unauthorized";
  if (status === 429) return "too-many";
  return status >= 500 ? "host-fault" : "refused";
}

/** Of what the client has thrown; a fault of our own stays what it is. */
export function apiErrorOf(cause: unknown): unknown {
  if (!(cause instanceof AnteroomError)) return cause;
  const { code, status, message, retryAfterMs } = cause;
  const pauseMs = retryAfterMs === null ? null : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  return new ApiError(kindOf(code, status), status, message, pauseMs);
}

function kindOf(code: string, status: number): ApiErrorKind {
  if (status === 0) return "unreachable";
  return code === "unreadable" ? "unreadable" : errorKindOf(status);
}
