//! What the oauth role tells the terminal, and what the terminal tells back.

use std::{collections::BTreeMap, fmt};

use anteroom_protocol::{Secret, provider::Step};
use serde::{Deserialize, Serialize};

/// From the oauth role, as lines of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Start the CLI.
    Run(Run),
    /// Tell again what the CLI has shown: this role was restarted.
    TellAgain,
    /// Type this for the person, into the CLI that runs.
    Type(Secret),
    /// The person is done: say so, and offer nothing more.
    Done(String),
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Which start of the CLI this is; reports carry it back.
    pub(crate) run: u32,
    /// What a person calls the provider.
    pub(crate) name: String,
    pub(crate) argv: Vec<String>,
    /// The whole environment.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) signs: Signs,
}

/// What to look for in what the CLI shows, as patterns of the definition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Signs {
    /// A code for the page.
    pub(crate) user_code: Option<String>,
    /// A question for a code of the page.
    pub(crate) prompt: Option<String>,
    /// Credentials that are shown and written nowhere, each with the name that it is kept under.
    pub(crate) credentials: Vec<(String, String)>,
}

/// From the terminal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// An address was shown. It may hold `state`, and so is a secret.
    Address { url: Secret },
    /// A code for the page was shown.
    UserCode { run: u32, code: Secret },
    /// A code of the page is asked for.
    AsksForCode { run: u32 },
    /// A credential was shown.
    Credential { run: u32, path: String, text: Secret },
    /// A question of the definition was answered.
    Answered { step: usize },
    /// The CLI has ended, or could not be started.
    Exited { run: u32, code: i32, last_lines: Vec<String> },
    /// The person wants to try again.
    Again,
}

impl fmt::Debug for Run {
    /// Without the environment, in which a definition may put anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("run", &self.run).field("argv", &self.argv).finish_non_exhaustive()
    }
}
