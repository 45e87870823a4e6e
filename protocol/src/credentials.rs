//! The agent's role `credentials`, a program that the host runs as root in a VM without a desktop: it puts a user's credentials
//! in their places and tells what the CLI makes of them. Lines of JSON on its standard input and output.
//!
//! ```text
//!  host                                        guest
//!   Place {rules, seeds, surroundings}  ──▶
//!                                       ◀──    Found {session, files}     what is in the places
//!   Put {session, files} | Keep | Remove ─▶
//!                                       ◀──    Done {changed}
//!                                       ◀──    Written {files}            whenever the CLI has written them, and are complete
//!   (end of input)                      ──▶
//!                                       ◀──    Written {files}            once more, if that was not told; then it ends
//! ```
//! A directory that holds a proof of the sign-in is in the guest's memory (tmpfs(5)) and never on its disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    SessionId,
    agent::{CapturedCredentials, CapturedFile, Surroundings},
    provider::CredentialRule,
};

/// Of a line either way, in bytes: every file at its largest, in base64.
pub const MAX_LINE_BYTES: usize =
    CapturedCredentials::MAX_FILES * CapturedCredentials::MAX_FILE_BYTES / 3 * 4 + 64 * 1024;

/// The host's first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// Names the CLI in what the guest remembers.
    pub provider: String,
    /// Those that are files.
    pub rules: Vec<CredentialRule>,
    /// Written where there is nothing yet: path in the home directory to contents.
    #[serde(default)]
    pub seeds: BTreeMap<String, String>,
    #[serde(default)]
    pub surroundings: Surroundings,
}

/// The host's second line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// These files, whatever is there.
    Put { session: SessionId, files: Vec<CapturedFile> },
    /// What is there stays.
    Keep,
    /// Nothing stays, and the program ends.
    Remove,
}

/// What the guest tells, a line each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    Found {
        /// Whose credentials were put there last.
        session: Option<SessionId>,
        /// Nothing when they are not complete.
        files: Option<Vec<CapturedFile>>,
    },
    Done {
        /// Whether anything is otherwise than it was found.
        changed: bool,
    },
    Written {
        files: Vec<CapturedFile>,
    },
}
