// The provider's sign-in link. It is text to copy and no link to click: the answer of the provider has to reach the
// VM, so signing in outside of it would lead nowhere.

import { strings } from "../strings.ts";
import { answeringButton } from "./answering-button.ts";
import { copyText } from "./copy.ts";
import { element } from "./element.ts";

export interface SignInLink {
  readonly root: HTMLElement;
  /** Hidden while there is none. */
  update(url: string | null): void;
}

/** `reopen` opens the link in the VM's browser and answers the words for how that went. */
export function signInLink(reopen: (url: string) => Promise<string>): SignInLink {
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
  );
  return {
    root,
    update(url) {
      root.hidden = url === null;
      if (url !== null && field.value !== url) field.value = url;
    },
  };
}
