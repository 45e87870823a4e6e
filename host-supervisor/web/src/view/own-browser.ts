// For a person who signs in with a browser of their own. It ends where only they can help: at an address that cannot be
// reached, as the tool that waits there is in the VM, or on a page with a code that the terminal asks for. One field takes
// either.

import type { PasteField } from "../session/sign-in.ts";
import { strings } from "../strings.ts";
import { element, setText } from "./element.ts";
import { notice } from "./notice.ts";

/** Longer than any code or address that the daemon takes. */
const MAX_CHARS = 8192;

/** `taken`: what was pasted is of no further use. */
export interface HandedOver {
  readonly taken: boolean;
  readonly words: string;
}

export interface OwnBrowser {
  readonly root: HTMLElement;
  /** Unfolds when a code is wanted; folding it is left to the person. */
  update(wanted: PasteField): void;
  /** Forgets what was pasted and what came of it. */
  clear(): void;
}

export function ownBrowser(hand: (pasted: string) => Promise<HandedOver>): OwnBrowser {
  const words = strings.own;
  const said = notice("quiet");
  const wrong = notice("error");
  const title = element("summary");
  const hint = element("p", { class: "muted", id: "pasted-hint" });
  const field = element("input", {
    autocomplete: "off",
    autocapitalize: "none",
    autocorrect: "off",
    spellcheck: "false",
    maxlength: MAX_CHARS,
    "aria-describedby": "pasted-hint",
  });
  const submit = element("button", { type: "submit" }, words.hand);
  const form = element("form", { class: "pasted" }, hint, field, submit);
  const fold = element("details", { hidden: true }, title, form);
  let shown: PasteField = "none";
  /** Which attempt this is for: an answer about an earlier one is no news. */
  let attempt = 0;
  const clear = (): void => {
    attempt += 1;
    field.value = "";
    said.hide();
    wrong.hide();
  };
  const send = async (): Promise<void> => {
    const pasted = field.value;
    if (pasted.trim() === "") return field.focus();
    said.hide();
    wrong.hide();
    submit.disabled = true;
    submit.textContent = words.handing;
    const asked = attempt;
    const answer = await hand(pasted);
    submit.disabled = false;
    submit.textContent = words.hand;
    if (asked !== attempt) return;
    if (!answer.taken) return wrong.show(answer.words);
    // It held the code.
    field.value = "";
    said.show(answer.words);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  return {
    root: element("div", { class: "own-browser" }, fold, wrong.root, said.root),
    update(wanted) {
      if (wanted === shown) return;
      shown = wanted;
      fold.hidden = wanted === "none";
      if (wanted === "none") return;
      setText(title, words[wanted].title);
      setText(hint, words[wanted].hint);
      field.setAttribute("aria-label", words[wanted].field);
      field.placeholder = words[wanted].placeholder;
      if (wanted !== "address") fold.open = true;
    },
    clear,
  };
}
