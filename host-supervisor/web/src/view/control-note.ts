// The line over a desktop that says who has it in hand, with a button to take it.

import type { Control } from "../desktop/view.ts";
import { strings } from "../strings.ts";
import { controlNote } from "../words/control.ts";
import { button, element, setText } from "./element.ts";

/** The desktop answers within one round trip; a page that is at work keeps control. */
const ANSWER_WITHIN_MS = 1500;

export interface ControlLine {
  readonly root: HTMLElement;
  show(control: Control | null): void;
}

export function controlLine(take: () => void): ControlLine {
  const words = strings.control;
  const text = element("span", { role: "status" });
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const ask = button(words.take, () => {
    clearTimeout(waiting);
    take();
    // Still here then: it was not given.
    waiting = setTimeout(() => setText(text, words.atWork), ANSWER_WITHIN_MS);
  });
  const root = element("div", { class: "desktop-control", hidden: true }, text, ask);
  return {
    root,
    show(control) {
      clearTimeout(waiting);
      const note = controlNote(control);
      root.hidden = note === null;
      setText(text, note?.text ?? "");
      ask.hidden = !note?.canTake;
    },
  };
}
