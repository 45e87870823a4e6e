//! Server-sent events as a listener reads them (HTML Living Standard, section 9.2).

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::service::PATIENCE;

/// A stream of events whose data are JSON.
pub(crate) struct EventStream {
    response: Response,
    begun: String,
}

#[derive(Debug)]
pub(crate) struct Event {
    /// Empty when it has none, as the next one.
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl EventStream {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        Self { response: request.send().await.unwrap(), begun: String::new() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn content_type(&self) -> &str {
        self.response.headers()["content-type"].to_str().unwrap()
    }

    /// `None` at the end. Lines without meaning are left out.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.begun.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.begun = rest;
                let field = |name| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(data) = field("data:") {
                    let text = |name| field(name).unwrap_or_default().to_owned();
                    let data = serde_json::from_str(data).unwrap();
                    return Some(Event { name: text("event:"), id: text("id:"), data });
                }
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            // A daemon that stops closes what has no end of its own.
            let piece = piece.ok()??;
            self.begun.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The first one that is like this.
    pub(crate) async fn until(&mut self, like: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("another event");
            if like(&event) {
                return event;
            }
        }
    }
}
