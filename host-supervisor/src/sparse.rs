//! Copying a file's extents and leaving its holes: an empty file system of gigabytes is a few hundred kilobytes, and so is
//! most of a guest's memory.

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};
use sha2::{Digest as _, Sha256};

const BUFFER_BYTES: usize = 256 * 1024;
/// A page of memory, and a block of every file system that we meet.
pub(crate) const BLOCK_BYTES: usize = 4096;
const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// Copies `source` to the new file `target`, which only its owner may read. On a file system that does not know of
/// holes everything is copied. When it fails, no part of a copy is left.
pub(crate) fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let from = File::open(source)?;
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let copied = copy_extents(&from, &to);
    if copied.is_err() {
        let _ = std::fs::remove_file(target);
    }
    copied
}

/// Makes `target`, which is empty, as long as `source`, and equal to it. The kernel copies, where it can between these two
/// (copy_file_range(2), sendfile(2)); both files' positions move.
pub(crate) fn copy_extents(source: &File, target: &File) -> io::Result<()> {
    target.set_len(source.metadata()?.len())?;
    each_extent(source, |start, end| {
        let (mut from, mut to) = (source, target);
        from.seek(SeekFrom::Start(start))?;
        to.seek(SeekFrom::Start(start))?;
        let copied = io::copy(&mut from.take(end - start), &mut to)?;
        if copied == end - start { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    })
}

/// The same, but what is zero becomes a hole too; says how many bytes are none.
pub(crate) fn copy_what_is_not_zero(source: &File, target: &File) -> io::Result<u64> {
    target.set_len(source.metadata()?.len())?;
    let mut bytes = 0;
    each_block_with_content(source, |at, block| {
        bytes += block.len() as u64;
        target.write_all_at(block, at)
    })?;
    Ok(bytes)
}

/// SHA-256 over length and content, whatever is a hole and whatever is zero: what is not zero, each block after its place.
pub(crate) fn digest(file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(file.metadata()?.len().to_le_bytes());
    each_block_with_content(file, |at, block| {
        hash.update(at.to_le_bytes());
        hash.update(block);
        Ok(())
    })?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Every block that is not zero, with its place.
pub(crate) fn each_block_with_content(
    file: &File,
    mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    each_piece(file, |at, piece| {
        let places = (at..).step_by(BLOCK_BYTES);
        places
            .zip(piece.chunks(BLOCK_BYTES))
            .filter(|(_, block)| *block != &ZEROS[..block.len()])
            .try_for_each(|(at, block)| visit(at, block))
    })
}

/// Everything that is no hole, in pieces that begin at a block.
fn each_piece(file: &File, mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    each_extent(file, |start, end| {
        let mut at = start;
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX).min(BUFFER_BYTES);
            file.read_exact_at(&mut buffer[..left], at)?;
            visit(at, &buffer[..left])?;
            at += left as u64;
        }
        Ok(())
    })
}

/// Everything that is no hole, from the beginning of a block to an end.
fn each_extent(file: &File, mut visit: impl FnMut(u64, u64) -> io::Result<()>) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut at = 0;
    while let Some(start) = seek(file, at, Whence::SeekData)? {
        let end = seek(file, start, Whence::SeekHole)?.unwrap_or(length);
        visit(start - start % BLOCK_BYTES as u64, end)?;
        at = end;
    }
    Ok(())
}

/// The next data or hole from `at` on; `None` behind the last.
fn seek(file: &File, at: u64, whence: Whence) -> io::Result<Option<u64>> {
    let offset = i64::try_from(at).map_err(io::Error::other)?;
    match lseek(file, offset, whence) {
        Ok(found) => u64::try_from(found).map(Some).map_err(io::Error::other),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
