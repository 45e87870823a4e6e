//! Which Firecracker this is.

use std::path::Path;

use crate::vmm::{LaunchError, version::Version};

/// The first with `--enable-pci`.
pub const OLDEST: Version = Version { major: 1, minor: 13, patch: 0 };

/// Asks the program.
///
/// # Errors
/// When it cannot be started or answers something else than a version.
pub async fn version_of(program: &Path) -> Result<Version, LaunchError> {
    Version::of(program, read).await
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
}
