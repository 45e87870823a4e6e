//! Versions of the programs that run VMs. Read once; what depends on one is decided by comparing, never by trying.

use std::{fmt, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use super::LaunchError;

/// How long an answer may take; a busy machine with cold caches needs a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer that is none is repeated.
const MOST_CHARS: usize = 80;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl Version {
    /// Asks the program, whose answer `read` understands.
    ///
    /// # Errors
    /// When it cannot be started or answers something else than a version.
    pub(super) async fn of(program: &Path, read: impl Fn(&str) -> Option<Self>) -> Result<Self, LaunchError> {
        Self::of_answer(program, "--version", read).await
    }

    /// The same for another version than the program's own, by another argument.
    ///
    /// # Errors
    /// When it cannot be started or answers something else than a version.
    pub(super) async fn of_answer(
        program: &Path,
        argument: &str,
        read: impl Fn(&str) -> Option<Self>,
    ) -> Result<Self, LaunchError> {
        let name = || program.display().to_string();
        let mut command = Command::new(program);
        command.arg(argument).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(|source| LaunchError::Start { program: name(), source })?;
        let text = String::from_utf8_lossy(&output.stdout);
        read(&text).ok_or_else(|| LaunchError::NoVersion {
            program: name(),
            said: text.chars().take(MOST_CHARS).collect(),
        })
    }

    /// `1.13.2`, or `1.13`; nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next().unwrap_or(Some(0))?,
        };
        Some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_or_three_numbers_are_a_version() {
        let read = |text: &str| Version::parse(text).map(|version| version.to_string());
        assert_eq!(read("1.13.2").as_deref(), Some("1.13.2"));
        assert_eq!(read("10.0").as_deref(), Some("10.0.0"));
        for text in ["", "10", "x.y", "7.2.x", "70000.1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_program_that_says_something_else_is_told_with_what_it_says() {
        let error = Version::of(Path::new("/bin/sh"), Version::parse).await.unwrap_err().to_string();
        assert!(error.contains("/bin/sh does not say its version, but \""), "{error}");
    }
}
