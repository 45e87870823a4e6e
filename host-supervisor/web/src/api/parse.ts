// From JSON of unknown shape to our types. Everything a guest or a newer daemon may have written is checked here.

import { ApiError } from "./error.ts";
import {
  type ClipboardWays,
  type DeviceCode,
  ENDED_STATUSES,
  type Failure,
  type Launch,
  LIVING_STATUSES,
  type Provider,
  type Session,
  type SessionStatus,
  SIGN_IN_KINDS,
  type SignInKind,
  type VmFile,
} from "./types.ts";

/** Browsers and providers stay far below; a longer one is not a sign-in link. */
const MAX_URL_LENGTH = 8192;
const MAX_DETAIL_LINES = 200;
/** What a person can type: neither control characters nor those that turn the reading direction, and not too long. */
const USER_CODE = /^[\p{L}\p{N}\p{P}\p{S} ]{1,64}$/u;

type Json = Record<string, unknown>;

export function parseProviders(body: unknown): Provider[] {
  return list(body, "providers").map((entry) => {
    const id = text(entry, "id");
    return { id, name: optionalText(entry, "name") ?? id, launches: launches(entry) };
  });
}

export function parseSession(body: unknown): Session {
  return session(member(body, "session"));
}

export function parseSessions(body: unknown): Session[] {
  return list(body, "sessions").map(session);
}

export function parseStarted(body: unknown): string {
  return text(body, "sessionId");
}

/** The link of `GET …/oauth-url`; `null` while the daemon waits for it. */
export function parseSignInUrl(body: unknown): string | null {
  return webAddress(optionalText(body, "oauthUrl"));
}

export function parseVmFile(body: unknown): VmFile {
  const bytes = typeof body === "object" && body !== null ? Reflect.get(body, "bytes") : null;
  return { name: text(body, "name"), bytes: typeof bytes === "number" ? bytes : null };
}

/** Only `http` and `https` leave this function: the text comes from the guest. */
export function webAddress(candidate: string | null): string | null {
  if (candidate === null || candidate.length > MAX_URL_LENGTH) return null;
  const scheme = schemeOf(candidate);
  return scheme === "https:" || scheme === "http:" ? candidate : null;
}

function session(value: unknown): Session {
  return {
    id: text(value, "session_id"),
    userId: optionalText(value, "user_id") ?? "",
    vmId: optionalText(value, "vm_id"),
    providerId: optionalText(value, "provider") ?? "",
    status: status(text(value, "status")),
    createdAt: time(optionalText(value, "created_at")),
    completedAt: time(optionalText(value, "completed_at")),
    signInUrl: webAddress(optionalText(value, "oauth_url")),
    signInKind: signInKind(optionalText(value, "oauth_kind")),
    launch: optionalText(value, "launch"),
    device: deviceCode(member(value, "device")),
    asksForCode: member(value, "asks_for_code") === true,
    failure: failure(value),
    attemptFailure: wholeFailure(member(value, "attempt_failure")),
    startsAhead: count(member(value, "starts_ahead")),
    revision: number(member(value, "revision")),
    clipboard: clipboardWays(member(value, "clipboard")),
  };
}

function status(word: string): SessionStatus {
  const known: readonly string[] = [...LIVING_STATUSES, ...ENDED_STATUSES];
  return known.includes(word) ? (word as SessionStatus) : "unknown";
}

function launches(provider: unknown): Launch[] {
  if (!Array.isArray(member(provider, "launches"))) return [];
  return list(provider, "launches").map((entry) => {
    const id = text(entry, "id");
    return { id, title: optionalText(entry, "title") ?? id };
  });
}

function signInKind(word: string | null): SignInKind | null {
  return SIGN_IN_KINDS.find((kind) => kind === word) ?? null;
}

/** A code that nobody could type is none. */
function deviceCode(value: unknown): DeviceCode | null {
  if (typeof value !== "object" || value === null) return null;
  const userCode = optionalText(value, "user_code")?.trim() ?? "";
  return USER_CODE.test(userCode) ? { userCode, expiresAt: time(optionalText(value, "expires_at")) } : null;
}

/** `failure` is the whole story, `error` its one sentence, which older daemons give alone. */
function failure(value: unknown): Failure | null {
  const message = optionalText(value, "error");
  const sentence = message === null ? null : { code: null, message, detailLines: [] };
  return wholeFailure(member(value, "failure")) ?? sentence;
}

function wholeFailure(value: unknown): Failure | null {
  if (typeof value !== "object" || value === null) return null;
  const message = optionalText(value, "message");
  if (message === null) return null;
  const lines = member(value, "detail_lines");
  const detailLines = Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
  return { code: optionalText(value, "code"), message, detailLines: detailLines.slice(-MAX_DETAIL_LINES) };
}

/** An older daemon says nothing, and closes no way. */
function clipboardWays(value: unknown): ClipboardWays {
  if (typeof value !== "object" || value === null) return { toDesktop: true, fromDesktop: true };
  return {
    toDesktop: member(value, "toDesktop") === true,
    fromDesktop: member(value, "fromDesktop") === true,
  };
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : null;
}

function time(iso: string | null): Date | null {
  if (iso === null) return null;
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? null : date;
}

function schemeOf(address: string): string | null {
  try {
    return new URL(address).protocol;
  } catch {
    return null;
  }
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable("an object");
  return value as Json;
}

function member(value: unknown, name: string): unknown {
  return object(value)[name];
}

function list(value: unknown, name: string): unknown[] {
  const found = member(value, name);
  if (!Array.isArray(found)) throw unreadable(`a list "${name}"`);
  return found;
}

function text(value: unknown, name: string): string {
  const found = optionalText(value, name);
  if (found === null) throw unreadable(`a text "${name}"`);
  return found;
}

function optionalText(value: unknown, name: string): string | null {
  const found = member(value, name);
  return typeof found === "string" && found !== "" ? found : null;
}

function unreadable(expected: string): ApiError {
  return new ApiError("unreadable", 200, `the daemon's answer lacks ${expected}`);
}
