// Why an attempt to sign in failed, and another one in the same VM.

import type { Failure } from "../api/types.ts";
import { strings } from "../strings.ts";
import { asSentence } from "../words/trouble.ts";
import { button, element, setText } from "./element.ts";
import { notice } from "./notice.ts";

/** The daemon's word for a code that nobody used in time. */
const EXPIRED = "sign_in_expired";

export interface AttemptCard {
  readonly root: HTMLElement;
  show(failure: Failure): void;
  hide(): void;
}

/** `again` answers what went wrong in words, or `null`. */
export function attemptCard(again: () => Promise<string | null>): AttemptCard {
  const words = strings.attempt;
  const wrong = notice("error");
  const title = element("h2");
  const cause = element("p", { class: "cause" });
  const lines = element("pre", { class: "last-lines", tabindex: "0", "aria-label": strings.ending.details });
  const made = button(words.again, () => void send(), { class: "primary" });
  const send = async (): Promise<void> => {
    wrong.hide();
    made.disabled = true;
    const trouble = await again();
    made.disabled = false;
    if (trouble !== null) wrong.show(trouble);
  };
  const root = element(
    "section",
    { class: "card", role: "alert", hidden: true },
    title,
    cause,
    lines,
    element("div", { class: "buttons" }, made),
    wrong.root,
  );
  return {
    root,
    show(failure) {
      setText(title, failure.code === EXPIRED ? words.expired : words.title);
      setText(cause, asSentence(failure.message));
      setText(lines, failure.detailLines.join("\n"));
      lines.hidden = failure.detailLines.length === 0;
      root.hidden = false;
    },
    hide() {
      root.hidden = true;
    },
  };
}
