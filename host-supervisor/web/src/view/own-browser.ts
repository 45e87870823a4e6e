// For a person who has signed in with a browser of their own: its last page cannot be reached, as the tool that waits
// there is in the VM. Its address is handed on.

import { strings } from "../strings.ts";
import { button, element } from "./element.ts";
import { notice } from "./notice.ts";

/** `hand` answers what went wrong in words, or `null`. */
export function ownBrowser(hand: (address: string) => Promise<string | null>): HTMLElement {
  const words = strings.link;
  const said = notice("quiet");
  const wrong = notice("error");
  const field = element("input", {
    "aria-label": words.pasted,
    placeholder: "http://localhost:…",
    autocomplete: "off",
    spellcheck: "false",
  });
  const submit = button(words.hand, () => void send());
  const send = async (): Promise<void> => {
    const address = field.value.trim();
    if (address === "") return field.focus();
    said.hide();
    wrong.hide();
    submit.disabled = true;
    submit.textContent = words.handing;
    const trouble = await hand(address);
    submit.disabled = false;
    submit.textContent = words.hand;
    if (trouble !== null) return wrong.show(trouble);
    // It held the code.
    field.value = "";
    said.show(words.handed);
  };
  return element(
    "details",
    { class: "own-browser" },
    element("summary", {}, words.own),
    element("p", { class: "muted" }, words.ownHint),
    field,
    element("div", { class: "buttons" }, submit),
    wrong.root,
    said.root,
  );
}
