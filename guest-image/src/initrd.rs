//! The initramfs of a VM: the kernel's modules, if it has any, and the agent, two cpio archives one behind the other.
//!
//! Not compressed: a guest reaches its init equally fast with and without (docs/benchmarks.md), and writing a plain file
//! takes milliseconds. A changed agent costs no more than that.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cpio::{Access, Writer};
use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::store::{ImageStore, Kernel, public_file_in};

/// Raised when the same kernel and agent would give another file.
const BUILDER: u32 = 1;

/// Where the agent mounts what it needs before it has a root. The kernel opens /dev/console for it before it starts.
const DIRECTORIES: [&str; 4] = ["dev", "proc", "run", "sys"];
/// /dev/console: Documentation/admin-guide/devices.txt.
const CONSOLE: (u32, u32) = (5, 1);

impl ImageStore {
    /// The initramfs for `kernel` with the program `agent` as its init. Made at the first call, found at the next ones.
    ///
    /// # Errors
    /// When the agent cannot be read or the file cannot be written.
    pub fn initrd(&self, kernel: &Kernel, agent: &Path) -> Result<PathBuf, Error> {
        let agent = fs_err::read(agent)?;
        let mut hasher = Hasher::default();
        hasher.field(&BUILDER.to_le_bytes());
        let modules = kernel.modules.as_ref().map(|modules| modules.sha256.to_string()).unwrap_or_default();
        hasher.field(modules.as_bytes());
        hasher.field(Digest::of(&agent).to_string().as_bytes());
        let path = self.root().join(format!("initrds/{}.cpio", hasher.finish().short()));
        if path.is_file() {
            return Ok(path);
        }
        let directory = self.root().join("initrds");
        let mut file = BufWriter::new(public_file_in(directory)?);
        if let Some(modules) = &kernel.modules {
            file.write_all(&fs_err::read(&modules.path)?)?;
        }
        let file = write_agent(file, &agent)?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.persist(&path).map_err(|e| e.error)?;
        Ok(path)
    }
}

fn write_agent<W: Write>(to: W, agent: &[u8]) -> std::io::Result<W> {
    let mut archive = Writer::new(to);
    for directory in DIRECTORIES {
        archive.directory(directory)?;
    }
    archive.character_device("dev/console", CONSOLE)?;
    archive.file("init", Access::Program, agent)?;
    archive.finish()
}

#[cfg(test)]
mod tests;
