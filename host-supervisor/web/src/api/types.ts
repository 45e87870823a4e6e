// What the daemon's answers mean to the pages. Shapes on the wire are read in parse.ts only.

/** A tool that can be signed in. */
export interface Provider {
  readonly id: string;
  readonly name: string;
  /** The default first; none from an older daemon. */
  readonly launches: readonly Launch[];
}

/** A way to start a tool's sign-in. */
export interface Launch {
  readonly id: string;
  readonly title: string;
}

export const LIVING_STATUSES = ["initializing", "vm_created", "ready", "awaiting_user_auth"] as const;
export const ENDED_STATUSES = ["completed", "failed", "timeout", "cancelled"] as const;

export type LivingStatus = (typeof LIVING_STATUSES)[number];
export type EndedStatus = (typeof ENDED_STATUSES)[number];

/** `unknown`: a newer daemon's word; the session is taken to be alive. */
export type SessionStatus = LivingStatus | EndedStatus | "unknown";

/** Why a session failed: one sentence, and lines of the guest's or a program's own output. */
export interface Failure {
  /** The daemon's stable word; `null` from one that gives the sentence alone. */
  readonly code: string | null;
  readonly message: string;
  readonly detailLines: readonly string[];
}

export const SIGN_IN_KINDS = ["callback", "manual", "device", "ticket"] as const;

/** How the person comes back from the sign-in page: `kind` of a provider definition's `[[url]]`. */
export type SignInKind = (typeof SIGN_IN_KINDS)[number];

/** A code that the terminal shows and the sign-in page asks for (RFC 8628). */
export interface DeviceCode {
  readonly userCode: string;
  /** By the daemon's clock. */
  readonly expiresAt: Date | null;
}

/** Which ways text may travel between the clipboards of desktop and person: the operator decides. */
export interface ClipboardWays {
  readonly toDesktop: boolean;
  readonly fromDesktop: boolean;
}

export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly providerId: string;
  readonly status: SessionStatus;
  readonly vmId: string | null;
  readonly createdAt: Date | null;
  readonly completedAt: Date | null;
  /** `http` or `https` only; anything else from a guest is dropped. */
  readonly signInUrl: string | null;
  readonly signInKind: SignInKind | null;
  /** Which of the provider's launches it was started with. */
  readonly launch: string | null;
  readonly device: DeviceCode | null;
  /** The terminal waits for a code that the sign-in page shows. */
  readonly asksForCode: boolean;
  readonly failure: Failure | null;
  /** Why the last attempt to sign in failed; `null` while another one is under way. */
  readonly attemptFailure: Failure | null;
  /** How many others start before its VM does; `null` when it does not have to wait. */
  readonly startsAhead: number | null;
  /** Of a living session: to be asked for news with. */
  readonly revision: number | null;
  readonly clipboard: ClipboardWays;
}

/** Something of a VM that can be downloaded. */
export interface VmFile {
  /** Under which it is kept here. */
  readonly name: string;
  /** Of a directory, which comes as an archive, it is not known before. */
  readonly bytes: number | null;
}
