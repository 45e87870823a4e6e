//! Tells the operator's application what has happened to credentials: signed requests to one address.
//!
//! ```text
//!  store: outbox ──▶ courier ──▶ event (body) ──▶ signature ──▶ post ──▶ receiver
//!                      ▲                                          │
//!                      └──────────── schedule ◀─── no 2xx ────────┘
//! ```
//! [`schedule`] and [`signature`] decide and do no I/O, [`event`] writes bodies, the courier and [`post`] act; [`Tidy`]
//! works with and without a receiver. What the receiver can rely on is in docs/webhook.md. Nobody is told twice on purpose, but a daemon that dies between the
//! delivery and its note delivers again, with the same id.

mod certificate;
mod courier;
pub mod event;
pub mod post;
pub mod schedule;
pub mod signature;
#[cfg(test)]
mod tests;
mod tidy;

use std::{path::PathBuf, sync::Arc};

use time::OffsetDateTime;

pub use courier::Courier;
pub use post::{Answer, Post};
pub use schedule::Schedule;
pub use signature::SigningKey;
pub use tidy::Tidy;

use crate::{
    config::{Enclosure, SecretSource, WebhookChoices},
    live::Live,
    private_file::{self, PrivateFileError},
    store::EventId,
};
use signature::SecretError;

/// The receiver of events, who can become another one.
#[derive(Debug)]
pub struct Webhook(Live<Receiver>);

/// Where events go, with what they are signed, and what is in them.
#[derive(Debug)]
pub struct Receiver {
    post: Post,
    enclosure: Enclosure,
}

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("the setting webhook.secret_file")]
    File(#[from] PrivateFileError),
    #[error("the setting webhook.secret_file names {path}, which does not exist")]
    NoFile { path: PathBuf },
    #[error("{path} is no secret of a webhook: expected {expected}")]
    Secret { path: PathBuf, expected: SecretError },
    #[error("the HTTP client of the webhook")]
    Client(#[source] reqwest::Error),
}

impl Webhook {
    /// # Errors
    /// When the secret cannot be read or is none.
    pub fn new(choices: &WebhookChoices) -> Result<Self, WebhookError> {
        Receiver::new(choices).map(|receiver| Self(Live::new(receiver)))
    }

    /// Who gets the next event.
    fn receiver(&self) -> Arc<Receiver> {
        self.0.now()
    }

    /// What is under way still goes to the one of before.
    pub fn replace(&self, receiver: Receiver) {
        self.0.set(receiver);
    }
}

impl Receiver {
    /// # Errors
    /// When the secret cannot be read or is none.
    pub fn new(choices: &WebhookChoices) -> Result<Self, WebhookError> {
        let key = match &choices.secret {
            SecretSource::Here(key) => key.clone(),
            SecretSource::File(path) => {
                let text = private_file::read(path)?;
                let text = text.ok_or_else(|| WebhookError::NoFile { path: path.clone() })?;
                SigningKey::parse(&text)
                    .map_err(|expected| WebhookError::Secret { path: path.clone(), expected })?
            }
        };
        let post = Post::new(choices.url.clone(), key).map_err(WebhookError::Client)?;
        Ok(Self { post, enclosure: choices.enclosure })
    }
}

impl Webhook {
    /// Sends an event that says nothing, once and now.
    ///
    /// # Errors
    /// Only when the kernel gives no random numbers; a receiver that does not answer is no error.
    pub async fn test(&self) -> Result<Tested, TestError> {
        let (id, now) = (EventId::random()?, OffsetDateTime::now_utc());
        let (answer, text) = self.receiver().post.send_and_listen(&id, now, event::test(now)?).await;
        Ok(Tested { id, answer, text })
    }
}

/// What came of [`Webhook::test`].
#[derive(Debug)]
pub struct Tested {
    pub id: EventId,
    pub answer: Answer,
    /// The beginning of the answer's body.
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TestError {
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
    #[error("the event's text")]
    Text(#[from] serde_json::Error),
}
