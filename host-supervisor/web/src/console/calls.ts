// What the console asks of the daemon and has it do, by way of the client that everybody else has, too. Each ends with a value
// or an ApiError.

import { type Client, createClient } from "@anteroom/client";
import { apiErrorOf } from "../api/error.ts";
import type {
  ApiKey,
  AuditEntry,
  Check,
  Delivery,
  Diagnostics,
  Image,
  Prompt,
  Scope,
  Session,
  Setting,
  Stats,
  Vm,
  VmDetails,
} from "./types.ts";

/** Ending a VM in order is the slowest. */
const ANSWER_WITHIN_MS = 70_000;
/** Rows of one answer; a list that is longer says what comes after. */
const PAGE_ROWS = 1000;
const AUDIT_ROWS = 500;

export const daemon: Client = createClient({ timeoutMs: ANSWER_WITHIN_MS });

/** Rows newest first, and the last one's id when there are more. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw apiErrorOf(cause);
  }
}

const page = (after: string | null) => ({ limit: PAGE_ROWS, ...(after === null ? {} : { after }) });

export const me = () => answered(daemon.getMyself());
export const logOut = () => answered(daemon.logOut());

export async function sessions(after: string | null): Promise<Page<Session>> {
  const found = await answered(daemon.listSessions(page(after)));
  return { rows: found.sessions, next: found.next ?? null };
}

export async function vms(after: string | null): Promise<Page<Vm>> {
  const found = await answered(daemon.listVms(page(after)));
  return { rows: found.vms, next: found.next ?? null };
}

export async function prompts(after: string | null): Promise<Page<Prompt>> {
  const found = await answered(daemon.listPrompts(page(after)));
  return { rows: found.prompts, next: found.next ?? null };
}

export async function session(id: string): Promise<Session> {
  return (await answered(daemon.getSession({ id }))).session;
}

/** Another attempt of the person's, in the same VM. */
export const trySignInAgain = (id: string) => answered(daemon.retrySignIn({ id }));
export const cancelSession = (id: string) => answered(daemon.cancelSession({ id }));
export const removeSession = (id: string) => answered(daemon.deleteSession({ id }));

export async function vm(id: string): Promise<VmDetails> {
  // The description says of these that they are something.
  return (await answered(daemon.getVm({ id }))).vm as VmDetails;
}

/** A VM as it is, whenever it is another; and what that service says, if any is asked for. */
export const followVm = (id: string, service: string | null, signal: AbortSignal) =>
  daemon.followVm({ id, ...(service === null ? {} : { log: service }) }, { signal });

export const diagnostics = (id: string) => answered(daemon.diagnoseVm({ id })) as Promise<Diagnostics>;
export const removeVm = (id: string) => answered(daemon.deleteVm({ id }));
export const hibernate = (id: string) => answered(daemon.hibernateVm({ id }));
export const wake = (id: string) => answered(daemon.wakeVm({ id }));
export const consoleLog = (id: string) => answered(daemon.getConsole({ id }));

export const cancelPrompt = (id: string) => answered(daemon.cancelPrompt({ id }));

export async function stats(): Promise<Stats> {
  return (await answered(daemon.getSystemStatistics())).stats;
}

export async function checks(): Promise<readonly Check[]> {
  return (await answered(daemon.getSystemHealth())).checks;
}

export const image = () => answered(daemon.getImage()) as Promise<Image>;

/** The ids of the VMs of which something was left. */
export async function cleanUp(): Promise<readonly string[]> {
  return (await answered(daemon.cleanUp())).removed;
}

export const definitions = () => answered(daemon.listDefinitions());

/** Begins a sign-in of which nothing is kept; the id of its session. */
export async function tryProvider(provider: string): Promise<string> {
  return (await answered(daemon.testProvider({ provider }))).sessionId;
}

export const snapshots = () => answered(daemon.listSnapshots());

export async function keys(): Promise<readonly ApiKey[]> {
  return (await answered(daemon.listKeys())).keys;
}

/** The text of the new key, which is told once. */
export async function makeKey(
  name: string,
  scopes: readonly Scope[],
  expiresIn: number | null,
): Promise<string> {
  return (await answered(daemon.createKey({ name, scopes: [...scopes], expiresIn }))).text;
}

export const revokeKey = (id: string) => answered(daemon.deleteKey({ id }));

export async function deliveries(): Promise<readonly Delivery[]> {
  return (await answered(daemon.listDeliveries())).deliveries;
}

export const testWebhook = () => answered(daemon.testWebhook());

/** Newest first. */
export async function audit(): Promise<readonly AuditEntry[]> {
  return (await answered(daemon.listAudit({ limit: AUDIT_ROWS }))).entries.reverse();
}

export async function settings(): Promise<readonly Setting[]> {
  return (await answered(daemon.listSettings())).settings;
}
