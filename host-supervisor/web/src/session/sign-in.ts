// What the page offers a person to sign in with: link, one-time code, a field for what they bring back.

import type { DeviceCode, Session } from "../api/types.ts";

export interface SignInAid {
  readonly way: Way;
  readonly url: string | null;
  readonly device: DeviceCode | null;
  readonly field: PasteField;
}

/** What is said about it; a key of `strings.aid`. */
export type Way =
  /** The page leads back to the tool, or shows a code for it. */
  | "link"
  /** The tool notices by itself. */
  | "ticket"
  /** The page asks for a code, which is not known here. */
  | "codeless"
  | "device"
  /** The terminal asks for a code of a page that is not known. */
  | "asked";

/** What the person may bring back. All but the address at which their browser failed is worth an open field. */
export type PasteField = "none" | "address" | "code" | "either";

/** Of a living session. `url`: the sign-in page, if it is known. `null`: there is nothing that would work. */
export function signInAid(session: Session, url: string | null): SignInAid | null {
  const { attemptFailure, device, asksForCode } = session;
  if (attemptFailure !== null) return null;
  if (url === null && device === null && !asksForCode) return null;
  return { way: wayOf(session, url), url, device, field: fieldOf(session) };
}

export function fieldOf({ signInKind, device, asksForCode }: Session): PasteField {
  // Some tools wait for the browser and for a code at the same time.
  if (asksForCode) return signInKind === "callback" ? "either" : "code";
  if (signInKind === "manual") return "code";
  return device !== null || signInKind === "device" || signInKind === "ticket" ? "none" : "address";
}

function wayOf({ signInKind, device }: Session, url: string | null): Way {
  if (device !== null) return "device";
  if (url === null) return "asked";
  if (signInKind === "device") return "codeless";
  return signInKind === "ticket" ? "ticket" : "link";
}
