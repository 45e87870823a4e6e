//! Prompts: a user's CLI is asked something in that user's own VM, with the credentials that were captured.
//!
//! ```text
//!  execute ──▶ its turn ──▶ the user's VM (started, woken, or awake) ──▶ credentials in place ──▶ the CLI runs ──▶ done
//!              (`registry`)        (`cli_vms`)                              (`keeping`)             (`run`)
//!                                                                               └── renewed: sealed as a newer version
//! ```
//! Each prompt is a task of its own. What it has to tell is its [`Story`]: numbered events that several may follow, and come back
//! to. The prompt itself stands in no list of processes, in no log and not in the store.

mod cli_vms;
mod hearing;
mod keeping;
mod lines;
mod registry;
mod run;
mod story;
mod traced;
mod trouble;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use anteroom_protocol::{ProviderDefinition, Secret, agent::Surroundings};

use tokio::sync::watch;

use crate::{
    live::Live,
    session::{Admission, VmTemplate},
};
pub use cli_vms::NoVm;
pub use registry::{ExecuteError, PromptHandle, Prompts};
pub use story::{PromptEvent, Story, Told};

/// What prompts are run with.
#[derive(Debug)]
pub struct PromptSettings {
    /// What every VM without a desktop has in common, or why there can be none.
    pub vm: Result<VmTemplate, String>,
    /// As for sessions: they share the host's places.
    pub admission: watch::Receiver<Arc<Admission>>,
    pub surroundings: Surroundings,
    pub limits: Live<PromptLimits>,
}

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptLimits {
    /// Of one user, at once; another number counts for a user of whom none is under way.
    pub at_once: NonZeroU32,
    /// Of one user, waiting.
    pub waiting: u32,
    /// The longest time that the CLI may take.
    pub limit: Duration,
    /// Of what it says, in MiB.
    pub output_mib: NonZeroU32,
    /// A VM that nobody has used for so long is destroyed.
    pub destroy_after: Duration,
}

/// What somebody asks.
#[derive(Debug)]
pub struct NewPrompt {
    pub user_id: String,
    /// One with a [`prompt`](ProviderDefinition::prompt).
    pub provider: ProviderDefinition,
    pub text: Secret,
    /// Where the CLI works: absolute, or below the home directory. Made when it is not there.
    pub directory: Option<String>,
    /// Put there before.
    pub files: Vec<PromptFile>,
    pub model: Option<String>,
    /// Shorter than the operator's, if at all.
    pub limit: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct PromptFile {
    /// Absolute, or below the directory in which the CLI works.
    pub path: String,
    pub contents: Secret,
}

impl NewPrompt {
    /// Of a prompt, in bytes.
    pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
    pub const MAX_FILES: usize = 64;
    /// Of all files together, in bytes.
    pub const MAX_FILES_BYTES: usize = 4 * 1024 * 1024;
    /// Of a path, in bytes (PATH_MAX of limits.h).
    pub const MAX_PATH_BYTES: usize = 4096;

    /// Where the CLI works when nobody says it.
    pub const USUAL_DIRECTORY: &str = "work";
}
