//! One thing that was looked at, as data.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use super::fix::Action;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, for programs.
    pub id: &'static str,
    pub title: &'static str,
    pub level: Level,
    /// What is the case.
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    /// Sessions work, but not as well as they could.
    Warn,
    /// No session can work.
    Fail,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub text: String,
    /// For a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The same for [`fix`](super::fix::fix), where a program can do it.
    #[serde(skip)]
    pub action: Option<Action>,
}

impl Finding {
    pub(super) fn ok(id: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { id, title, level: Level::Ok, detail: detail.into(), remedy: None }
    }

    pub(super) fn warn(id: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Warn, ..Self::ok(id, title, detail) }
    }

    pub(super) fn fail(id: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Fail, ..Self::ok(id, title, detail) }
    }

    #[must_use]
    pub(super) fn with(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl Remedy {
    /// Something only a person can do, or decide on.
    pub(super) fn by_hand(text: impl Into<String>, command: Option<&str>) -> Self {
        Self { text: text.into(), command: command.map(str::to_owned), action: None }
    }

    pub(super) fn packages(text: impl Into<String>, packages: &[&'static str]) -> Self {
        let action = Action::Packages(packages.to_vec());
        Self { text: text.into(), command: Some(action.to_string()), action: Some(action) }
    }

    pub(super) fn vsock_device(text: impl Into<String>, root: PathBuf) -> Self {
        let action = Action::VsockDevice { root };
        Self { text: text.into(), command: Some(action.to_string()), action: Some(action) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}
