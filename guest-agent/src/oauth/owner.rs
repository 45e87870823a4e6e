//! The task that owns the sign-in: lets [`super::flow`] decide, and does what it says.

mod act;
mod files;

use std::{collections::BTreeMap, sync::Arc};

use anteroom_protocol::{
    Secret,
    agent::{CapturedCredentials, CapturedFile, SignInSpec, SignInStatus},
    provider::{FoundUrl, UrlSource},
};
use axum::http::StatusCode;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::Instant,
};

use super::{
    app::Resumed,
    browser::Browser,
    flow::{Event, Flow},
    launch,
    place::Place,
    redact,
    sign_in::{Places, View},
};
use crate::{
    control::Refusal,
    credentials::capture::Shown,
    journal::Journal,
    process::Children,
    terminal::order::{Order, Report},
};

pub(super) enum Message {
    Begin {
        spec: Box<SignInSpec>,
        resume: Option<Resumed>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Cancel(oneshot::Sender<()>),
    View(oneshot::Sender<Option<View>>),
    Again(oneshot::Sender<Result<(), Refusal>>),
    /// What a person has pasted, to be typed.
    Code {
        pasted: Secret,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Address {
        url: Secret,
        source: UrlSource,
        reply: oneshot::Sender<()>,
    },
    OpenPage {
        url: Secret,
        reply: oneshot::Sender<()>,
    },
    TerminalAttached {
        orders: mpsc::UnboundedSender<Order>,
        running: Option<u32>,
    },
    Report(Report),
    /// Of the sign-in with this number; that of an earlier one comes too late.
    Later {
        sign_in: u64,
        what: Later,
    },
}

pub(super) enum Later {
    Event(Event),
    FilesSettled,
    Verified { files: Vec<CapturedFile>, result: Result<(), String> },
}

pub(super) struct Owner {
    journal: Arc<Journal>,
    children: Arc<Children>,
    tell: mpsc::UnboundedSender<Message>,
    places: Places,
    browser: Browser,
    terminal: Option<Terminal>,
    current: Option<Current>,
    /// Counts sign-ins.
    number: u64,
}

/// The terminal that is attached.
struct Terminal {
    orders: mpsc::UnboundedSender<Order>,
    /// Which run of the CLI it runs.
    running: Option<u32>,
}

struct Current {
    spec: SignInSpec,
    /// The CLI may run already.
    resumed: bool,
    flow: Flow,
    since: Instant,
    watch: AbortHandle,
    /// Credentials that the terminal has shown, by the name that they are kept under.
    shown: BTreeMap<String, Shown>,
    /// The files as they were last seen complete, whether or not they have been verified.
    seen: Vec<CapturedFile>,
    captured: Option<CapturedCredentials>,
}

impl Owner {
    pub(super) fn new(
        journal: Arc<Journal>,
        children: Arc<Children>,
        places: Places,
        tell: mpsc::UnboundedSender<Message>,
    ) -> Self {
        let browser = Browser::new(Arc::clone(&children), places.browser.clone());
        Self { places, journal, children, tell, browser, terminal: None, current: None, number: 0 }
    }

    pub(super) async fn run(mut self, mut told: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = told.recv().await {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        // Whoever asked may have gone meanwhile; then nobody needs the answer.
        match message {
            Message::Begin { spec, resume, reply } => drop(reply.send(self.begin(*spec, resume))),
            Message::Cancel(reply) => {
                self.cancel();
                let _ = reply.send(());
            }
            Message::View(reply) => drop(reply.send(self.current.as_ref().map(Current::view))),
            Message::Again(reply) => drop(reply.send(self.again())),
            Message::Code { pasted, reply } => drop(reply.send(self.code(&pasted))),
            Message::Address { url, source, reply } => {
                self.address(url, source);
                let _ = reply.send(());
            }
            Message::OpenPage { url, reply } => {
                self.browser.open(&url);
                let _ = reply.send(());
            }
            Message::TerminalAttached { orders, running } => {
                self.terminal = Some(Terminal { orders, running });
                self.look_at_terminal();
            }
            Message::Report(report) => self.report(report),
            Message::Later { sign_in, what } if sign_in == self.number => self.later(what),
            Message::Later { .. } => {}
        }
    }

    fn begin(&mut self, spec: SignInSpec, resume: Option<Resumed>) -> Result<(), Refusal> {
        if let Some(current) = &mut self.current {
            if current.spec.session == spec.session {
                // A host that did not get the answer asks again, and one that comes after another brings a token of its own.
                current.spec.token = spec.token;
                return Ok(());
            }
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                format!("session {} is signing in already", current.spec.session),
            ));
        }
        let chosen = launch::chosen(&spec)?;
        if resume.is_none() {
            launch::prepare(&self.places.home, chosen)?;
        }
        self.number += 1;
        tracing::info!("sign-in to {} begins", spec.provider.id);
        let watch = self.watch_files(&spec);
        let current = Current {
            spec,
            resumed: resume.is_some(),
            flow: resume.map_or_else(Flow::new, |known| Flow::resumed(known.generation, known.url)),
            since: Instant::now(),
            watch,
            shown: BTreeMap::new(),
            seen: Vec::new(),
            captured: None,
        };
        self.current = Some(current);
        self.look_at_terminal();
        Ok(())
    }

    fn look_at_terminal(&mut self) {
        let resumed = self.current.as_ref().is_some_and(|current| current.resumed);
        match &self.terminal {
            Some(Terminal { running: None, .. }) => self.event(Event::TerminalIdle),
            Some(Terminal { running: Some(run), .. }) if resumed => {
                self.event(Event::TerminalBusy { run: *run });
                self.order(Order::TellAgain);
            }
            // What runs there belongs to a sign-in that was given up, and ends with its terminal: then a new one attaches.
            Some(_) | None => {}
        }
    }

    fn cancel(&mut self) {
        if let Some(current) = self.current.take() {
            current.watch.abort();
            self.number += 1;
            // Its CLI is ended with it, by init; the next terminal attaches anew.
            self.terminal = None;
            self.browser.close_all();
            tracing::info!("the sign-in is over");
        }
    }

    fn address(&mut self, url: Secret, source: UrlSource) {
        let recognised = self
            .current
            .as_ref()
            .and_then(|current| current.spec.provider.recognise(url.expose_str()?, source));
        match recognised {
            Some(found) => self.event(Event::Address(found)),
            // A terminal shows many addresses, of help pages and licences; only what a program hands over is opened.
            None if source == UrlSource::Terminal => {
                if let Some(place) = Place::of(&url) {
                    self.event(Event::OtherAddress(place));
                }
            }
            None if self.current.is_some() => self.event(Event::Page(url)),
            None => self.browser.open(&url),
        }
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Address { url } => self.address(url, UrlSource::Terminal),
            Report::Exited { run, code, last_lines } => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.running = None;
                }
                self.event(Event::CliExited { run, code, last_lines: redact::redact(&last_lines) });
            }
            Report::UserCode { run, code } => self.event(Event::UserCode { run, code }),
            Report::AsksForCode { run } => self.event(Event::AsksForCode { run }),
            Report::Credential { path, text, .. } => self.credential(path, text),
            Report::Answered { step } => self.event(Event::Answered { step }),
            Report::Again => self.event(Event::Again),
        }
    }

    fn later(&mut self, later: Later) {
        match later {
            Later::Event(event) => self.event(event),
            Later::FilesSettled => self.look_at_files(),
            Later::Verified { files, result: Ok(()) } => self.complete(files),
            Later::Verified { result: Err(cause), .. } => {
                tracing::warn!("not verified: {cause}");
                self.event(Event::NotVerified { cause });
            }
        }
    }

    /// Types a code of the sign-in page for the person.
    fn code(&mut self, pasted: &Secret) -> Result<(), Refusal> {
        let conflict = |why: &str| Refusal::new(StatusCode::CONFLICT, why);
        let current = self.current.as_ref().ok_or_else(|| conflict("no sign-in was begun"))?;
        let manual = current.spec.provider.manual.as_ref();
        let manual = manual.ok_or_else(|| conflict("this command takes no code from its sign-in page"))?;
        if !current.flow.asks_for_code() {
            return Err(conflict("the command does not ask for a code now"));
        }
        let state = current.flow.url().and_then(state_of);
        let pasted = pasted.expose_str().unwrap_or_default();
        let typed = manual.typed(pasted, state.as_deref()).map_err(|e| Refusal::bad(e.to_string()))?;
        self.order(Order::Type(typed));
        Ok(())
    }

    fn again(&mut self) -> Result<(), Refusal> {
        let conflict = |why| Refusal::new(StatusCode::CONFLICT, why);
        let current = self.current.as_ref().ok_or_else(|| conflict("no sign-in was begun"))?;
        if current.flow.has_begun_again() {
            return Ok(());
        }
        if !current.flow.can_begin_again() {
            return Err(conflict("the sign-in has not failed"));
        }
        self.event(Event::Again);
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let Some(current) = &mut self.current else { return };
        for action in current.flow.step(event) {
            self.act(action);
        }
    }
}

/// The `state` of a sign-in address (RFC 6749 section 4.1.1), if it is one of its parameters.
fn state_of(found: &FoundUrl) -> Option<String> {
    let url = url::Url::parse(found.url.expose_str()?).ok()?;
    url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned())
}

impl Current {
    fn view(&self) -> View {
        View {
            status: SignInStatus {
                session: self.spec.session,
                provider: self.spec.provider.id.clone(),
                phase: self.flow.phase,
                url: self.flow.url().cloned(),
                asks_for_code: self.flow.asks_for_code(),
            },
            captured: self.captured.clone(),
            callback: self.spec.provider.callback.clone(),
            proof: self.spec.provider.credential.iter().find(|rule| rule.is_proof()).cloned(),
            token: self.spec.token.clone(),
            elapsed: self.since.elapsed(),
        }
    }
}
