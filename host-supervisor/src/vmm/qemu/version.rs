//! Which QEMU this is. Read once; what depends on it is decided by comparing versions, never by trying.

use std::{fmt, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::vmm::LaunchError;

/// How long `--version` may take; a busy machine with cold caches needs a second.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QemuVersion {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl QemuVersion {
    /// The oldest that is tested: Debian 12's own.
    pub const OLDEST: Self = Self { major: 7, minor: 2, patch: 0 };

    /// Asks the program.
    ///
    /// # Errors
    /// When it cannot be started or answers something else than a version.
    pub async fn of(program: &Path) -> Result<Self, LaunchError> {
        let name = || program.display().to_string();
        let output = Command::new(program)
            .arg("--version")
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(PATIENCE, output)
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

impl fmt::Display for QemuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// `QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)` and a copyright line.
fn parse(text: &str) -> Option<QemuVersion> {
    let version = text.lines().next()?.strip_prefix("QEMU emulator version ")?.split_whitespace().next()?;
    let mut numbers = version.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(QemuVersion { major: next()?, minor: next()?, patch: next().unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_versions_are_read_and_ordered() {
        let old = parse("QEMU emulator version 7.2.17 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright").unwrap();
        let new = parse("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)").unwrap();
        assert_eq!(old.to_string(), "7.2.17");
        assert!(QemuVersion::OLDEST < old && old < new);
    }

    #[test]
    fn what_says_no_version_is_no_qemu() {
        for text in ["", "bash 5.2", "QEMU emulator version x.y", "QEMU emulator version 10"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
