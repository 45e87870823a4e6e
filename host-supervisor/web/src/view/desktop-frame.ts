// The desktop with what surrounds it: a calm text while there is no picture, and, where wanted, a row of tools.

import type { DesktopPlace } from "../desktop/address.ts";
import type { Ways } from "../desktop/clipboard.ts";
import { DesktopScreen, type ScreenState } from "../desktop/screen.ts";
import type { Way } from "../desktop/view.ts";
import { strings } from "../strings.ts";
import { controlLine } from "./control-note.ts";
import { type DesktopTools, desktopTools } from "./desktop-tools.ts";
import { element, setText } from "./element.ts";

export type Surroundings = "tools" | "bare";

export class DesktopFrame {
  readonly root: HTMLElement;
  readonly screen: DesktopScreen;
  private readonly host = element("div", { class: "desktop-host" });
  private readonly text = element("p", { class: "desktop-text", role: "status" });
  private readonly control = controlLine(() => this.screen.takeControl());
  private readonly surface = element(
    "div",
    { class: "desktop-surface" },
    this.host,
    this.text,
    this.control.root,
  );
  private readonly tools: DesktopTools | null;
  private hadPicture = false;

  /** `lost`: the picture went away, which may mean that the session has ended. */
  constructor(
    place: DesktopPlace,
    surroundings: Surroundings,
    private readonly lost: () => void,
  ) {
    const label = place.viewOnly ? strings.desktop.viewOnlyLabel : strings.desktop.label;
    this.screen = new DesktopScreen(this.host, place, label, {
      state: (state, way) => this.show(state, way),
      quality: (quality) => this.tools?.measured(quality),
      control: (control) => this.control.show(place.viewOnly ? "never" : control),
      clipboardOffered: (text) => this.tools?.offer(text),
      pasteTooLong: () => this.tools?.say(strings.desktop.pasteTooLong),
      leave: () => this.leave(),
    });
    this.tools = surroundings === "tools" ? desktopTools(this.surface, this.screen) : null;
    this.root = element("div", { class: "desktop" }, this.surface, this.tools?.root ?? null);
    if (place.viewOnly) this.control.show("never");
    // What takes every key, Tab too, must not be reached before there is something to type into.
    this.host.inert = true;
    this.wait(strings.desktop.placeholder);
  }

  /** No picture to expect yet. */
  wait(text: string): void {
    this.surface.dataset["state"] = "waiting";
    setText(this.text, text);
  }

  open(): void {
    this.screen.open();
  }

  /** What the operator lets the clipboards do. */
  allowClipboard(open: Ways): void {
    this.screen.allowClipboard(open);
    this.tools?.offerCopy(open.fromDesktop && !this.screen.viewOnly);
  }

  /** No picture to expect any more. */
  end(text: string): void {
    this.screen.close();
    this.control.show(null);
    this.host.inert = true;
    this.surface.dataset["state"] = "ended";
    setText(this.text, text);
  }

  private show(state: ScreenState, way: Way): void {
    this.tools?.use(state === "connected");
    this.surface.dataset["way"] = way;
    if (state === "closed") return;
    if (state === "lost") this.lost();
    this.surface.dataset["state"] = state;
    if (state === "connected") {
      this.hadPicture = true;
      this.host.inert = false;
      setText(this.text, "");
      this.tools?.shownBy(way);
      this.focusIfNothingElseHas();
    } else {
      setText(this.text, this.hadPicture ? strings.desktop.reconnecting : strings.desktop.connecting);
    }
  }

  /**
   * Keys go to the desktop without a click, but never away from a field that somebody writes in, here or on the
   * page around a frame.
   */
  private focusIfNothingElseHas(): void {
    if (this.screen.viewOnly) return;
    const focused = document.activeElement;
    if (document.hasFocus() && (focused === null || focused === document.body)) this.screen.focus();
  }

  private leave(): void {
    if (this.tools?.focus()) return;
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }
}
