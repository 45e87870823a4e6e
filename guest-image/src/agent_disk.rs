//! The disk that a guest begins on: the agent, and the directories in which it mounts what it needs before it has a root of its own.
//!
//! A file system that is read where it lies, and not an initramfs, which each VM would unpack into its memory at every boot: the
//! agent is large, all its roles in one program, and of most of it a guest never needs a page. It is not compressed, so that a page of the
//! program is a page of the host's cache, for all VMs. A changed agent costs milliseconds.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::erofs::plain::{self, Entry};
use crate::error::Error;
use crate::store::{ImageStore, public_file_in};

/// Raised when the same agent would give another file.
const BUILDER: u32 = 1;

/// The agent, as the kernel's command line names it (`init=`).
const AGENT: &str = "init";
/// Where it mounts what it needs; in `mnt` it puts its root together.
const MOUNT_POINTS: [&str; 5] = ["dev", "mnt", "proc", "run", "sys"];

impl ImageStore {
    /// The disk with the program `agent`. Made at the first call, found at the next ones.
    ///
    /// # Errors
    /// When the agent cannot be read or the file cannot be written.
    pub fn agent_disk(&self, agent: &Path) -> Result<PathBuf, Error> {
        let agent = fs_err::read(agent)?;
        let mut hasher = Hasher::default();
        hasher.field(&BUILDER.to_le_bytes()).field(Digest::of(&agent).to_string().as_bytes());
        let directory = self.root().join("agents");
        let path = directory.join(format!("{}.erofs", hasher.finish().short()));
        if path.is_file() {
            return Ok(path);
        }
        let mut entries = BTreeMap::from(MOUNT_POINTS.map(|name| (name, Entry::EmptyDirectory)));
        entries.insert(AGENT, Entry::Program(&agent));
        let mut file = public_file_in(directory)?;
        file.write_all(&plain::image(&entries)?)?;
        file.persist(&path).map_err(|e| e.error)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
