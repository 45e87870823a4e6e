//! Which Firecracker this is.

use std::path::Path;

use crate::vmm::{LaunchError, version::Version};

/// The first with `--enable-pci`.
pub const OLDEST: Version = Version { major: 1, minor: 13, patch: 0 };

/// The guest's vsock is dead after a restore there (mended in the next).
const DEAF_CLONES: Version = Version { major: 1, minor: 16, patch: 0 };

/// Whether clones made by it can be talked with.
pub(super) fn can_restore(version: Version) -> bool {
    version != DEAF_CLONES
}

/// Asks the program.
///
/// # Errors
/// When it cannot be started or answers something else than a version.
pub async fn version_of(program: &Path) -> Result<Version, LaunchError> {
    Version::of(program, read).await
}

/// Asks the program which format its snapshots have.
///
/// # Errors
/// When it cannot be started or answers something else than a version.
pub(super) async fn snapshot_format_of(program: &Path) -> Result<Version, LaunchError> {
    Version::of_answer(program, "--snapshot-version", read_format).await
}

/// `v8.0.0`, with lines of other things behind.
fn read_format(text: &str) -> Option<Version> {
    text.lines().find_map(|line| Version::parse(line.trim().strip_prefix('v')?))
}

/// `Firecracker v1.13.2`, with lines of other things behind; `v1.14.0-dev` counts as 1.14.0.
fn read(text: &str) -> Option<Version> {
    let version = text.lines().find_map(|line| line.strip_prefix("Firecracker v"))?;
    Version::parse(version.split(['-', ' ']).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_compared() {
        let text = |text: &str| read(text).map(|version| version.to_string());
        assert_eq!(text("Firecracker v1.13.2\n\n2025-10-01 exiting\n").as_deref(), Some("1.13.2"));
        assert_eq!(text("Firecracker v1.14.0-dev").as_deref(), Some("1.14.0"));
        assert_eq!(text("firecracker"), None);
        assert!(read("Firecracker v1.9.1").unwrap() < OLDEST);
    }

    #[test]
    fn the_format_of_snapshots_is_a_version_of_its_own() {
        let text = |text: &str| read_format(text).map(|version| version.to_string());
        assert_eq!(
            text("v8.0.0\n\n2026-01-01T00:00:00 [anonymous-instance:main] Firecracker exiting successfully. exit_code=0\n")
                .as_deref(),
            Some("8.0.0")
        );
        assert_eq!(text("Firecracker v1.13.2"), None);
    }
}
