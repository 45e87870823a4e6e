//! One signed request, and what is to be thought of the answer.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use reqwest::{Client, Response, StatusCode, header::CONTENT_TYPE, redirect};
use time::OffsetDateTime;
use url::Url;

use super::{SigningKey, certificate, event::Body};
use crate::{failure::root_cause, outbound, store::EventId};

/// How long a receiver may take, from the connection to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer's body is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024;

/// Sends to one address, signed with one key.
#[derive(Debug)]
pub struct Post {
    client: Client,
    url: Url,
    key: SigningKey,
}

/// What the receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Status(StatusCode),
    /// In words, without the address.
    None(String),
}

/// What an answer means for the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Later,
    /// The receiver does not want it: 410, as the specification has it.
    Never,
}

impl Answer {
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Status(status) if status.is_success() => Verdict::Delivered,
            Self::Status(StatusCode::GONE) => Verdict::Never,
            // A redirection too: what is signed for one address is not handed to another.
            Self::Status(_) | Self::None(_) => Verdict::Later,
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::None(why) => f.write_str(why),
        }
    }
}

impl Post {
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(url: Url, key: SigningKey) -> Result<Self, reqwest::Error> {
        let client =
            outbound::client(url.as_str()).timeout(PATIENCE).redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, url, key })
    }

    /// Sends it once. The answer's body is not looked at: a receiver may repeat what it was sent.
    pub async fn send(&self, id: &EventId, sent_at: OffsetDateTime, body: Body) -> Answer {
        match self.request(id, sent_at, body).await {
            Ok(response) => Answer::Status(response.status()),
            Err(error) => no_answer(&error),
        }
    }

    /// As [`Post::send`], with the beginning of the answer's body: for what holds no secret.
    pub async fn send_and_listen(
        &self,
        id: &EventId,
        sent_at: OffsetDateTime,
        body: Body,
    ) -> (Answer, String) {
        match self.request(id, sent_at, body).await {
            Ok(response) => (Answer::Status(response.status()), beginning(response).await),
            Err(error) => (no_answer(&error), String::new()),
        }
    }

    fn request(
        &self,
        id: &EventId,
        sent_at: OffsetDateTime,
        body: Body,
    ) -> impl Future<Output = reqwest::Result<Response>> {
        self.client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id.as_str())
            .header("webhook-timestamp", sent_at.unix_timestamp())
            .header("webhook-signature", self.key.sign(id, sent_at, &body))
            // Overwritten when the last copy is dropped.
            .body(Bytes::from_owner(body))
            .send()
    }
}

fn no_answer(error: &reqwest::Error) -> Answer {
    Answer::None(if error.is_timeout() {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else {
        certificate::problem(error).map_or_else(|| root_cause(error), str::to_owned)
    })
}

/// Ends at the bound, or where the connection breaks.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(MAX_ANSWER_BYTES);
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    String::from_utf8_lossy(&bytes).chars().map(shown).collect()
}
