// The desktop live, by WebRTC: a video, a field that takes the keys, and what goes over the data channel.

import type { DesktopView, ScreenSize, ViewEvents } from "../view.ts";
import { cursorStyle } from "./cursor.ts";
import { desktopFor, type Point, pixelAt, type Size } from "./geometry.ts";
import { Keyboard } from "./keyboard.ts";
import type { Control, FromDesktop, ToDesktop } from "./message.ts";
import { Peer } from "./peer.ts";
import { Pointer } from "./pointer.ts";
import { qualityOf, type Sample, sampleOf } from "./quality.ts";
import { Signalling } from "./signalling.ts";

const QUALITY_EVERY_MS = 2000;
/** A window that is being dragged to another size has many of them. */
const RESIZE_AFTER_MS = 300;

export function canBeLive(): boolean {
  return typeof RTCPeerConnection === "function";
}

export class LiveView implements DesktopView {
  readonly commandIsControl = true;
  private readonly video = document.createElement("video");
  private readonly field = document.createElement("textarea");
  private readonly root = document.createElement("div");
  private peer: Peer | null = null;
  private size: Size = { width: 1280, height: 800 };
  private mine = false;
  private before: Sample | null = null;
  private readonly sizes: ResizeObserver;
  private resizing: ReturnType<typeof setTimeout> | undefined;
  private readonly measuring: ReturnType<typeof setInterval>;
  private over = false;

  constructor(
    private readonly host: HTMLElement,
    signalling: Signalling,
    label: string,
    shownAt: ScreenSize,
    /** Nothing is sent but what looking needs. */
    private viewOnly: boolean,
    private readonly events: ViewEvents,
  ) {
    this.build(label);
    this.showAt(shownAt);
    if (!viewOnly) this.takeInput();
    this.sizes = new ResizeObserver(() => this.resizeLater());
    this.sizes.observe(host);
    this.measuring = setInterval(() => void this.measure(), QUALITY_EVERY_MS);
    // The next page of this desktop need not wait until it is noticed that this one is gone.
    addEventListener("pagehide", this.leave);
    void this.connect(signalling);
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.measuring);
    clearTimeout(this.resizing);
    this.sizes.disconnect();
    removeEventListener("pagehide", this.leave);
    this.peer?.end();
    this.root.remove();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  showKeyboard(): void {
    this.focus();
  }

  showAt(size: ScreenSize): void {
    this.root.dataset["size"] = size;
  }

  setClipboard(text: string): boolean {
    this.takeControl();
    return this.send({ type: "clipboard", text });
  }

  takeControl(): void {
    if (!this.mine) this.send({ type: "take-control" });
  }

  key(keysym: number, _code: string, down?: boolean): void {
    if (down !== false) this.act({ type: "key", keysym, down: true }, true);
    if (down !== true) this.act({ type: "key", keysym, down: false }, false);
  }

  private takeInput(): void {
    new Keyboard(this.field, {
      key: (keysym, down) => this.act({ type: "key", keysym, down }, down),
      releaseAll: () => this.send({ type: "release-all" }),
    });
    new Pointer(
      this.video,
      (event) => this.pixel(event),
      (message) => this.act(message, beginsSomething(message)),
      () => this.focus(),
    );
  }

  private build(label: string): void {
    this.root.className = "live";
    this.video.muted = true;
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.video.disablePictureInPicture = true;
    this.field.setAttribute("role", "application");
    this.field.setAttribute("aria-label", label);
    for (const [name, value] of [
      ["autocomplete", "off"],
      ["autocapitalize", "none"],
      ["autocorrect", "off"],
      ["spellcheck", "false"],
    ] as const)
      this.field.setAttribute(name, value);
    this.video.addEventListener("loadeddata", () => !this.over && this.events.shown(), { once: true });
    this.root.append(this.video);
    if (this.viewOnly) this.video.setAttribute("aria-label", label);
    else this.root.append(this.field);
    this.host.append(this.root);
  }

  private async connect(signalling: Signalling): Promise<void> {
    try {
      const servers = await signalling.iceServers();
      if (this.over) return;
      this.peer = new Peer(signalling, servers, {
        track: (stream) => {
          this.video.srcObject = stream;
        },
        message: (message) => this.hear(message),
        connected: () => this.events.progress("connected"),
        gone: () => this.lose(),
      });
      await this.peer.connect();
      if (!this.peer.isConnected) this.events.progress("answered");
    } catch {
      this.lose();
    }
  }

  private hear(message: FromDesktop): void {
    switch (message.type) {
      case "hello":
        this.size = message;
        // The daemon may have decided so.
        this.viewOnly ||= message.viewOnly;
        this.controlled(message.control);
        break;
      case "size":
        this.size = message;
        break;
      case "control":
        this.controlled(message.control);
        break;
      case "cursor":
        // Where this page's pointer is, the desktop's is not.
        if (!this.viewOnly) this.video.style.cursor = cursorStyle(message.cursor);
        break;
      case "clipboard":
        this.events.clipboard(message.text);
        break;
    }
  }

  private readonly leave = (): void => this.end();

  private controlled(control: Control): void {
    this.mine = control === "mine";
    this.events.control(this.viewOnly ? "never" : control);
    if (control === "free" && document.hasFocus()) this.takeControl();
    this.resizeLater();
  }

  /** Whoever begins to do something has the desktop in hand, unless somebody else is at work with it. */
  private act(message: ToDesktop, begins: boolean): void {
    if (begins) this.takeControl();
    this.send(message);
  }

  /** Everything that may be sent goes through here. */
  private send(message: ToDesktop): boolean {
    return !this.viewOnly && (this.peer?.send(message) ?? false);
  }

  private pixel(event: MouseEvent): Point {
    return pixelAt({ x: event.clientX, y: event.clientY }, this.video.getBoundingClientRect(), this.size);
  }

  /** Who has the desktop in hand decides its size. */
  private resizeLater(): void {
    clearTimeout(this.resizing);
    this.resizing = setTimeout(() => {
      const { clientWidth: width, clientHeight: height } = this.host;
      if (!this.mine || width === 0 || height === 0) return;
      const wanted = desktopFor({ width, height });
      if (wanted.width === this.size.width && wanted.height === this.size.height) return;
      this.send({ type: "resize", ...wanted });
    }, RESIZE_AFTER_MS);
  }

  private async measure(): Promise<void> {
    const report = await this.peer?.stats().catch(() => undefined);
    const sample = report === undefined ? null : sampleOf(report as unknown as Map<string, unknown>);
    const quality = sample && this.before ? qualityOf(this.before, sample) : null;
    this.before = sample;
    if (quality && !this.over) this.events.quality(quality);
  }

  private lose(): void {
    if (this.over) return;
    this.end();
    this.events.gone();
  }
}

function beginsSomething(message: ToDesktop): boolean {
  return (
    (message.type === "button" && message.down) ||
    message.type === "wheel" ||
    (message.type === "touch" && message.phase === "start")
  );
}
