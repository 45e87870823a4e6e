// What stands in the place of the desktop when a session is over: how it ended, why, and what can be done next.

import type { EndedStatus, Failure } from "../api/types.ts";
import { strings } from "../strings.ts";
import { asSentence } from "../words/trouble.ts";
import { button, element } from "./element.ts";
import { notice } from "./notice.ts";

export interface EndingFacts {
  readonly status: EndedStatus;
  readonly providerName: string;
  /** For whom; empty when that is not known. */
  readonly userId: string;
  readonly failure: Failure | null;
}

/** Starts the same sign-in anew and answers what went wrong in words, or `null` while the page changes. */
export type Again = () => Promise<string | null>;

/** `again`: `null` for whoever has this one session only, and no way on from here. */
export function ending(facts: EndingFacts, again: Again | null): HTMLElement {
  const actions =
    again === null
      ? elsewhere(facts)
      : facts.status === "completed"
        ? element("div", { class: "buttons" }, homeLink(strings.ending.another, "button"))
        : element(
            "div",
            { class: "buttons" },
            ...tryAgain(again),
            homeLink(strings.ending.back, "button quiet"),
          );
  return element("section", { class: `card ending ending-${facts.status}` }, ...story(facts), actions);
}

/** For a session that cannot be shown at all. */
export function missing(explanation: string | null, wayOn: "home" | "none" = "home"): HTMLElement {
  return element(
    "section",
    { class: "card ending" },
    explanation === null ? null : element("p", {}, explanation),
    wayOn === "none" ? null : element("div", { class: "buttons" }, homeLink(strings.ending.back, "button")),
  );
}

function elsewhere({ status }: EndingFacts): HTMLElement | null {
  return status === "completed" ? null : element("p", {}, strings.ending.elsewhere);
}

function story({ status, providerName, userId, failure }: EndingFacts): HTMLElement[] {
  const words = strings.ending;
  switch (status) {
    case "completed":
      return [
        element("h2", {}, words.completed(providerName)),
        element("p", {}, words.kept(userId)),
        element("p", { class: "muted" }, words.close),
      ];
    case "failed":
      return [element("h2", {}, words.failed), ...cause(failure)];
    case "timeout":
    case "cancelled": {
      // That somebody cancelled it is what the headline says already; that the daemon did is news.
      const news = failure !== null && failure.code !== "cancelled";
      return [...(news ? cause(failure) : []), element("p", {}, words.nothingStored)];
    }
  }
}

function cause(failure: Failure | null): HTMLElement[] {
  if (failure === null) return [element("p", {}, strings.ending.noCause)];
  const sentence = element("p", { class: "cause" }, asSentence(failure.message));
  if (failure.detailLines.length === 0) return [sentence];
  const lines = element(
    "pre",
    { class: "last-lines", tabindex: "0", "aria-label": strings.ending.details },
    failure.detailLines.join("\n"),
  );
  return [sentence, element("h3", {}, strings.ending.details), lines];
}

function tryAgain(again: Again): HTMLElement[] {
  const wrong = notice("error");
  const made = button(strings.ending.again, () => void send(), { class: "primary" });
  const send = async (): Promise<void> => {
    wrong.hide();
    made.disabled = true;
    made.textContent = strings.ending.working;
    const trouble = await again();
    if (trouble === null) return;
    wrong.show(trouble);
    made.disabled = false;
    made.textContent = strings.ending.again;
  };
  return [made, wrong.root];
}

function homeLink(label: string, kind: string): HTMLElement {
  return element("a", { href: "/", class: kind }, label);
}
