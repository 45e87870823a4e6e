// The calls that the pages make, by way of the client that everybody else has, too. Each ends with a value that was read with
// care (`parse.ts`), or an ApiError.

import { type Client, createClient } from "@anteroom/client";
import { clockOffsetMs } from "./clock.ts";
import { apiErrorOf } from "./error.ts";
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
const AT_LENGTH = { timeoutMs: 60_000 };
/** Less than what proxies usually give an answer. */
const LONGEST_LOOK_S = 20;

export class ApiClient {
  private offsetMs = 0;
  private readonly daemon: Client;

  /** `viewToken` opens the calls of one session where there is no cookie: in an iframe of another site. */
  constructor(viewToken: string | null = null) {
    this.daemon = createClient({
      ...(viewToken === null ? {} : { token: viewToken }),
      timeoutMs: ANSWER_WITHIN_MS,
      onAnswer: ({ headers }) => {
        this.offsetMs = clockOffsetMs(headers.get("date"), Date.now(), this.offsetMs);
      },
    });
  }

  /** By the daemon's clock, as its last answer told. */
  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  async login(key: string): Promise<void> {
    await answered(this.daemon.logIn({ key }));
  }

  async providers(): Promise<Provider[]> {
    return parseProviders(await answered(this.daemon.listProviders()));
  }

  /** Answers the id of the new session. Without a `launch` it is the provider's first. */
  async start(userId: string, providerId: string, launch: string | null): Promise<string> {
    const wanted = { userId, provider: providerId, ...(launch === null ? {} : { launch }) };
    return parseStarted(await answered(this.daemon.startSession(wanted, AT_LENGTH)));
  }

  async sessionsOf(user: string): Promise<Session[]> {
    return parseSessions(await answered(this.daemon.listSessionsOfUser({ user })));
  }

  /** At once; with a `known` revision when the session has another one, or after 20 seconds. */
  async session(id: string, known: number | null = null): Promise<Session> {
    const news = known === null ? {} : { revision: known, wait: LONGEST_LOOK_S };
    return parseSession(await answered(this.daemon.getSession({ id, ...news })));
  }

  /** `null` while there is none yet. */
  async signInUrl(id: string): Promise<string | null> {
    return parseSignInUrl(await answered(this.daemon.getSignInUrl({ id })));
  }

  /** Opens the address in the browser of the VM. */
  async openUrl(id: string, url: string): Promise<void> {
    await answered(this.daemon.openUrl({ id, url }));
  }

  /** The address at which this computer's browser has failed after signing in. */
  async callback(id: string, url: string): Promise<void> {
    await answered(this.daemon.sendCallback({ id, url }, AT_LENGTH));
  }

  /** What the sign-in page shows at its end, or that page's address; it is typed into the terminal. */
  async code(id: string, code: string): Promise<void> {
    await answered(this.daemon.sendCode({ id, code }));
  }

  /** Starts the tool again after a failed attempt. */
  async retry(id: string): Promise<void> {
    await answered(this.daemon.retrySignIn({ id }));
  }

  async heartbeat(id: string): Promise<void> {
    await answered(this.daemon.keepSession({ id }));
  }

  async cancel(id: string): Promise<void> {
    await answered(this.daemon.cancelSession({ id }, AT_LENGTH));
  }

  /** What would be downloaded; an error says why it cannot be. */
  async aboutFile(vm: string, path: string): Promise<VmFile> {
    const about = await answered(this.daemon.downloadFile({ id: vm, path, about: true }, AT_LENGTH));
    return parseVmFile(await about.json());
  }

  /** Where it is downloaded. */
  fileAddress(vm: string, path: string): string {
    return this.daemon.address("downloadFile", { id: vm, path });
  }
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw apiErrorOf(cause);
  }
}
