// The sessions of one user, newest first.

import type { Session } from "../api/types.ts";
import { strings } from "../strings.ts";
import { agoInWords, exactTime } from "../words/time.ts";
import { element, setText } from "./element.ts";
import { notice } from "./notice.ts";
import { statusBadge } from "./status-badge.ts";

export interface SessionList {
  readonly root: HTMLElement;
  loading(userId: string): void;
  show(sessions: readonly Session[], providerName: (id: string) => string): void;
  trouble(text: string | null): void;
}

export function sessionList(): SessionList {
  const title = element("h2", {}, strings.sessions.title(""));
  const body = element("div", {});
  const wrong = notice("quiet");
  let shown = "";
  const say = (text: string): void => {
    shown = "";
    body.replaceChildren(element("p", { class: "muted empty" }, text));
  };
  return {
    root: element("section", { class: "card sessions" }, title, wrong.root, body),
    loading(userId) {
      setText(title, strings.sessions.title(userId));
      wrong.hide();
      say(userId === "" ? strings.sessions.noUser : strings.sessions.loading);
    },
    show(sessions, providerName) {
      wrong.hide();
      if (sessions.length === 0) {
        say(strings.sessions.none);
        return;
      }
      const now = new Date();
      const list = element("ul", { class: "session-list" });
      list.append(...sessions.map((session) => row(session, providerName(session.providerId), now)));
      // Only a change is written: whoever has reached a link with Tab must not lose it every few seconds.
      if (list.innerHTML === shown) return;
      shown = list.innerHTML;
      replaceKeepingFocus(body, list);
    },
    trouble(text) {
      if (text === null) wrong.hide();
      else wrong.show(text);
    },
  };
}

function row(session: Session, provider: string, now: Date): HTMLElement {
  const link = element("a", { href: `/session/${encodeURIComponent(session.id)}` }, provider);
  const when = session.createdAt
    ? element(
        "time",
        {
          class: "muted",
          datetime: session.createdAt.toISOString(),
          title: `${strings.sessions.created} ${exactTime(session.createdAt)}`,
        },
        agoInWords(session.createdAt, now),
      )
    : null;
  return element(
    "li",
    {},
    element("div", { class: "session-name" }, link, when),
    statusBadge(session.status),
  );
}

function replaceKeepingFocus(body: HTMLElement, list: HTMLElement): void {
  const focused = document.activeElement;
  const href = focused && body.contains(focused) ? focused.getAttribute("href") : null;
  body.replaceChildren(list);
  if (href === null) return;
  const same = Array.from(list.querySelectorAll("a")).find((link) => link.getAttribute("href") === href);
  same?.focus({ preventScroll: true });
}
