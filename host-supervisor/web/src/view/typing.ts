// A field whose text is typed into the desktop: for telephones, whose keyboards need a field, and for passwords that
// are pasted.

import { Keysym } from "../desktop/keysym.ts";
import type { DesktopScreen } from "../desktop/screen.ts";
import { strings } from "../strings.ts";
import { button, element, setText } from "./element.ts";

const MAX_CHARS = 4000;

export interface TypingPanel {
  readonly root: HTMLElement;
  /** Whether its words speak of pasting. */
  offerPaste(open: boolean): void;
}

export function typingPanel(screen: DesktopScreen): TypingPanel {
  const words = strings.typing;
  const title = element("summary", {}, words.title);
  const explanation = element("p", { class: "muted" }, words.explanation);
  const field = element("input", {
    id: "typing",
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    autocorrect: "off",
    spellcheck: "false",
    maxlength: MAX_CHARS,
  });
  const form = element(
    "form",
    { class: "typing-form" },
    element("label", { for: "typing", class: "visually-hidden" }, words.text),
    field,
    element("button", { type: "submit" }, words.send),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    screen.type(field.value);
    field.value = "";
    field.focus();
  });
  const key = (label: string, ...keysyms: readonly number[]): HTMLElement =>
    button(label, () => screen.press(...keysyms));
  const root = element(
    "details",
    { class: "card typing" },
    title,
    explanation,
    form,
    element(
      "div",
      { class: "buttons" },
      key(words.keys.Enter, Keysym.Return),
      key(words.keys.Tab, Keysym.Tab),
      key(words.keys.Backspace, Keysym.BackSpace),
      key(words.keys.Escape, Keysym.Escape),
      key(words.keys.Interrupt, Keysym.Control, "c".charCodeAt(0)),
      key(words.keys.OtherWindow, Keysym.Alt, Keysym.Tab),
    ),
  );
  return {
    root,
    offerPaste(open) {
      setText(title, open ? words.title : words.titleWithoutPaste);
      setText(explanation, open ? words.explanation : words.explanationWithoutPaste);
    },
  };
}
