// Looks at one session again and again until it has ended.
//
//   looking ──session──▶ pause ──▶ looking        pause: pace.ts; a page that becomes visible looks at once
//                                                 a visible page's look ends when there is news; a hidden one's
//                                                 at once, because a browser has only six connections for all its tabs
//      ├──passing error──▶ pause
//      ├──session that has ended──▶ over
//      └──lasting error──▶ over                   401, 403, 404: nobody has to ask again

import { ApiError } from "../api/error.ts";
import type { Session } from "../api/types.ts";
import { pauseMs } from "./pace.ts";
import { hasEnded } from "./phase.ts";

/** One look that brings nothing is no news. */
const WITHOUT_A_WORD = 1;

export interface WatchEvents {
  session(session: Session): void;
  /** It goes on by itself; `null`: it did. */
  trouble(error: ApiError | null): void;
  /** It does not go on. */
  lost(error: ApiError): void;
}

export class SessionWatch {
  private revision: number | null = null;
  private failures = 0;
  private lastError: ApiError | null = null;
  private over = false;
  private wake: (() => void) | null = null;

  constructor(
    /** Answers at once without a known revision, else when there is a newer one or some time has passed. */
    private readonly look: (known: number | null) => Promise<Session>,
    private readonly events: WatchEvents,
  ) {}

  start(): void {
    document.addEventListener("visibilitychange", this.onVisibility);
    void this.run();
  }

  /** Looks now instead of after the pause, for example after a cancel. */
  lookNow(): void {
    this.wake?.();
  }

  stop(): void {
    this.over = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.wake?.();
  }

  private readonly onVisibility = (): void => {
    if (!document.hidden) this.lookNow();
  };

  private async run(): Promise<void> {
    while (!this.over) {
      await this.lookOnce();
      if (this.over) return;
      const { failures, lastError } = this;
      await this.pause(pauseMs({ hidden: document.hidden, failures, lastError }));
    }
  }

  private async lookOnce(): Promise<void> {
    try {
      const atOnce = document.hidden || this.failures > 0;
      const session = await this.look(atOnce ? null : this.revision);
      if (this.over) return;
      if (this.failures > WITHOUT_A_WORD) this.events.trouble(null);
      this.revision = session.revision;
      this.failures = 0;
      this.lastError = null;
      if (hasEnded(session.status)) this.stop();
      this.events.session(session);
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      if (this.over) return;
      this.onError(cause);
    }
  }

  private onError(error: ApiError): void {
    if (!error.passes) {
      this.stop();
      this.events.lost(error);
      return;
    }
    this.failures += 1;
    this.lastError = error;
    if (this.failures > WITHOUT_A_WORD) this.events.trouble(error);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
