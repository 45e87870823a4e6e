//! The initramfs of a kernel that has modules: those, and the program that loads them and goes on to the agent's disk, two cpio
//! archives one behind the other. A kernel with all drivers built in mounts that disk itself, and has none.
//!
//! Not compressed: a guest reaches its init equally fast with and without (docs/benchmarks.md), and writing a plain file
//! takes milliseconds.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cpio::{Access, Writer};
use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::store::{ImageStore, ModulesArchive, public_file_in};

/// Raised when the same modules and loader would give another file.
const BUILDER: u32 = 2;

/// Where the loader mounts what it needs, and the agent's disk. The kernel opens /dev/console for it before it starts.
const DIRECTORIES: [&str; 3] = ["dev", "proc", "root"];
/// /dev/console: Documentation/admin-guide/devices.txt.
const CONSOLE: (u32, u32) = (5, 1);

impl ImageStore {
    /// The initramfs of `modules` with the program `loader` as its init. Made at the first call, found at the next ones.
    ///
    /// # Errors
    /// When the loader cannot be read or the file cannot be written.
    pub fn initrd(&self, modules: &ModulesArchive, loader: &Path) -> Result<PathBuf, Error> {
        let loader = fs_err::read(loader)?;
        let mut hasher = Hasher::default();
        hasher.field(&BUILDER.to_le_bytes());
        hasher.field(modules.sha256.to_string().as_bytes());
        hasher.field(Digest::of(&loader).to_string().as_bytes());
        let directory = self.root().join("initrds");
        let path = directory.join(format!("{}.cpio", hasher.finish().short()));
        if path.is_file() {
            return Ok(path);
        }
        let mut file = BufWriter::new(public_file_in(directory)?);
        file.write_all(&fs_err::read(&modules.path)?)?;
        let file = write_loader(file, &loader)?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.persist(&path).map_err(|e| e.error)?;
        Ok(path)
    }
}

fn write_loader<W: Write>(to: W, loader: &[u8]) -> std::io::Result<W> {
    let mut archive = Writer::new(to);
    for directory in DIRECTORIES {
        archive.directory(directory)?;
    }
    archive.character_device("dev/console", CONSOLE)?;
    archive.file("init", Access::Program, loader)?;
    archive.finish()
}

#[cfg(test)]
mod tests;
