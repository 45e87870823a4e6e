//! The handle of the one task that owns the sign-in. What it does is in [`super::owner`].

use std::{path::PathBuf, sync::Arc, time::Duration};

use anteroom_protocol::{
    Secret,
    agent::{CapturedCredentials, OpenUrl, SignInSpec, SignInStatus},
    provider::{Callback, CredentialRule, UrlSource},
};
use axum::http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::{
    app::Resumed,
    owner::{Message, Owner},
};
use crate::{
    address,
    control::Refusal,
    journal::Journal,
    process::Children,
    terminal::order::{Order, Report},
};

#[derive(Debug, Clone)]
pub(super) struct SignIn(mpsc::UnboundedSender<Message>);

/// Everything that a caller may want to know.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) status: SignInStatus,
    pub(super) captured: Option<CapturedCredentials>,
    pub(super) callback: Option<Callback>,
    /// The first of those that prove the sign-in.
    pub(super) proof: Option<CredentialRule>,
    pub(super) token: Secret,
    pub(super) elapsed: Duration,
}

/// Where things are in the guest.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The user's home directory, in which the CLI writes its files.
    pub(super) home: PathBuf,
    /// The program that opens a page.
    pub(super) browser: PathBuf,
}

impl SignIn {
    /// Starts the task.
    pub(super) fn start(journal: Arc<Journal>, children: Arc<Children>, places: Places) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(Owner::new(journal, children, places, tell.clone()).run(told));
        Self(tell)
    }

    /// Begins a sign-in, or goes on with one that a crash of this role has interrupted.
    pub(super) async fn begin(&self, spec: SignInSpec, resume: Option<Resumed>) -> Result<(), Refusal> {
        self.ask(|reply| Message::Begin { spec: Box::new(spec), resume, reply }).await?
    }

    pub(super) async fn again(&self) -> Result<(), Refusal> {
        self.ask(Message::Again).await?
    }

    /// Types a code of the sign-in page.
    pub(super) async fn code(&self, pasted: Secret) -> Result<(), Refusal> {
        self.ask(|reply| Message::Code { pasted, reply }).await?
    }

    pub(super) async fn cancel(&self) -> Result<(), Refusal> {
        self.ask(Message::Cancel).await
    }

    /// What there is; 404 when no sign-in has begun.
    pub(super) async fn view(&self) -> Result<View, Refusal> {
        let view = self.ask(Message::View).await?;
        view.ok_or_else(|| Refusal::unknown("no sign-in has begun"))
    }

    /// An address that a hook or the terminal has found. Sign-in addresses are told to the host; from the hook, any
    /// other page is opened.
    pub(super) async fn address(&self, asked: OpenUrl, source: UrlSource) -> Result<(), Refusal> {
        let url = checked(asked)?;
        self.ask(|reply| Message::Address { url, source, reply }).await
    }

    /// Opens a page, whatever it is.
    pub(super) async fn open_page(&self, asked: OpenUrl) -> Result<(), Refusal> {
        let url = checked(asked)?;
        self.ask(|reply| Message::OpenPage { url, reply }).await
    }

    /// The terminal's stream of orders; a later one takes the place of an earlier one.
    pub(super) fn attach_terminal(&self, running: Option<u32>) -> mpsc::UnboundedReceiver<Order> {
        let (orders, receiver) = mpsc::unbounded_channel();
        let _ = self.0.send(Message::TerminalAttached { orders, running });
        receiver
    }

    pub(super) fn report(&self, report: Report) {
        let _ = self.0.send(Message::Report(report));
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let gone = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the sign-in's task has ended");
        self.0.send(message(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

fn checked(asked: OpenUrl) -> Result<Secret, Refusal> {
    address::check(&asked.url).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(Secret::new(asked.url))
}
