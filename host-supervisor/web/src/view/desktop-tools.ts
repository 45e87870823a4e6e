// The row of small buttons under a desktop: size, full screen, text that was copied inside.

import type { DesktopScreen } from "../desktop/screen.ts";
import type { Quality, Way } from "../desktop/view.ts";
import { strings } from "../strings.ts";
import { qualityInWords } from "../words/quality.ts";
import { answeringButton } from "./answering-button.ts";
import { copyText } from "./copy.ts";
import { button, element, setText } from "./element.ts";
import { notice } from "./notice.ts";

export interface DesktopTools {
  readonly root: HTMLElement;
  /** Hidden before the first picture, without effect while there is none. */
  use(usable: boolean): void;
  /** Whether there is a button that copies from the desktop. */
  offerCopy(open: boolean): void;
  offer(text: string): void;
  shownBy(way: Way): void;
  measured(quality: Quality): void;
  say(text: string): void;
  /** Whether there is one that can have it. */
  focus(): boolean;
}

const NOTICE_STAYS_MS = 6000;

export function desktopTools(surface: HTMLElement, screen: DesktopScreen): DesktopTools {
  const words = strings.desktop;
  let offered: string | null = null;
  const size = sizeButton(screen);
  const full = fullScreenButton(surface, screen);
  const copy = answeringButton(words.copy, async () =>
    offered !== null && (await copyText(offered)) ? words.copied : words.copyFailed,
  );
  const keyboard = button(words.keyboard, () => screen.showKeyboard(), { class: "desktop-keyboard" });
  const said = notice("quiet");
  const quality = element("span", { class: "muted desktop-quality" });
  const hint = element("span", { class: "muted desktop-hint", "aria-hidden": "true" }, words.leaveHint);
  copy.disabled = copy.hidden = true;
  // There is nothing to type into, and nothing to leave.
  keyboard.hidden = hint.hidden = screen.viewOnly;
  const root = element(
    "div",
    { class: "desktop-tools", hidden: true },
    size,
    full,
    copy,
    keyboard,
    quality,
    hint,
    said.root,
  );
  return {
    root,
    use(usable) {
      if (usable) root.hidden = false;
      size.disabled = full.disabled = keyboard.disabled = !usable;
      copy.disabled = !usable || offered === null;
    },
    offerCopy(open) {
      copy.hidden = !open;
    },
    offer(text) {
      offered = text;
      copy.disabled = false;
    },
    shownBy(way) {
      quality.textContent = words.by[way];
      quality.title = way === "plain" ? words.whyPlain : "";
    },
    measured(measured) {
      setText(quality, qualityInWords(measured));
    },
    say(text) {
      said.show(text);
      setTimeout(() => said.hide(), NOTICE_STAYS_MS);
    },
    focus() {
      size.focus();
      return document.activeElement === size;
    },
  };
}

function sizeButton(screen: DesktopScreen): HTMLButtonElement {
  let actual = false;
  const made = button(strings.desktop.actualSize, () => {
    actual = !actual;
    screen.showAt(actual ? "actual" : "fit");
    setText(made, actual ? strings.desktop.fit : strings.desktop.actualSize);
  });
  return made;
}

function fullScreenButton(surface: HTMLElement, screen: DesktopScreen): HTMLButtonElement {
  const made = button(strings.desktop.fullScreen, () => void toggle());
  // Telephones of one maker have it for films only.
  made.hidden = !document.fullscreenEnabled;
  const toggle = async (): Promise<void> => {
    if (document.fullscreenElement) return document.exitFullscreen();
    await surface.requestFullscreen();
    screen.focus();
  };
  document.addEventListener("fullscreenchange", () => {
    setText(made, document.fullscreenElement ? strings.desktop.leaveFullScreen : strings.desktop.fullScreen);
  });
  return made;
}
