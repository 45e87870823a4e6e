//! What an image consists of, written beside it as JSON: the kernel, the layers in order, and what is in each.
//! Paths in it are relative to the store.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::layer::PackageVersion;
use crate::recipe::{KernelKind, Name};

/// Raised when an older reader would misunderstand; manifests of other numbers count as not built.
pub const SCHEMA: u32 = 1;

/// One built image: one profile of one recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: u32,
    pub recipe: Name,
    pub profile: Name,
    pub distribution: String,
    /// The newest of the dates of its parts, not the moment of the build: two builds of the same parts are the same.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    pub kernel: KernelRecord,
    /// The lowest first.
    pub layers: Vec<LayerRecord>,
    /// Commands of the provider definitions that are in the image.
    pub programs: Vec<Name>,
}

/// A file of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    pub path: PathBuf,
    pub sha256: Digest,
    pub size_bytes: u64,
}

/// A kernel, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelRecord {
    /// As `uname -r` prints it.
    pub version: String,
    /// Of what decided its contents.
    pub inputs: Digest,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    pub packages: Vec<PackageVersion>,
    /// The bzImage.
    pub image: StoredFile,
    /// An uncompressed cpio archive of /modules/NN-name.ko; a custom kernel has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_archive: Option<StoredFile>,
    /// In load order.
    pub modules: Vec<String>,
    /// Only of a kernel that was compiled here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomRecord>,
}

/// What a custom kernel has besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRecord {
    /// Of all that decided its contents: the source's version and the compiler's, too. Names its directory.
    pub origin: Digest,
    /// The kernel as an ELF file.
    pub vmlinux: StoredFile,
    /// Its whole configuration.
    pub config: StoredFile,
}

impl KernelRecord {
    /// All of them.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        let custom = self.custom.iter().flat_map(|custom| [&custom.vmlinux, &custom.config]);
        [&self.image].into_iter().chain(&self.modules_archive).chain(custom)
    }

    /// Which of a recipe's kernels it is.
    #[must_use]
    pub fn kind(&self) -> KernelKind {
        if self.custom.is_some() { KernelKind::Custom } else { KernelKind::Stock }
    }
}

/// One erofs image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRecord {
    pub name: Name,
    /// "packages", "npm" or "files".
    pub kind: String,
    /// Of what decided its contents, with the programs that the caller handed in.
    pub inputs: Digest,
    /// Of the same without these programs: what can be compared when they are not at hand.
    pub recipe_inputs: Digest,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    pub image: StoredFile,
    /// Bytes in its files before compression.
    pub uncompressed_bytes: u64,
    /// One JSON object a line: path, type, mode, owner, size, sha256.
    pub file_list: StoredFile,
    pub file_count: usize,
    pub packages: Vec<PackageVersion>,
}

impl Manifest {
    /// Names the image: changes when any byte of its kernel or layers does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        for file in self.bootable_files() {
            hasher.field(file.sha256.to_string().as_bytes());
        }
        hasher.finish()
    }

    /// All that the image needs on disk, file lists aside.
    pub fn bootable_files(&self) -> impl Iterator<Item = &StoredFile> {
        self.kernel.files().chain(self.layers.iter().map(|layer| &layer.image))
    }

    /// The above and the file lists.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.bootable_files().chain(self.layers.iter().map(|layer| &layer.file_list))
    }

    /// Bytes on disk of kernel and layers.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.bootable_files().map(|file| file.size_bytes).sum()
    }
}
