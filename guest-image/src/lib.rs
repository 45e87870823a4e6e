//! Images for the guest: kernel, root file system in layers, and a manifest of all that is in them, built from a
//! declarative recipe.
//!
//! ```text
//! Recipe (TOML) ──▶ ImageStore::build ──▶ Image { kernel, layers, manifest }      minutes the first time, then milliseconds
//!                   ImageStore::find  ──▶ the same, or Missing { why, remedy }    at every launch
//!                   ImageStore::agent_disk(agent)      ──▶ the disk that a guest begins on        at every start of a daemon
//!                   ImageStore::initrd(modules, loader) ──▶ initramfs of a kernel that has modules
//! ```
//! The agent is on a disk of its own and in no layer, so that a changed agent rebuilds nothing.
//! All of it is plain blocking code: callers in an async runtime use a blocking thread.
//! What a VMM does with the files is not its business.

mod agent_disk;
mod archive;
mod cpio;
mod digest;
mod embedded;
mod erofs;
mod error;
mod initrd;
mod kernel;
mod layer;
mod listing;
pub mod manifest;
mod progress;
pub mod recipe;
mod store;
pub mod tool;
mod user_namespace;

pub use digest::{Digest, NotADigest};
pub use error::Error;
pub use kernel::{FragmentError, KernelError, LostOptions, ModinfoError, VmlinuxError};
pub use layer::PackageVersion;
pub use listing::{Entry, Kind, Listing};
pub use manifest::Manifest;
pub use progress::{Outcome, Progress};
pub use recipe::{KernelKind, Recipe, RecipeError};
pub use store::{
    Damage, Depth, Finding, Freshness, Image, ImageStore, ImageSummary, Inputs, Kernel, Lease, Missing,
    ModulesArchive, Pruned, Verified,
};
