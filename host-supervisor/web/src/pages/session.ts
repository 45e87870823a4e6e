// The page at `/session/{id}`: what happens now, the desktop while there is one, and how it ended.

import "../../styles/session.css";
import { type Gate, openGate, tokenGate } from "../access/gate.ts";
import type { ApiError } from "../api/error.ts";
import type { Session } from "../api/types.ts";
import { desktopPlace } from "../desktop/address.ts";
import { idInSessionPath } from "../session/address.ts";
import { Heartbeat } from "../session/heartbeat.ts";
import { readPasted } from "../session/pasted.ts";
import { hasDesktop, hasEnded, nowInWords, stepOf } from "../session/phase.ts";
import { signInAid } from "../session/sign-in.ts";
import { rememberStart } from "../session/user.ts";
import { SessionWatch } from "../session/watch.ts";
import { strings } from "../strings.ts";
import { attemptCard } from "../view/attempt.ts";
import { cancelButton } from "../view/cancel.ts";
import { DesktopFrame } from "../view/desktop-frame.ts";
import { element, setText } from "../view/element.ts";
import { ending, missing } from "../view/ending.ts";
import { notice } from "../view/notice.ts";
import type { HandedOver } from "../view/own-browser.ts";
import { progress } from "../view/progress.ts";
import { bareShell, root, shell } from "../view/shell.ts";
import { signInCard } from "../view/sign-in-card.ts";
import { type TypingPanel, typingPanel } from "../view/typing.ts";
import { agoInWords, durationInWords, exactTime } from "../words/time.ts";
import { passingTroubleInWords, troubleInWords } from "../words/trouble.ts";

/** How often "5 seconds ago" and "expires in 14:32" are said anew. */
const CLOCK_MS = 1000;

class SessionPage {
  private readonly now = element("h1", {}, strings.now.loading);
  private readonly about = element("p", { class: "muted about" });
  private readonly wrong = notice("quiet");
  private readonly steps = progress();
  private readonly desktop: DesktopFrame;
  private readonly stage: HTMLElement;
  private readonly signIn = signInCard(
    (url) => this.reopen(url),
    (pasted) => this.hand(pasted),
  );
  private readonly attempt = attemptCard(() => this.tryAgain());
  private readonly typing: TypingPanel;
  private readonly cancel = cancelButton(() => this.cancelSession());
  private readonly side: HTMLElement;
  private readonly watch: SessionWatch;
  private heartbeat: Heartbeat | null = null;
  private providerNames: ReadonlyMap<string, string> = new Map();
  private shown: Session | null = null;
  /** Asked for, because the session does not say it. */
  private askedUrl: string | null = null;
  /** `null`: never seen alive. */
  private lastLivingStep: number | null = null;

  constructor(
    private readonly gate: Gate,
    private readonly id: string,
  ) {
    this.desktop = new DesktopFrame(desktopPlace(new URL(location.href), id, gate.viewToken), "tools", () =>
      this.watch.lookNow(),
    );
    this.stage = element("div", { class: "stage" }, this.desktop.root);
    this.typing = typingPanel(this.desktop.screen);
    this.typing.root.hidden = true;
    const terminal = element(
      "a",
      { href: `/session/${encodeURIComponent(id)}/terminal`, target: "_blank", class: "terminal-link" },
      strings.terminal.open,
    );
    // The token opens the desktop only.
    terminal.hidden = gate.viewToken !== null;
    this.side = element(
      "div",
      { class: "side" },
      this.attempt.root,
      this.signIn.root,
      this.typing.root,
      terminal,
      this.cancel.root,
    );
    // The token does not end sessions.
    if (gate.viewToken !== null) this.cancel.hide();
    // Whoever only looks has nothing to do here: what is there is typed, opened or ended in the desktop.
    this.side.hidden = this.desktop.screen.viewOnly;
    const events = {
      session: (session: Session) => this.show(session),
      trouble: (error: ApiError | null) =>
        error ? this.wrong.show(passingTroubleInWords(error)) : this.wrong.hide(),
      lost: (error: ApiError) => this.lose(error),
    };
    this.watch = new SessionWatch((known) => gate.api.session(id, known), events);
  }

  async open(): Promise<void> {
    this.steps.update(0, false);
    const now = element("div", { role: "status" }, this.now);
    const headline = element("div", { class: "headline" }, now, this.about, this.wrong.root);
    const around = this.gate.viewToken === null ? shell : bareShell;
    root().replaceChildren(...around(headline, this.steps.root, this.stage, this.side));
    await this.learnProviderNames();
    this.watch.start();
    setInterval(() => this.tick(), CLOCK_MS);
  }

  /** Names are a nicety: without them the ids stand in their place. */
  private async learnProviderNames(): Promise<void> {
    if (this.gate.viewToken !== null) return;
    const providers = await this.gate.api.providers().catch(() => []);
    this.providerNames = new Map(providers.map(({ id, name }) => [id, name]));
  }

  private show(session: Session): void {
    const { status } = session;
    document.body.setAttribute("data-status", status);
    const failed = session.attemptFailure;
    setText(this.now, failed ? strings.attempt.now : nowInWords(session, this.providerName(session)));
    if (failed) this.attempt.show(failed);
    else this.attempt.hide();
    // From here on it can be used; `anteroom-bench page` reads when that was.
    if (this.shown === null) performance.mark("usable");
    this.shown = session;
    this.describe(session);
    document.title = `${strings.status[status]} · ${this.providerName(session)} · ${strings.product}`;
    this.showProgress(session);
    if (hasEnded(status)) {
      this.end(session);
      return;
    }
    this.heartbeat ??= new Heartbeat(this.gate.api, this.id);
    this.desktop.allowClipboard(session.clipboard);
    this.typing.offerPaste(session.clipboard.toDesktop);
    if (hasDesktop(status)) this.showDesktop();
    this.showSignIn(session);
    void this.askForUrl(session);
  }

  private showProgress({ status }: Session): void {
    const step = stepOf(status, this.lastLivingStep);
    // How far a session came that ended before this page looked is not known.
    this.steps.root.hidden = step === null;
    if (step !== null) this.steps.update(step, hasEnded(status) && status !== "completed");
    if (!hasEnded(status)) this.lastLivingStep = step;
  }

  private showDesktop(): void {
    this.typing.root.hidden = false;
    this.desktop.open();
  }

  private describe(session: Session): void {
    const facts = [this.providerName(session), session.userId].filter((fact) => fact !== "");
    const { createdAt, completedAt } = session;
    if (createdAt) {
      facts.push(strings.time.started(agoInWords(createdAt, new Date())));
      if (completedAt)
        facts.push(strings.time.took(durationInWords(completedAt.getTime() - createdAt.getTime())));
      this.about.title = exactTime(createdAt);
    }
    setText(this.about, facts.join(" · "));
  }

  private tick(): void {
    if (this.shown) this.describe(this.shown);
    this.signIn.tick(this.gate.api.now());
  }

  private showSignIn(session: Session): void {
    const aid = signInAid(session, session.signInUrl ?? this.askedUrl);
    this.signIn.update(aid, this.gate.api.now());
  }

  /** A session's record need not hold the link; then it is a question of its own. */
  private async askForUrl(session: Session): Promise<void> {
    // That of a failed attempt leads nowhere any more.
    if (session.attemptFailure !== null) this.askedUrl = null;
    else if (
      session.signInUrl === null &&
      session.status === "awaiting_user_auth" &&
      this.askedUrl === null
    ) {
      const url = await this.gate.api.signInUrl(this.id).catch(() => null);
      if (url === null || this.shown !== session) return;
      this.askedUrl = url;
      this.showSignIn(session);
    }
  }

  private end(session: Session): void {
    if (!hasEnded(session.status)) return;
    this.leaveDesktop();
    const facts = {
      status: session.status,
      providerName: this.providerName(session),
      userId: session.userId,
      failure: session.failure,
    };
    const mayStart = this.gate.viewToken === null && !this.desktop.screen.viewOnly;
    this.stage.replaceChildren(ending(facts, mayStart ? () => this.startAgain(session) : null));
  }

  private lose(error: ApiError): void {
    this.leaveDesktop();
    if (this.gate.refused(error)) return;
    const tokenRefused = this.gate.viewToken !== null && error.kind === "unauthorized";
    const why = whyMissing(error);
    const words = tokenRefused ? strings.embedded.refused : troubleInWords(error);
    const headline = why === null ? words : strings.now.missing;
    setText(this.now, headline);
    document.title = `${headline} · ${strings.product}`;
    this.steps.root.hidden = true;
    this.stage.replaceChildren(missing(why, this.gate.viewToken === null ? "home" : "none"));
  }

  private leaveDesktop(): void {
    this.heartbeat?.stop();
    this.desktop.end(strings.desktop.gone);
    this.cancel.hide();
    this.signIn.update(null, new Date());
    this.side.hidden = true;
    if (document.fullscreenElement) void document.exitFullscreen();
  }

  private async reopen(url: string): Promise<string> {
    try {
      await this.gate.api.openUrl(this.id, url);
      return strings.link.reopened;
    } catch (error) {
      this.gate.refused(error);
      return strings.link.notReopened;
    }
  }

  private async cancelSession(): Promise<string | null> {
    try {
      await this.gate.api.cancel(this.id);
    } catch (error) {
      return this.gate.refused(error) ? null : troubleInWords(error);
    }
    this.watch.lookNow();
    return null;
  }

  private async hand(text: string): Promise<HandedOver> {
    const pasted = readPasted(text);
    try {
      if (pasted.kind === "address") await this.gate.api.callback(this.id, pasted.text);
      else await this.gate.api.code(this.id, pasted.text);
      return { taken: true, words: strings.own.taken[pasted.kind] };
    } catch (error) {
      this.gate.refused(error);
      return { taken: false, words: troubleInWords(error) };
    }
  }

  /** In the same VM. */
  private async tryAgain(): Promise<string | null> {
    try {
      await this.gate.api.retry(this.id);
    } catch (error) {
      return this.gate.refused(error) ? null : troubleInWords(error);
    }
    return null;
  }

  private async startAgain(session: Session): Promise<string | null> {
    try {
      const id = await this.gate.api.start(session.userId, session.providerId, session.launch);
      rememberStart(session.userId, session.providerId);
      location.assign(`/session/${encodeURIComponent(id)}`);
      return null;
    } catch (error) {
      return this.gate.refused(error) ? null : troubleInWords(error);
    }
  }

  private providerName(session: Session): string {
    return this.providerNames.get(session.providerId) ?? session.providerId;
  }
}

/** `null` where the error says more than we could. */
function whyMissing(error: ApiError): string | null {
  if (error.status === 403) return strings.ending.forbidden;
  return [400, 404, 410].includes(error.status) ? strings.ending.missing : null;
}

function noSession({ viewToken }: Gate): void {
  const headline = element("h1", {}, strings.now.missing);
  const [around, wayOn] = viewToken === null ? ([shell, "home"] as const) : ([bareShell, "none"] as const);
  root().replaceChildren(...around(headline, missing(strings.ending.missing, wayOn)));
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

function openPage(gate: Gate): void {
  const id = idInSessionPath(location.pathname);
  if (id === null) noSession(gate);
  else void new SessionPage(gate, id).open();
}

const viewToken = new URLSearchParams(location.search).get("token");
if (viewToken === null) void openGate(openPage);
else openPage(tokenGate(viewToken));
