//! Whether the files of the store are still what was built.

use std::io;
use std::path::{Path, PathBuf};

use super::ImageStore;
use super::build::Scratch;
use crate::digest::Digest;
use crate::error::Error;
use crate::listing::Listing;
use crate::manifest::{LayerRecord, StoredFile};
use crate::recipe::Name;
use crate::tool::{self, Tool};
use crate::user_namespace;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every file of the store is hashed.
    Files,
    /// Every layer is unpacked as well and compared with its list, file by file.
    Contents,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the store.
    pub path: PathBuf,
    pub damage: Damage,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("is missing")]
    Missing,
    #[error("has {found} of {expected} bytes")]
    Size { expected: u64, found: u64 },
    #[error("has changed: its sha256 is {found}, not {expected}")]
    Changed { expected: Digest, found: Digest },
    #[error("does not contain what its list says: {}", first_few(.0))]
    Contents(Vec<String>),
}

/// What [`ImageStore::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub files: usize,
    pub bytes: u64,
    /// Empty if all is well.
    pub findings: Vec<Finding>,
}

impl ImageStore {
    /// Reads all files of all images, or of the images of one profile; `progress` hears of each before it is read.
    ///
    /// # Errors
    /// When the check itself could not be made.
    pub fn verify(
        &self,
        profile: Option<&str>,
        depth: Depth,
        progress: &mut dyn FnMut(&Path),
    ) -> Result<Verified, Error> {
        // A build would sweep away what is unpacked here.
        let _lock = (depth == Depth::Contents).then(|| self.lock(&mut || ())).transpose()?;
        let mut verified = Verified::default();
        let mut seen = Vec::new();
        let wanted = |name: &Name| profile.is_none_or(|profile| name.as_str() == profile);
        for manifest in self.manifests()?.into_iter().filter(|manifest| wanted(&manifest.profile)) {
            for file in manifest.files().filter(|file| !seen.contains(&file.path)) {
                progress(&file.path);
                verified.files += 1;
                verified.bytes += file.size_bytes;
                let damage = self.damage(file)?;
                verified.findings.extend(damage.map(|damage| Finding { path: file.path.clone(), damage }));
            }
            if depth == Depth::Contents {
                for layer in manifest.layers.iter().filter(|layer| !seen.contains(&layer.image.path)) {
                    let is_whole = verified.findings.iter().all(|finding| !layer.is_stored_in(&finding.path));
                    let differences = if is_whole { self.differences(layer)? } else { Vec::new() };
                    if !differences.is_empty() {
                        let path = layer.image.path.clone();
                        verified.findings.push(Finding { path, damage: Damage::Contents(differences) });
                    }
                }
            }
            seen.extend(manifest.files().map(|file| file.path.clone()));
        }
        Ok(verified)
    }

    fn damage(&self, file: &StoredFile) -> Result<Option<Damage>, Error> {
        let path = self.root.join(&file.path);
        let found = match fs_err::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Some(Damage::Missing)),
            Err(e) => return Err(e.into()),
        };
        if found != file.size_bytes {
            return Ok(Some(Damage::Size { expected: file.size_bytes, found }));
        }
        let found = Digest::of_file(&path)?;
        Ok((found != file.sha256).then_some(Damage::Changed { expected: file.sha256, found }))
    }

    /// Between a layer and its list, but for what unpacking loses: only root can give files away, and fsck.erofs (1.5)
    /// gives them away after setting their modes, which clears set-uid and set-gid bits (chown(2)).
    fn differences(&self, layer: &LayerRecord) -> Result<Vec<String>, Error> {
        let is_root = user_namespace::is_root()?;
        let scratch = Scratch::create(&self.root)?;
        let unpacked = scratch.path().join("unpacked");
        let arguments = [
            format!("--extract={}", unpacked.display()),
            "--preserve-perms".to_owned(),
            if is_root { "--preserve-owner" } else { "--no-preserve-owner" }.to_owned(),
            self.root.join(&layer.image.path).display().to_string(),
        ];
        Tool::new(tool::FSCK_EROFS, arguments).run(&mut |_| ())?;
        let expected = Listing::read(&self.root.join(&layer.file_list.path))?;
        Ok(if is_root {
            expected.without_set_ids().differences(&Listing::of_unpacked(&unpacked)?.without_set_ids())
        } else {
            expected.owned_by_root().differences(&Listing::of_staged(&unpacked)?)
        })
    }
}

impl LayerRecord {
    fn is_stored_in(&self, path: &Path) -> bool {
        self.image.path == path || self.file_list.path == path
    }
}

fn first_few(lines: &[String]) -> String {
    const SHOWN: usize = 5;
    let rest = lines.len().saturating_sub(SHOWN);
    let shown = lines[..lines.len() - rest].join(", ");
    if rest == 0 { shown } else { format!("{shown}, and {rest} more") }
}
