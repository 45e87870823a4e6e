//! Which Firecracker this is.

use std::{fmt, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::vmm::LaunchError;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirecrackerVersion {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl FirecrackerVersion {
    /// The first with `--enable-pci`.
    pub const OLDEST: Self = Self { major: 1, minor: 13, patch: 0 };

    /// Asks the program.
    ///
    /// # Errors
    /// When it cannot be started or answers something else than a version.
    pub async fn of(program: &Path) -> Result<Self, LaunchError> {
        let name = || program.display().to_string();
        let mut command = Command::new(program);
        command.arg("--version").env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(|source| LaunchError::Start { program: name(), source })?;
        let text = String::from_utf8_lossy(&output.stdout);
        parse(&text).ok_or_else(|| LaunchError::Died {
            program: name(),
            code: output.status.code().unwrap_or(-1),
            stderr: format!("no version in {:?}", text.chars().take(80).collect::<String>()),
        })
    }
}

impl fmt::Display for FirecrackerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// `Firecracker v1.13.2`, with lines of other things behind; `v1.14.0-dev` counts as 1.14.0.
fn parse(text: &str) -> Option<FirecrackerVersion> {
    let version = text.lines().find_map(|line| line.strip_prefix("Firecracker v"))?;
    let numbers = version.split(['-', ' ']).next()?;
    let mut numbers = numbers.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(FirecrackerVersion { major: next()?, minor: next()?, patch: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_compared() {
        let read = |text: &str| parse(text).map(|version| version.to_string());
        assert_eq!(read("Firecracker v1.13.2\n\n2025-10-01 exiting\n").as_deref(), Some("1.13.2"));
        assert_eq!(read("Firecracker v1.14.0-dev").as_deref(), Some("1.14.0"));
        assert_eq!(read("firecracker"), None);
        assert!(parse("Firecracker v1.9.1").unwrap() < FirecrackerVersion::OLDEST);
    }
}
