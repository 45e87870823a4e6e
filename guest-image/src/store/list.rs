//! The images of a store, as a table for people shows them.

use std::time::SystemTime;

use super::lease::is_leased;
use super::{Image, ImageStore};
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::Manifest;

/// One line of `anteroom image ls`.
#[derive(Debug, Clone)]
pub struct ImageSummary {
    pub image: Image,
    pub digest: Digest,
    /// When its manifest was written.
    pub built_at: SystemTime,
    /// Kernel and layers; layers that images share are counted in each.
    pub size_bytes: u64,
    /// All its files are there at their full size.
    pub is_complete: bool,
    /// A VM of a living daemon boots from it.
    pub is_in_use: bool,
}

impl ImageStore {
    /// In the order of recipe and profile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<ImageSummary>, Error> {
        let summary = |manifest: Manifest| {
            let path = self.manifest_path(&manifest.recipe, &manifest.profile, manifest.kernel.kind());
            let is_complete = manifest.bootable_files().all(|file| self.has(file));
            Ok(ImageSummary {
                digest: manifest.digest(),
                built_at: fs_err::metadata(path)?.modified()?,
                size_bytes: manifest.size_bytes(),
                is_complete,
                is_in_use: is_leased(&self.lease_path(&manifest))?,
                image: self.image(manifest),
            })
        };
        self.manifests()?.into_iter().map(summary).collect()
    }
}
