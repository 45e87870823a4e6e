//! A guest that hibernates, on its way through a pipe: from its VMM to whoever seals it, and back. What a snapshot has in two files
//! is one stream there, and nothing of it is a hole.
//!
//! ```text
//!  (place, block)...  what is not zero of the memory
//!  end
//!  length, state
//! ```

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
};

use crate::sparse::{self, BLOCK_BYTES};

/// In the place of a place: no block follows.
const END: u64 = u64::MAX;
/// Of processors and devices: half a megabyte of QEMU's, some ten kilobytes of Firecracker's.
pub(super) const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 1024 * 1024;

/// Reads and writes much, so not on the runtime's threads.
pub(super) fn write(memory: &File, state: &mut File, into: OwnedFd) -> io::Result<()> {
    let mut into = BufWriter::with_capacity(BUFFER_BYTES, File::from(into));
    write_memory(memory, &mut into)?;
    write_state(state, &mut into)?;
    into.flush()
}

/// The same in the other direction, into files that are empty but for the memory's length; to the last byte, so that whoever
/// opens the seal is at its end, too.
///
/// # Errors
/// When it is not what [`write()`] writes, for example because it ends early.
pub(super) fn read(from: OwnedFd, memory: &File, state: &mut File) -> io::Result<()> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, File::from(from));
    read_memory(&mut from, memory)?;
    read_state(&mut from, state)
}

fn write_memory(memory: &File, into: &mut impl Write) -> io::Result<()> {
    sparse::each_block_with_content(memory, |at, block| {
        into.write_all(&at.to_le_bytes())?;
        into.write_all(block)
    })?;
    into.write_all(&END.to_le_bytes())
}

fn read_memory(from: &mut impl Read, memory: &File) -> io::Result<()> {
    let length = memory.metadata()?.len();
    let mut block = [0; BLOCK_BYTES];
    loop {
        let at = read_number(from)?;
        if at == END {
            return Ok(());
        }
        if !at.is_multiple_of(BLOCK_BYTES as u64) || at >= length {
            return Err(senseless());
        }
        from.read_exact(&mut block)?;
        memory.write_all_at(&block, at)?;
    }
}

fn write_state(state: &mut File, into: &mut impl Write) -> io::Result<()> {
    let length = state.metadata()?.len();
    if length > MAX_STATE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    into.write_all(&length.to_le_bytes())?;
    state.seek(SeekFrom::Start(0))?;
    io::copy(state, into).map(drop)
}

fn read_state(from: &mut impl Read, state: &mut File) -> io::Result<()> {
    let length = read_number(from)?;
    if length > MAX_STATE_BYTES {
        return Err(senseless());
    }
    let copied = io::copy(from, state)?;
    state.seek(SeekFrom::Start(0))?;
    if copied == length { Ok(()) } else { Err(senseless()) }
}

fn read_number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn senseless() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "that is not the memory of this VM")
}

#[cfg(test)]
mod tests {
    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    const BLOCK: u64 = BLOCK_BYTES as u64;

    fn file(mib: u64) -> File {
        let file = File::from(memfd_create("test", MFdFlags::MFD_CLOEXEC).unwrap());
        file.set_len(mib << 20).unwrap();
        file
    }

    /// A guest of a few megabytes with something here and there, as it goes through the pipe.
    fn written(memory: &File) -> Vec<u8> {
        memory.write_all_at(b"here", 5 * BLOCK).unwrap();
        memory.write_all_at(&[0; 1 << 20], 1 << 20).unwrap();
        memory.write_all_at(b"there", (8 << 20) - 5).unwrap();
        let (mut stream, mut state) = (Vec::new(), file(0));
        state.write_all(b"registers").unwrap();
        write_memory(memory, &mut stream).unwrap();
        write_state(&mut state, &mut stream).unwrap();
        stream
    }

    fn read_all(mut stream: &[u8], memory: &File) -> io::Result<Vec<u8>> {
        let (mut state, mut bytes) = (file(0), Vec::new());
        read_memory(&mut stream, memory)?;
        read_state(&mut stream, &mut state)?;
        state.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_guest_comes_out_of_the_pipe_as_it_went_in_and_takes_no_more_room() {
        use std::os::unix::fs::MetadataExt as _;

        let (memory, woken) = (file(8), file(8));
        let stream = written(&memory);
        let two_blocks = 2 * (8 + BLOCK_BYTES) + 8 + 8 + "registers".len();
        assert_eq!(stream.len(), two_blocks, "zeros are not carried");
        assert_eq!(read_all(&stream, &woken).unwrap(), b"registers");
        assert_eq!(sparse::digest(&woken).unwrap(), sparse::digest(&memory).unwrap());
        assert_eq!(woken.metadata().unwrap().blocks() * 512, 2 * BLOCK);
    }

    #[test]
    fn what_ends_early_or_is_of_another_machine_is_refused() {
        let stream = written(&file(8));
        for length in [0, 7, 8, 100, 2 * (8 + BLOCK_BYTES), stream.len() - 10, stream.len() - 1] {
            assert!(read_all(&stream[..length], &file(8)).is_err(), "{length}");
        }
        let smaller = read_all(&stream, &file(4)).unwrap_err();
        assert_eq!(smaller.kind(), io::ErrorKind::InvalidData);
        let mut longer = stream;
        longer.push(0);
        assert!(read_all(&longer, &file(8)).is_err());
    }
}
