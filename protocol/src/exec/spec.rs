//! What is run, and what became of it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one program that was started; nobody guesses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecId(Uuid);

impl ExecId {
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for ExecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for ExecId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// What to run, and how. Its environment may hold secrets, so it is never shown ([`fmt::Debug`] leaves it out).
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ExecSpec {
    /// With the program first; a path with a slash, or a name that is looked up in `PATH`. Empty for the user's login shell.
    #[serde(default)]
    pub argv: Vec<String>,
    /// Whose process it is, by the guest's passwd(5); the desktop's user when `None`.
    #[serde(default)]
    pub user: Option<String>,
    /// Absolute; the user's home directory when `None`.
    #[serde(default)]
    pub directory: Option<String>,
    /// Added to what every process of that user has.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// With a terminal of its own, standard output and standard error are one stream.
    #[serde(default)]
    pub terminal: Option<TerminalSpec>,
    /// It is ended after that many milliseconds: SIGTERM, and SIGKILL five seconds later.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// It goes on without anybody attached, and the oldest of its output makes room for the newest.
    #[serde(default)]
    pub detached: bool,
    /// Whatever it has started, and wherever that has gone, ends when it ends (`cgroup.kill`, cgroup_v2 in the kernel's admin
    /// guide); otherwise children live on, as those of a shell do.
    #[serde(default)]
    pub ends_together: bool,
}

/// The size in characters; none is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSpec {
    /// `TERM`, as terminfo(5) knows it.
    pub term: String,
    pub rows: u16,
    pub columns: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    pub id: ExecId,
    /// The first byte of output that is wanted, counted from the very first; `None` for all that is kept.
    #[serde(default)]
    pub output: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub id: ExecId,
    /// The number of the first byte of output that follows. It is larger than what was asked for when that is not kept any more.
    pub output: u64,
    /// Bytes of input that have arrived.
    pub input: u64,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// As shells have it: the program's own code, or 128 and the number of the signal that ended it.
    pub code: i32,
    /// Why, where the program did not end by itself: a signal, the time-out, no memory.
    #[serde(default)]
    pub cause: Option<String>,
    /// It was ended because [`ExecSpec::timeout_ms`] was over.
    #[serde(default)]
    pub timed_out: bool,
}

/// One line of `GET /exec/list`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecStatus {
    pub id: ExecId,
    /// The program's name, without its arguments, which may hold secrets.
    pub program: String,
    pub user: String,
    pub pid: u32,
    pub terminal: bool,
    pub attached: bool,
    pub age_ms: u64,
    #[serde(default)]
    pub ended: Option<Ended>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("{0} has a zero byte or is longer than {MAX_WORD_BYTES} bytes")]
    Word(&'static str),
    #[error("more than {MAX_WORDS} {0}")]
    TooMany(&'static str),
    #[error("{0:?} is no name of a variable")]
    Name(String),
    #[error("the directory is not absolute")]
    Directory,
    #[error("a terminal has at least one row and one column")]
    Size,
}

const MAX_WORD_BYTES: usize = 128 * 1024;
const MAX_WORDS: usize = 4096;

impl ExecSpec {
    /// Whether a process can be made of it; execve(2) would say less clearly what is wrong.
    ///
    /// # Errors
    /// With the part that is wrong.
    pub fn check(&self) -> Result<(), SpecError> {
        check_words("argument", "arguments", self.argv.iter())?;
        check_words("variable", "variables", self.environment.values())?;
        for name in self.environment.keys() {
            if name.is_empty() || name.contains(['=', '\0']) || name.len() > 256 {
                return Err(SpecError::Name(name.chars().take(64).collect()));
            }
        }
        if self.directory.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains('\0')) {
            return Err(SpecError::Directory);
        }
        match &self.terminal {
            Some(TerminalSpec { rows: 0, .. } | TerminalSpec { columns: 0, .. }) => Err(SpecError::Size),
            Some(terminal) => check_words("TERM", "terminals", [&terminal.term].into_iter()),
            None => Ok(()),
        }
    }

    /// What to call it where its arguments must not be shown.
    #[must_use]
    pub fn program(&self) -> &str {
        self.argv.first().map_or("login shell", String::as_str)
    }
}

fn check_words<'a>(
    one: &'static str,
    many: &'static str,
    words: impl ExactSizeIterator<Item = &'a String>,
) -> Result<(), SpecError> {
    if words.len() > MAX_WORDS {
        return Err(SpecError::TooMany(many));
    }
    for word in words {
        if word.len() > MAX_WORD_BYTES || word.contains('\0') {
            return Err(SpecError::Word(one));
        }
    }
    Ok(())
}

impl fmt::Debug for ExecSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecSpec")
            .field("program", &self.program())
            .field("user", &self.user)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}
