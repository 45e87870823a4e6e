// The provider's sign-in link. It is text to copy and no link to click: the answer of the provider has to reach the VM,
// which it does from a browser outside only with the person's help.

import { strings } from "../strings.ts";
import { answeringButton } from "./answering-button.ts";
import { copyText } from "./copy.ts";
import { element } from "./element.ts";
import { ownBrowser } from "./own-browser.ts";

export interface SignInLink {
  readonly root: HTMLElement;
  /** Hidden while there is none. */
  update(url: string | null): void;
}

/**
 * `reopen` opens the link in the VM's browser and answers the words for how that went; `hand` takes the last address of a
 * browser outside and answers what went wrong in words, or `null`.
 */
export function signInLink(
  reopen: (url: string) => Promise<string>,
  hand: (address: string) => Promise<string | null>,
): SignInLink {
  const words = strings.link;
  const field = element("input", { readonly: true, "aria-label": words.field, spellcheck: "false" });
  field.addEventListener("focus", () => field.select());
  const copy = answeringButton(words.copy, async () =>
    (await copyText(field.value)) ? words.copied : words.copyFailed,
  );
  const again = answeringButton(words.reopen, () => reopen(field.value));
  const root = element(
    "section",
    { class: "card link", hidden: true },
    element("h2", {}, words.title),
    element("p", { class: "muted" }, words.explanation),
    field,
    element("div", { class: "buttons" }, copy, again),
    ownBrowser(hand),
  );
  return {
    root,
    update(url) {
      root.hidden = url === null;
      if (url !== null && field.value !== url) field.value = url;
    },
  };
}
