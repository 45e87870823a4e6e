//! Writes small erofs images that are not compressed: files and empty directories, all of them in the root directory. The same
//! entries give the same bytes, with no tool whose next version might lay them out otherwise: a guest that goes on from a
//! snapshot remembers where on the disk it has read.
//!
//! The format is `fs/erofs/erofs_fs.h` of Linux 6.1 (Documentation/filesystems/erofs.rst):
//!
//! ```text
//!  block 0   1024: superblock   1152: inodes of 32 bytes, the root's first
//!  block 1…  the root's directory, then directories and files by their names, each from a block of its own on
//! ```

use std::collections::BTreeMap;
use std::io;

const BLOCK: usize = 4096;
const SUPERBLOCK: usize = 1024;
const SUPERBLOCK_BYTES: usize = 128;
const INODE_BYTES: usize = 32;
const DIRECTORY_ENTRY_BYTES: usize = 12;
/// Inodes are counted from the beginning of the block in which they begin.
const ROOT_INODE: usize = (SUPERBLOCK + SUPERBLOCK_BYTES) / INODE_BYTES;
const MAX_INODES: usize = BLOCK / INODE_BYTES - ROOT_INODE;
const MAGIC: u32 = 0xE0F5_E1E2;
const REGULAR: u16 = 0o100_000;
const DIRECTORY: u16 = 0o040_000;

/// What there is; it belongs to root.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// To mount something on.
    EmptyDirectory,
    Program(&'a [u8]),
}

/// An image with these entries in its root directory.
///
/// # Errors
/// When there are more than fit in the first block, or they are larger than the format allows.
pub(crate) fn image(entries: &BTreeMap<&str, Entry<'_>>) -> io::Result<Vec<u8>> {
    if entries.len() >= MAX_INODES {
        return Err(io::Error::other(format!("at most {} entries fit", MAX_INODES - 1)));
    }
    let mut image = vec![0; BLOCK];
    let mut names = vec![(".", ROOT_INODE, Kind::Directory), ("..", ROOT_INODE, Kind::Directory)];
    names.extend(
        entries.iter().zip(ROOT_INODE + 1..).map(|((name, entry), inode)| (*name, inode, entry.kind())),
    );
    let directories = names.iter().filter(|(_, _, kind)| *kind == Kind::Directory).count();
    add(&mut image, ROOT_INODE, Kind::Directory, directories, &directory(&mut names)?)?;
    for (entry, inode) in entries.values().zip(ROOT_INODE + 1..) {
        match entry {
            Entry::EmptyDirectory => {
                let mut names = vec![(".", inode, Kind::Directory), ("..", ROOT_INODE, Kind::Directory)];
                add(&mut image, inode, Kind::Directory, 2, &directory(&mut names)?)?;
            }
            Entry::Program(contents) => add(&mut image, inode, Kind::Program, 1, contents)?,
        }
    }
    let superblock = superblock(entries.len() + 1, image.len() / BLOCK)?;
    image[SUPERBLOCK..SUPERBLOCK + SUPERBLOCK_BYTES].copy_from_slice(&superblock);
    Ok(image)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    Program,
}

impl Entry<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::EmptyDirectory => Kind::Directory,
            Self::Program(_) => Kind::Program,
        }
    }
}

impl Kind {
    fn mode(self) -> u16 {
        match self {
            Self::Directory => DIRECTORY | 0o755,
            Self::Program => REGULAR | 0o755,
        }
    }

    /// As directories name it (`EROFS_FT_REG_FILE`, `EROFS_FT_DIR`).
    fn file_type(self) -> u8 {
        match self {
            Self::Program => 1,
            Self::Directory => 2,
        }
    }
}

/// Appends the contents, and writes the inode that tells of them: compact, with its data in one run of blocks
/// (`EROFS_INODE_FLAT_PLAIN`).
fn add(image: &mut Vec<u8>, inode: usize, kind: Kind, links: usize, contents: &[u8]) -> io::Result<()> {
    let first_block = image.len() / BLOCK;
    let mut record = Record::default();
    record.u16(0).u16(0).u16(kind.mode()).u16(fit(links)?).u32(fit(contents.len())?).u32(0);
    record.u32(fit(first_block)?).u32(fit(inode - ROOT_INODE + 1)?).u16(0).u16(0).u32(0);
    image[inode * INODE_BYTES..(inode + 1) * INODE_BYTES].copy_from_slice(&record.0);
    image.extend_from_slice(contents);
    image.resize(image.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

/// A directory of one block: entries in the order of their names, then the names.
fn directory(names: &mut [(&str, usize, Kind)]) -> io::Result<Vec<u8>> {
    names.sort_unstable_by_key(|(name, ..)| *name);
    let mut record = Record::default();
    let mut name_at = names.len() * DIRECTORY_ENTRY_BYTES;
    for (name, inode, kind) in &*names {
        record.u64(fit(*inode)?).u16(fit(name_at)?).u8(kind.file_type()).u8(0);
        name_at += name.len();
    }
    for (name, _, _) in &*names {
        record.0.extend_from_slice(name.as_bytes());
    }
    if record.0.len() > BLOCK {
        Err(io::Error::other("the names take more than a block"))
    } else {
        Ok(record.0)
    }
}

/// No feature is asked for that any kernel with erofs lacks.
fn superblock(inodes: usize, blocks: usize) -> io::Result<Vec<u8>> {
    let mut record = Record::default();
    // Magic, checksum (none), compatible features; log2 of a block, slots, the root's inode; how many inodes.
    record.u32(MAGIC).u32(0).u32(0).u8(12).u8(0).u16(fit(ROOT_INODE)?).u64(fit(inodes)?);
    // Every file's time; blocks; where inodes and shared attributes begin.
    record.u64(0).u32(0).u32(fit(blocks)?).u32(0).u32(0);
    // UUID, volume name, incompatible features, compression, other devices.
    record.0.resize(SUPERBLOCK_BYTES, 0);
    Ok(record.0)
}

/// Little-endian fields one after another.
#[derive(Debug, Default)]
struct Record(Vec<u8>);

impl Record {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

fn fit<T: TryFrom<usize>>(number: usize) -> io::Result<T> {
    T::try_from(number).map_err(|_| io::Error::other(format!("{number} is more than a field of erofs holds")))
}

#[cfg(test)]
mod tests;
