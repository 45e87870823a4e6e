//! Which QEMU this is.

use std::path::Path;

use crate::vmm::{LaunchError, version::Version};

/// The oldest that is tested: Debian 12's own.
pub const OLDEST: Version = Version { major: 7, minor: 2, patch: 0 };

/// Asks the program.
///
/// # Errors
/// When it cannot be started or answers something else than a version.
pub async fn version_of(program: &Path) -> Result<Version, LaunchError> {
    Version::of(program, read).await
}

/// `QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)` and a copyright line.
fn read(text: &str) -> Option<Version> {
    let version = text.lines().next()?.strip_prefix("QEMU emulator version ")?;
    Version::parse(version.split_whitespace().next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_versions_are_read_and_ordered() {
        let old = read("QEMU emulator version 7.2.17 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright").unwrap();
        let new = read("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)").unwrap();
        assert_eq!(old.to_string(), "7.2.17");
        assert!(OLDEST < old && old < new);
    }

    #[test]
    fn what_says_no_version_is_no_qemu() {
        for text in ["", "bash 5.2", "QEMU emulator version x.y", "QEMU emulator version 10"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
