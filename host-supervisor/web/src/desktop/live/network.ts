// Hears when this computer's network changes, as far as browsers tell.

/** The Network Information API (WICG), which not every browser has. */
interface Connection extends EventTarget {
  readonly type?: string;
}

export class NetworkWatch {
  private readonly connection = (navigator as { connection?: Connection }).connection;
  private kind = this.connection?.type;

  constructor(private readonly changed: () => void) {
    addEventListener("online", this.changed);
    this.connection?.addEventListener("change", this.look);
  }

  stop(): void {
    removeEventListener("online", this.changed);
    this.connection?.removeEventListener("change", this.look);
  }

  /** The event also tells of every new estimate of the speed, which is no other network. */
  private readonly look = (): void => {
    const kind = this.connection?.type;
    if (kind === this.kind) return;
    this.kind = kind;
    if (navigator.onLine) this.changed();
  };
}
