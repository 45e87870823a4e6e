// Keeps the list of a user's sessions up to date while the page is visible.

import type { ApiClient } from "../api/client.ts";
import { ApiError } from "../api/error.ts";
import type { Session } from "../api/types.ts";
import { hasEnded } from "./phase.ts";

const LIVING_MS = 2000;
const QUIET_MS = 15_000;

export interface RefreshEvents {
  sessions(sessions: readonly Session[]): void;
  error(error: unknown): void;
}

export class SessionsRefresh {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Which `follow` is the last one; answers for earlier ones are dropped. */
  private round = 0;
  private userId = "";

  constructor(
    private readonly api: ApiClient,
    private readonly events: RefreshEvents,
  ) {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.follow(this.userId);
    });
  }

  /** From now on the sessions of this user; nobody's, if it is empty. */
  follow(userId: string): void {
    clearTimeout(this.timer);
    this.userId = userId;
    this.round += 1;
    if (userId !== "") void this.look(this.round);
  }

  private async look(round: number): Promise<void> {
    let pauseMs = QUIET_MS;
    try {
      const sessions = await this.api.sessionsOf(this.userId);
      if (round !== this.round) return;
      this.events.sessions(sessions);
      if (sessions.some(({ status }) => !hasEnded(status))) pauseMs = LIVING_MS;
    } catch (error) {
      if (round !== this.round) return;
      this.events.error(error);
      if (!(error instanceof ApiError && error.passes)) return;
    }
    if (!document.hidden) this.timer = setTimeout(() => void this.look(round), pauseMs);
  }
}
