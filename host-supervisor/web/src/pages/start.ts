// The page at `/`: choose a tool, start a sign-in, see the sign-ins of a user.

import "../../styles/start.css";
import { type Gate, openGate } from "../access/gate.ts";
import type { Provider } from "../api/types.ts";
import { SessionsRefresh } from "../session/refresh.ts";
import { lastProvider, lastUser, rememberStart } from "../session/user.ts";
import { strings } from "../strings.ts";
import { button, element } from "../view/element.ts";
import { launchChoice } from "../view/launch-choice.ts";
import { notice } from "../view/notice.ts";
import { providerChoice } from "../view/provider-choice.ts";
import { sessionList } from "../view/session-list.ts";
import { root, shell } from "../view/shell.ts";
import { troubleInWords } from "../words/trouble.ts";

const TYPING_PAUSE_MS = 400;
const MAX_USER_ID_CHARS = 128;

class StartPage {
  private readonly choice = providerChoice(() => this.launches.show(this.chosenProvider()));
  private readonly launches = launchChoice();
  private readonly list = sessionList();
  private readonly wrong = notice("error");
  private readonly user = element("input", {
    id: "user",
    name: "user",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: MAX_USER_ID_CHARS,
    "aria-describedby": "user-hint",
    required: true,
  });
  private readonly submit = element("button", { type: "submit", class: "primary" }, strings.start.submit);
  private readonly retry = button(strings.start.retry, () => void this.load());
  private readonly refresh: SessionsRefresh;
  private providers: readonly Provider[] = [];

  constructor(private readonly gate: Gate) {
    this.user.value = lastUser();
    this.submit.disabled = true;
    this.retry.hidden = true;
    this.list.root.hidden = true;
    this.refresh = new SessionsRefresh(gate.api, {
      sessions: (sessions) => this.list.show(sessions, (id) => this.nameOf(id)),
      error: (error) => {
        if (!gate.refused(error)) this.list.trouble(troubleInWords(error));
      },
    });
  }

  async open(): Promise<void> {
    const tagline = element("p", { class: "tagline muted" }, strings.tagline);
    const columns = element("div", { class: "columns" }, this.form(), this.list.root);
    root().replaceChildren(...shell(tagline, columns));
    this.followTyping();
    await this.load();
  }

  /** The tools first: their names are in the list too, and one error is enough if the daemon is away. */
  private async load(): Promise<void> {
    this.wrong.hide();
    try {
      this.providers = await this.gate.api.providers();
    } catch (error) {
      if (this.gate.refused(error)) return;
      this.wrong.show(troubleInWords(error));
      this.usable(false);
      return;
    }
    this.usable(true);
    this.choice.show(this.providers, lastProvider());
    this.launches.show(this.chosenProvider());
    this.submit.disabled = this.providers.length === 0;
    this.followUser();
  }

  /** Without an answer there is nothing to choose: then only another try is offered. */
  private usable(usable: boolean): void {
    this.choice.root.hidden = this.submit.hidden = this.list.root.hidden = !usable;
    this.retry.hidden = usable;
    if (!usable) this.launches.show(null);
  }

  private form(): HTMLElement {
    const words = strings.start;
    const form = element(
      "form",
      { class: "card start", novalidate: true },
      element("h1", {}, words.title),
      this.choice.root,
      this.launches.root,
      element("label", { for: "user" }, words.user),
      this.user,
      element("p", { class: "muted hint", id: "user-hint" }, words.userHint),
      this.wrong.root,
      element("div", { class: "buttons" }, this.submit, this.retry),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.start();
    });
    return form;
  }

  private followUser(): void {
    const userId = this.userId();
    this.list.loading(userId);
    this.refresh.follow(userId);
  }

  private followTyping(): void {
    let pause: ReturnType<typeof setTimeout> | undefined;
    let followed = this.userId();
    this.user.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => {
        if (this.userId() === followed) return;
        followed = this.userId();
        this.followUser();
      }, TYPING_PAUSE_MS);
    });
  }

  private async start(): Promise<void> {
    const userId = this.userId();
    const providerId = this.choice.chosen();
    if (userId === "") {
      this.wrong.show(strings.start.userMissing);
      this.user.focus();
      return;
    }
    if (providerId === null) return;
    this.wrong.hide();
    this.busy(true);
    try {
      const sessionId = await this.gate.api.start(userId, providerId, this.launches.chosen());
      rememberStart(userId, providerId);
      location.assign(`/session/${encodeURIComponent(sessionId)}`);
    } catch (error) {
      this.busy(false);
      if (!this.gate.refused(error)) this.wrong.show(troubleInWords(error));
    }
  }

  private busy(busy: boolean): void {
    this.submit.disabled = busy;
    this.submit.textContent = busy ? strings.start.working : strings.start.submit;
  }

  private userId(): string {
    return this.user.value.trim();
  }

  private chosenProvider(): Provider | null {
    return this.providers.find(({ id }) => id === this.choice.chosen()) ?? null;
  }

  private nameOf(providerId: string): string {
    return this.providers.find(({ id }) => id === providerId)?.name ?? providerId;
  }
}

// A page that the Back button brings out of the browser's memory still says "Starting…".
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

void openGate((gate) => void new StartPage(gate).open());
