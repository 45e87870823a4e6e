//! What a trace has of a prompt: all of it, what it took until its CLI ran, and what that took.

use std::{sync::OnceLock, time::SystemTime};

use super::NewPrompt;
use crate::{
    store::{PromptId, PromptStatus},
    traces::{Span, Trace, current},
};

pub(super) struct Traced {
    span: Span,
    began: SystemTime,
    runs_since: OnceLock<SystemTime>,
}

impl Traced {
    /// Part of what this task works for.
    pub(super) fn begin(id: PromptId, new: &NewPrompt) -> Option<Self> {
        let mut span = current()?.begin("prompt");
        span.note("anteroom.prompt", id.to_string());
        span.note("anteroom.provider", new.provider.id.clone());
        Some(Self { span, began: SystemTime::now(), runs_since: OnceLock::new() })
    }

    pub(super) fn trace(&self) -> &Trace {
        self.span.trace()
    }

    pub(super) fn runs(&self) {
        self.runs_since.get_or_init(SystemTime::now);
    }

    pub(super) fn ended(mut self, status: PromptStatus, code: Option<&str>) {
        let now = SystemTime::now();
        let runs_since = self.runs_since.get().copied();
        self.trace().tell("preparing", self.began, runs_since.unwrap_or(now));
        if let Some(since) = runs_since {
            self.trace().tell("running", since, now);
        }
        self.span.note("anteroom.status", status.as_str());
        if let Some(code) = code {
            self.span.fail(code);
        }
    }
}
