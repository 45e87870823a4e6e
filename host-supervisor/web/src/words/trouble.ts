// An ApiError in plain words.

import { ApiError } from "../api/error.ts";
import { strings } from "../strings.ts";

/** For something that a person asked for and that did not happen. */
export function troubleInWords(error: unknown): string {
  if (!(error instanceof ApiError)) return strings.trouble.unreadable;
  switch (error.kind) {
    case "unreachable":
      return strings.trouble.unreachableOnce;
    case "unauthorized":
      return strings.trouble.notSignedIn;
    case "too-many":
      return strings.trouble.tooMany;
    case "unreadable":
      return strings.trouble.unreadable;
    case "host-fault":
      return `${strings.trouble.hostFault} ${asSentence(error.message)}`;
    case "refused":
      return asSentence(error.message);
  }
}

/** For something that goes on by itself as soon as it can. */
export function passingTroubleInWords(error: ApiError): string {
  switch (error.kind) {
    case "unreachable":
      return strings.trouble.unreachable;
    case "too-many":
      return strings.trouble.tooManyWaiting;
    default:
      return `${troubleInWords(error)} ${strings.trouble.tryingAgain}`;
  }
}

/** The daemon's errors are in lower case and without a full stop; here they stand alone. */
export function asSentence(error: string): string {
  const trimmed = error.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…:]$/.test(capital) || capital === "" ? capital : `${capital}.`;
}
