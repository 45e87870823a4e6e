//! A directory of images.
//!
//! ```text
//! images/RECIPE.PROFILE.json    manifest: which kernel, which layers            the only mutable files,
//! records/INPUTS.json           what was built from these inputs                replaced by rename
//! layers/NAME-DIGEST.erofs      a layer, and .files.jsonl, its list             named by their contents,
//! kernels/VERSION-DIGEST/       vmlinuz, modules.cpio; vmlinux, once wanted     never changed
//! agents/DIGEST.erofs           the disk with the agent
//! initrds/DIGEST.cpio           modules and what loads them
//! scratch/                      builds in progress; what a killed one leaves is removed by the next
//! lock                          held while building
//! kernel-build.log              what the last build of a custom kernel has said, if it did not come to its end
//! ```
//! An image with the custom kernel has a manifest of its own, `images/RECIPE.PROFILE+custom.json`: both can be in use at the
//! same time, with the same layers. That kernel's directory is named by the digest of what it was made from, and has `vmlinux`
//! and `config` in place of the modules.
//!
//! Layers are found by the digest of what decides their contents, so that an unchanged recipe costs a few file reads, and are
//! named by the digest of what they are, so that nothing is ever overwritten under a running VM.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::manifest::{KernelRecord, LayerRecord, Manifest, StoredFile};
use crate::recipe::{KernelKind, Name, Recipe};

mod build;
mod find;
mod lease;
mod list;
mod prune;
mod publish;
mod steps;
mod verify;

pub use build::Freshness;
pub use find::Missing;
pub use lease::Lease;
pub use list::ImageSummary;
pub use prune::Pruned;
pub use verify::{Damage, Depth, Finding, Verified};

/// Programs of ours that some layers contain, by the names that recipes use.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    programs: BTreeMap<String, PathBuf>,
}

impl Inputs {
    /// With the program `name` at `path`.
    #[must_use]
    pub fn with_program(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.programs.insert(name.into(), path.into());
        self
    }

    pub(crate) fn program(&self, name: &Name) -> Option<&Path> {
        self.programs.get(name.as_str()).map(PathBuf::as_path)
    }
}

/// An image on disk, ready to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub kernel: Kernel,
    /// Read-only disks, the lowest first.
    pub layers: Vec<PathBuf>,
    pub manifest: Manifest,
    /// Where the lease on it is taken.
    lease_file: PathBuf,
}

/// A kernel on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The bzImage.
    pub image: PathBuf,
    /// `None` when all is built in.
    pub modules: Option<ModulesArchive>,
    /// The kernel as an ELF file, if it came with one; [`ImageStore::vmlinux`] makes it from the bzImage else.
    pub elf: Option<PathBuf>,
    /// As `uname -r` prints it.
    pub version: String,
}

/// The segment of an initramfs that holds a kernel's modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModulesArchive {
    pub path: PathBuf,
    pub(crate) sha256: crate::Digest,
}

/// The images of one directory. Cheap to make, holds nothing open.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

impl ImageStore {
    /// The store in `root`, which is created if it is not there.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Self { root: root.into() };
        for directory in ["images", "records", "layers", "kernels", "agents", "initrds", "scratch"] {
            fs_err::create_dir_all(store.root.join(directory))?;
        }
        Ok(store)
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file that stands for an image: its manifest, or the one that its lease is taken on. No name contains a '+'.
    fn image_path(&self, recipe: &Name, profile: &Name, kernel: KernelKind, extension: &str) -> PathBuf {
        let kernel = match kernel {
            KernelKind::Stock => "",
            KernelKind::Custom => "+custom",
        };
        self.root.join(format!("images/{recipe}.{profile}{kernel}.{extension}"))
    }

    fn manifest_path(&self, recipe: &Name, profile: &Name, kernel: KernelKind) -> PathBuf {
        self.image_path(recipe, profile, kernel, "json")
    }

    fn record_path(&self, inputs: crate::Digest) -> PathBuf {
        self.root.join(format!("records/{inputs}.json"))
    }

    /// Every manifest that this version can read.
    fn manifests(&self) -> Result<Vec<Manifest>, Error> {
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(self.root.join("images"))? {
            paths.push(entry?.path());
        }
        paths.sort();
        let json = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        Ok(json.filter_map(|path| read_json(path).transpose()).flatten().collect())
    }

    /// Whether the file is there at its full size: enough to boot; [`ImageStore::verify`] reads it.
    fn has(&self, file: &StoredFile) -> bool {
        fs_err::metadata(self.root.join(&file.path))
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size_bytes)
    }

    fn has_kernel(&self, kernel: &KernelRecord) -> bool {
        kernel.files().all(|file| self.has(file))
    }

    fn has_layer(&self, layer: &LayerRecord) -> bool {
        self.has(&layer.image) && self.has(&layer.file_list)
    }

    fn image(&self, manifest: Manifest) -> Image {
        let at = |file: &StoredFile| self.root.join(&file.path);
        let kernel = &manifest.kernel;
        let modules = kernel.modules_archive.as_ref();
        Image {
            kernel: Kernel {
                image: at(&kernel.image),
                modules: modules.map(|file| ModulesArchive { path: at(file), sha256: file.sha256 }),
                elf: kernel.custom.as_ref().map(|custom| at(&custom.vmlinux)),
                version: kernel.version.clone(),
            },
            layers: manifest.layers.iter().map(|layer| at(&layer.image)).collect(),
            lease_file: self.lease_path(&manifest),
            manifest,
        }
    }
}

/// The layers of a profile, or which profiles there are.
fn stack<'a>(recipe: &'a Recipe, profile: &str) -> Result<(&'a Name, &'a [Name]), Error> {
    recipe.profiles.get_key_value(profile).map(|(name, layers)| (name, layers.as_slice())).ok_or_else(|| {
        Error::NoProfile {
            recipe: recipe.name.clone(),
            profile: profile.to_owned(),
            known: recipe.profiles.keys().map(Name::to_string).collect(),
        }
    })
}

/// `None` when there is no such file, or when it is of another version.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs_err::read(path) {
        Ok(json) => Ok(serde_json::from_slice(&json).ok()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Readers see the old file or the new one, never a part.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = public_file_in(directory)?;
    serde_json::to_writer_pretty(&mut file, value).map_err(std::io::Error::from)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// To be written and then given its name. Its mode is ours to say, not the umask's, which services narrow.
pub(crate) fn public_file_in(directory: impl AsRef<Path>) -> std::io::Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new_in(directory)?;
    file.as_file().set_permissions(public())?;
    Ok(file)
}

/// Nothing here is secret, and a VMM may run as another user.
fn public() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(test)]
mod tests;
