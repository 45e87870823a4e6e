//! Removes what no image needs any more: layers, kernels and records that were superseded, and old files that hold the agent or its
//! loader.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ImageStore;
use super::lease::is_leased;
use crate::error::Error;

/// What is made of our own programs costs milliseconds to make again; a few of each stay so that daemons of different builds, and
/// the snapshots of their VMs, do not take each other's away.
const KEPT_OF_OURS: usize = 4;

/// What [`ImageStore::prune`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Relative to the store.
    pub removed: Vec<PathBuf>,
    pub freed_bytes: u64,
    /// Superseded, but a VM boots from them.
    pub in_use: Vec<PathBuf>,
}

impl ImageStore {
    /// # Errors
    /// When the store cannot be read or written.
    pub fn prune(&self) -> Result<Pruned, Error> {
        let _lock = self.lock(&mut || ())?;
        let manifests = self.manifests()?;
        let needed: BTreeSet<&Path> =
            manifests.iter().flat_map(|manifest| manifest.files()).map(|file| file.path.as_path()).collect();
        let records: BTreeSet<PathBuf> = manifests
            .iter()
            .flat_map(|manifest| {
                let layers = manifest.layers.iter().map(|layer| layer.inputs);
                let origin = manifest.kernel.custom.as_ref().map(|custom| custom.origin);
                layers.chain([manifest.kernel.inputs]).chain(origin)
            })
            .map(|inputs| PathBuf::from(format!("records/{inputs}.json")))
            .collect();

        let mut pruned = Pruned::default();
        for record in self.names_in("records")? {
            if !records.contains(&record) {
                self.remove(record, &mut pruned)?;
            }
        }
        for layer in self.names_in("layers")? {
            if !needed.contains(layer.as_path()) {
                self.remove(layer, &mut pruned)?;
            }
        }
        for kernel in self.names_in("kernels")? {
            if !needed.iter().any(|path| path.starts_with(&kernel)) {
                for file in self.names_in(&kernel)? {
                    self.remove(file, &mut pruned)?;
                }
                // Not empty when a file of it is in use.
                let _ = fs_err::remove_dir(self.root.join(kernel));
            }
        }
        for directory in ["agents", "initrds"] {
            for old in self.all_but_the_newest(directory)? {
                self.remove(old, &mut pruned)?;
            }
        }
        Ok(pruned)
    }

    fn remove(&self, name: PathBuf, pruned: &mut Pruned) -> Result<(), Error> {
        let path = self.root.join(&name);
        if is_leased(&path)? {
            pruned.in_use.push(name);
        } else {
            pruned.freed_bytes += fs_err::metadata(&path)?.len();
            fs_err::remove_file(path)?;
            pruned.removed.push(name);
        }
        Ok(())
    }

    fn all_but_the_newest(&self, directory: &str) -> Result<Vec<PathBuf>, Error> {
        let mut dated = Vec::new();
        for name in self.names_in(directory)? {
            dated.push((fs_err::metadata(self.root.join(&name))?.modified()?, name));
        }
        dated.sort_by(|one, other| other.cmp(one));
        Ok(dated.into_iter().skip(KEPT_OF_OURS).map(|(_, name)| name).collect())
    }

    /// Entries of a directory, relative to the store.
    fn names_in(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
        let directory = directory.as_ref();
        let mut names = Vec::new();
        for entry in fs_err::read_dir(self.root.join(directory))? {
            names.push(directory.join(entry?.file_name()));
        }
        names.sort();
        Ok(names)
    }
}
