//! What a probe boot has shown, remembered as long as nothing has changed that could change it.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::vmm::{LaunchError, Version};

/// Whether KVM works here, and how that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    pub(super) works: bool,
    pub(super) reason: String,
}

/// Everything a verdict depends on, as one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerdictKey(String);

/// The parts of the digest that are read from this machine.
#[derive(Debug, Clone, Copy)]
struct Surroundings<'a> {
    kernel: &'a [u8],
    qemu: Version,
    /// `/proc/cpuinfo`.
    cpuinfo: &'a str,
    boot_id: &'a str,
}

impl VerdictKey {
    pub(super) async fn of_this_machine(qemu: Version, kernel: &Path) -> Result<Self, LaunchError> {
        let path = kernel.to_owned();
        let read = move || {
            let at = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
            let kernel = std::fs::read(&path).map_err(|source| LaunchError::Io { path, source })?;
            let (cpuinfo, boot_id) = (at("/proc/cpuinfo"), at("/proc/sys/kernel/random/boot_id"));
            Ok(Self::of(Surroundings { kernel: &kernel, qemu, cpuinfo: &cpuinfo, boot_id: &boot_id }))
        };
        let panicked =
            |_| LaunchError::Io { path: kernel.to_owned(), source: io::Error::other("the reader ended") };
        tokio::task::spawn_blocking(read).await.map_err(panicked)?
    }

    fn of(surroundings: Surroundings<'_>) -> Self {
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(surroundings.kernel));
        // The first processor's, without its changing frequency; they are all alike.
        let steady = ["vendor_id", "model name", "stepping", "microcode", "flags", "bugs"];
        let lines = surroundings.cpuinfo.lines().take_while(|line| !line.is_empty());
        for line in lines.filter(|line| steady.iter().any(|key| line.starts_with(key))) {
            hash.update(line);
        }
        hash.update(format!("\n{}\n{}", surroundings.qemu, surroundings.boot_id.trim()));
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) async fn recall(&self, cache: &Path) -> Option<Verdict> {
        serde_json::from_slice(&tokio::fs::read(self.path(cache)).await.ok()?).ok()
    }

    /// A cache that cannot be written costs a probe boot at the next start, nothing else.
    pub(super) async fn remember(&self, cache: &Path, verdict: &Verdict) {
        let path = self.path(cache);
        let written = async {
            tokio::fs::create_dir_all(cache.join("kvm")).await?;
            let unfinished = path.with_extension(std::process::id().to_string());
            tokio::fs::write(&unfinished, serde_json::to_vec(verdict)?).await?;
            tokio::fs::rename(&unfinished, &path).await
        };
        if let Err(error) = written.await {
            tracing::warn!("{}: {error}", path.display());
        }
    }

    fn path(&self, cache: &Path) -> PathBuf {
        cache.join("kvm").join(format!("{}.json", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str =
        "processor\t: 0\nmodel name\t: EPYC\ncpu MHz\t\t: 2596.0\nflags\t\t: svm npt\n\nprocessor\t: 1\n";
    const QEMU: Version = Version { major: 7, minor: 2, patch: 17 };
    const HERE: Surroundings<'_> =
        Surroundings { kernel: b"kernel", qemu: QEMU, cpuinfo: CPUINFO, boot_id: "0a4447dd\n" };

    #[test]
    fn a_verdict_counts_until_kernel_qemu_processor_or_boot_change() {
        let key = VerdictKey::of(HERE);
        let slower = CPUINFO.replace("2596", "1200");
        assert_eq!(VerdictKey::of(Surroundings { cpuinfo: &slower, ..HERE }), key);
        let newer = Version { patch: 18, ..QEMU };
        let without_svm = CPUINFO.replace("svm ", "");
        for other in [
            Surroundings { kernel: b"other", ..HERE },
            Surroundings { qemu: newer, ..HERE },
            Surroundings { cpuinfo: &without_svm, ..HERE },
            Surroundings { boot_id: "11111111\n", ..HERE },
        ] {
            assert_ne!(VerdictKey::of(other), key);
        }
    }

    #[tokio::test]
    async fn what_was_remembered_is_recalled_and_a_damaged_file_is_not_believed() {
        let cache = tempfile::tempdir().unwrap();
        let key = VerdictKey::of(HERE);
        assert_eq!(key.recall(cache.path()).await, None);
        let verdict = Verdict { works: true, reason: "a kernel boots".into() };
        key.remember(cache.path(), &verdict).await;
        assert_eq!(key.recall(cache.path()).await, Some(verdict));
        std::fs::write(key.path(cache.path()), "{").unwrap();
        assert_eq!(key.recall(cache.path()).await, None);
    }
}
