// What the daemon tells of itself, under the names that the console has for it; and what the API describes as anything.

import type { Failure, Scope, Vm } from "@anteroom/client";

export type {
  ApiKey,
  AuditEntry,
  Definition,
  Delivery,
  Failure,
  HealthCheck as Check,
  Stats,
  Myself,
  Prompt,
  Scope,
  Session,
  Setting,
  Snapshot,
  Vm,
} from "@anteroom/client";

export const SCOPES: readonly Scope[] = [
  "sessions",
  "credentials:read",
  "prompts",
  "vms",
  "exec",
  "metrics",
  "admin",
];

/** Something that was seen of a session. */
export interface Moment {
  readonly at: string;
  readonly text: string;
}

/** When what happened to a VM. */
export interface Mark {
  readonly name: string;
  readonly at: string;
  readonly since_request_ms: number;
}

export interface Service {
  readonly name: string;
  readonly state: { readonly is: string; readonly cause?: string };
}

export type Origin =
  | { readonly from: "boot"; readonly because: string }
  | { readonly from: "snapshot"; readonly key: string }
  | { readonly from: "pool"; readonly waited_s: number; readonly begun: Origin };

export interface VmDetails extends Vm {
  readonly origin?: Origin;
  readonly none_ready?: string;
  readonly starts_ahead?: number;
  readonly timeline: readonly Mark[];
  readonly services: readonly Service[];
}

export interface Diagnostics {
  readonly healthy: boolean;
  readonly problems: readonly Failure[];
  readonly memory: { readonly total_kib: number; readonly available_kib: number } | null;
  readonly console: readonly string[];
}

export interface Image {
  readonly profile: string;
  readonly digest: string;
  readonly backend: {
    readonly backend: string;
    readonly version: string;
    readonly acceleration: string | null;
  };
}
