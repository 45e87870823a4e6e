// One session's desktop in an element: live, else by RFB; connected again by itself until it is closed.
//
//   closed ──open──▶ connecting ──picture──▶ connected
//     ▲                  ▲   │                   │
//     │                  │   └──────lost─────────┤
//     └──close── (any)   └──retryAfterMs── lost ◀┘
//
// It knows neither the session's status nor any button: the page opens and closes it.

import type { DesktopPlace } from "./address.ts";
import { DesktopClipboard, type Ways } from "./clipboard.ts";
import { keysymsOf } from "./keysym.ts";
import { onLeaveKeys } from "./leave.ts";
import { Signalling } from "./live/signalling.ts";
import { canBeLive, LiveView } from "./live/view.ts";
import { patienceMs } from "./patience.ts";
import { retryAfterMs } from "./retry.ts";
import { loadRfb, RfbView } from "./rfb/view.ts";
import type { Control, DesktopView, Quality, ScreenSize, ViewEvents, Way } from "./view.ts";
import { nextWay, type Tried } from "./way.ts";

const NO_WAY: Ways = { toDesktop: false, fromDesktop: false };

export type ScreenState = "closed" | "connecting" | "connected" | "lost";

export interface ScreenEvents {
  state(state: ScreenState, way: Way): void;
  quality(quality: Quality): void;
  /** `null`: no picture, so nobody knows. */
  control(control: Control | null): void;
  /** The desktop has text to give to this computer's clipboard. */
  clipboardOffered(text: string): void;
  pasteTooLong(): void;
  /** Somebody asked by keyboard to leave the desktop. */
  leave(): void;
}

export class DesktopScreen {
  private view: DesktopView | null = null;
  private state: ScreenState = "closed";
  private size: ScreenSize = "fit";
  private way: Way = "live";
  private failures = 0;
  /** Counts views: only the last one counts. */
  private attempt = 0;
  private live: Tried;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private readonly clipboard: DesktopClipboard;

  constructor(
    private readonly host: HTMLElement,
    private readonly place: DesktopPlace,
    private readonly label: string,
    private readonly events: ScreenEvents,
  ) {
    this.live = { liveImpossible: place.plainOnly || !canBeLive(), liveSeen: false, liveFailures: 0 };
    this.clipboard = new DesktopClipboard(
      host,
      {
        setClipboard: (text) => this.view?.setClipboard(text) ?? false,
        commandIsControl: () => this.view?.commandIsControl ?? false,
        key: (keysym, code, down) => this.view?.key(keysym, code, down),
      },
      {
        offered: (text) => events.clipboardOffered(text),
        pasteTooLong: () => events.pasteTooLong(),
      },
    );
    onLeaveKeys(host, () => events.leave());
    // Fetched while the VM boots, so that it does not cost time when it is needed.
    void loadRfb().catch(() => undefined);
  }

  open(): void {
    if (this.state !== "closed") return;
    this.failures = 0;
    void this.connect();
  }

  close(): void {
    clearTimeout(this.retry);
    this.leaveView();
    this.enter("closed");
  }

  takeControl(): void {
    this.view?.takeControl();
  }

  /** Which ways the clipboards may be carried; none before this is called. */
  allowClipboard(open: Ways): void {
    this.clipboard.allow(this.place.viewOnly ? NO_WAY : open);
  }

  focus(): void {
    this.view?.focus();
  }

  /** Opens the keyboard of a telephone. */
  showKeyboard(): void {
    this.view?.showKeyboard();
  }

  showAt(size: ScreenSize): void {
    this.size = size;
    this.view?.showAt(size);
  }

  /** Whether this page only looks. */
  get viewOnly(): boolean {
    return this.place.viewOnly;
  }

  /** Types the text where the desktop's cursor is. */
  type(text: string): void {
    for (const keysym of keysymsOf(text)) this.press(keysym);
  }

  /** Presses the keys in this order, and releases them in the other. */
  press(...keysyms: readonly number[]): void {
    for (const keysym of keysyms) this.view?.key(keysym, "", true);
    for (const keysym of [...keysyms].reverse()) this.view?.key(keysym, "", false);
  }

  private async connect(): Promise<void> {
    this.way = nextWay(this.live);
    this.enter("connecting");
    this.attempt += 1;
    const { way, attempt } = this;
    const events = this.viewEvents(attempt);
    // So that a view that fails while it is made is heard as well.
    this.giveUpAfter(patienceMs(way), events);
    try {
      const view = await this.viewBy(way, events);
      // Closed, or given up, while the code was on its way.
      if (this.attempt === attempt) this.view = view;
      else view.end();
    } catch {
      events.gone();
    }
  }

  private async viewBy(way: Way, events: ViewEvents): Promise<DesktopView> {
    const { viewOnly } = this.place;
    if (way === "live") {
      const { sessionId, viewToken } = this.place;
      const signalling = new Signalling(sessionId, viewToken, viewOnly);
      return new LiveView(this.host, signalling, this.label, this.size, viewOnly, events);
    }
    return new RfbView(await loadRfb(), this.host, this.place.rfb, this.label, this.size, viewOnly, events);
  }

  /** Of one view: when it is given up, its words count no more. */
  private viewEvents(attempt: number): ViewEvents {
    const counts = (): boolean => this.attempt === attempt;
    const events: ViewEvents = {
      progress: (progress) => {
        if (counts() && this.state === "connecting") this.giveUpAfter(patienceMs(progress), events);
      },
      shown: () => {
        if (!counts()) return;
        clearTimeout(this.deadline);
        this.failures = 0;
        if (this.way === "live") this.live = { ...this.live, liveSeen: true, liveFailures: 0 };
        this.enter("connected");
      },
      gone: () => {
        if (!counts()) return;
        if (this.way === "live" && this.state === "connecting")
          this.live = { ...this.live, liveFailures: this.live.liveFailures + 1 };
        this.connectLater();
      },
      clipboard: (text) => counts() && this.clipboard.receive(text),
      quality: (quality) => counts() && this.events.quality(quality),
      control: (control) => counts() && this.events.control(control),
    };
    return events;
  }

  private giveUpAfter(ms: number, events: ViewEvents): void {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => events.gone(), ms);
  }

  private connectLater(): void {
    if (this.state === "closed") return;
    this.leaveView();
    const givenUp = this.state === "connecting" && this.way === "live";
    this.enter("lost");
    clearTimeout(this.retry);
    // Another way need not wait.
    const otherWay = givenUp && nextWay(this.live) !== this.way;
    this.retry = setTimeout(() => void this.connect(), otherWay ? 0 : retryAfterMs(this.failures));
    if (!otherWay) this.failures += 1;
  }

  private leaveView(): void {
    this.attempt += 1;
    clearTimeout(this.deadline);
    this.view?.end();
    this.view = null;
    this.events.control(null);
  }

  private enter(state: ScreenState): void {
    if (this.state === state) return;
    this.state = state;
    this.events.state(state, this.way);
  }
}
