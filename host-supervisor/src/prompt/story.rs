//! What a prompt has to tell: numbered events, kept until the prompt is forgotten, for as many as want to follow.

use std::sync::Arc;

use anteroom_protocol::VmId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    failure::Failure,
    store::{PromptId, PromptStatus},
};

/// One of them, as the API gives it out. Numbers begin with 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum PromptEvent {
    /// The first.
    Connected { prompt_id: PromptId },
    /// Where it stands by now.
    Status {
        status: PromptStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<uuid::Uuid>")]
        vm_id: Option<VmId>,
    },
    /// Something that the CLI has said.
    Chunk {
        /// A part of the answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// In the CLI's own form, where it speaks JSON.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<Value>,
    },
    /// The last: the CLI has ended by itself.
    Done {
        exit_code: i32,
        /// In the CLI's own words.
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
        /// The end of what it wrote to standard error, when its exit code is not 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        complaint: Option<String>,
    },
    /// The last: it came to nothing.
    Error {
        code: String,
        message: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        detail_lines: Vec<String>,
    },
}

impl PromptEvent {
    #[must_use]
    pub fn error(failure: Failure) -> Self {
        let Failure { code, message, detail_lines } = failure;
        Self::Error { code, message, detail_lines }
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error { .. })
    }
}

/// What was told so far.
#[derive(Debug, Default)]
pub struct Told {
    /// As JSON, which is what everybody wants of them.
    events: Vec<Arc<str>>,
    bytes: usize,
    over: bool,
}

impl Told {
    /// The event of that number, from 1 on.
    #[must_use]
    pub fn event(&self, number: usize) -> Option<Arc<str>> {
        self.events.get(number.checked_sub(1)?).cloned()
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// How much it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The teller's end.
#[derive(Debug)]
pub struct Story(watch::Sender<Told>);

impl Story {
    #[must_use]
    pub fn begin(id: PromptId) -> Self {
        let story = Self(watch::Sender::default());
        story.tell(&PromptEvent::Connected { prompt_id: id });
        story
    }

    /// Nothing is told after the last.
    pub fn tell(&self, event: &PromptEvent) {
        // Plain data with string keys always has a JSON form.
        let text: Arc<str> = serde_json::to_string(event).unwrap_or_default().into();
        self.0.send_if_modified(|told| {
            if told.over {
                return false;
            }
            told.bytes += text.len();
            told.over = event.is_last();
            told.events.push(text);
            true
        });
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.borrow().bytes
    }

    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Told> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_from_1_and_nothing_comes_after_the_last() {
        let story = Story::begin(PromptId::random());
        story.tell(&PromptEvent::Chunk { text: Some("hi".into()), event: None });
        story.tell(&PromptEvent::Done { exit_code: 0, usage: None, complaint: None });
        story.tell(&PromptEvent::Chunk { text: Some("late".into()), event: None });
        let told = story.follow();
        let told = told.borrow();
        assert!(told.event(0).is_none() && told.event(1).unwrap().contains("promptId"));
        assert_eq!(told.event(2).unwrap().as_ref(), r#"{"type":"chunk","text":"hi"}"#);
        assert_eq!(told.event(3).unwrap().as_ref(), r#"{"type":"done","exitCode":0}"#);
        assert!(told.event(4).is_none() && told.is_over());
    }
}
