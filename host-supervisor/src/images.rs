//! The image a VM boots from, as files. Found by the composition root; how it is made is `anteroom-guest-image`'s business.

use std::path::PathBuf;

use crate::vmm::BootFiles;

/// Everything of an image that a VM needs, found and complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// For example `desktop`.
    pub profile: String,
    /// Names exactly this combination of kernel, modules and layers.
    pub digest: String,
    pub boot: BootFiles,
    /// Lowest first.
    pub layers: Vec<PathBuf>,
}
