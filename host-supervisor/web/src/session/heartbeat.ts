// Tells the daemon once a minute that somebody looks at the page, so that the VM's idle limit does not end it.

import type { ApiClient } from "../api/client.ts";

const EVERY_MS = 60_000;

export class Heartbeat {
  private readonly timer: ReturnType<typeof setInterval>;
  private lastBeatAt = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly sessionId: string,
  ) {
    this.timer = setInterval(this.beat, EVERY_MS);
    document.addEventListener("visibilitychange", this.beat);
    this.beat();
  }

  stop(): void {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.beat);
  }

  private readonly beat = (): void => {
    const early = Date.now() - this.lastBeatAt < EVERY_MS - 1000;
    if (document.hidden || early) return;
    this.lastBeatAt = Date.now();
    // A beat that is lost is not worth a word: the watch beside it notices a daemon that is gone.
    this.api.heartbeat(this.sessionId).catch(() => undefined);
  };
}
