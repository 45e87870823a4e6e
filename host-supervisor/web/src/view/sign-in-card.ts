// What a person signs in with, outside of the desktop: the one-time code, the provider's sign-in link, a field for what
// they bring back. The link is text to copy and no link to click: the answer of the provider has to reach the VM, which it
// does from a browser outside only with the person's help.

import type { SignInAid } from "../session/sign-in.ts";
import { strings } from "../strings.ts";
import { answeringButton } from "./answering-button.ts";
import { copyText } from "./copy.ts";
import { deviceCode } from "./device-code.ts";
import { element, setText } from "./element.ts";
import { type HandedOver, ownBrowser } from "./own-browser.ts";

export interface SignInCard {
  readonly root: HTMLElement;
  /** Hidden while there is nothing to sign in with. */
  update(aid: SignInAid | null, now: Date): void;
  /** A second has passed. */
  tick(now: Date): void;
}

/**
 * `reopen` opens the link in the VM's browser and answers the words for how that went; `hand` takes what a person brings
 * back from a browser outside.
 */
export function signInCard(
  reopen: (url: string) => Promise<string>,
  hand: (pasted: string) => Promise<HandedOver>,
): SignInCard {
  const words = strings.link;
  let url = "";
  const title = element("h2");
  const explanation = element("p", { class: "muted" });
  const device = deviceCode();
  const address = element("p", { class: "address", translate: "no" });
  const copy = answeringButton(words.copy, async () =>
    (await copyText(url)) ? words.copied : words.copyFailed,
  );
  const again = answeringButton(words.reopen, () => reopen(url));
  const link = element("div", { class: "link" }, address, element("div", { class: "buttons" }, copy, again));
  const own = ownBrowser(hand);
  const root = element(
    "section",
    { class: "card sign-in-card", hidden: true },
    title,
    explanation,
    device.root,
    link,
    own.root,
  );
  return {
    root,
    update(aid, now) {
      root.hidden = aid === null;
      device.update(aid?.device ?? null, now);
      own.update(aid?.field ?? "none");
      url = aid?.url ?? "";
      link.hidden = url === "";
      setText(address, url);
      if (aid === null) return own.clear();
      root.dataset["way"] = aid.way;
      setText(title, strings.aid[aid.way].title);
      setText(explanation, strings.aid[aid.way].explanation);
    },
    tick: (now) => device.tick(now),
  };
}
