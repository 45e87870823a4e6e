//! Hibernation of QEMU: what a snapshot has in two files goes through one pipe to whoever seals it, and comes back through one. QEMU's own
//! migration would carry the memory, too, but touches every page of it, there and back, and with that makes each of them take room.
//!
//! ```text
//!  in the pipe:  (place, block)...  what is not zero of the memory
//!                end
//!                length, state
//! ```

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::Path,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::json;

use super::{
    control::{self, plug_vsock_again},
    memory::GuestMemory,
    qmp::QmpError,
    suspend,
};
use crate::{
    blocking,
    failure::causes,
    sparse::{self, BLOCK_BYTES},
    vmm::SnapshotError,
};

/// In the place of a place: no block follows.
const END: u64 = u64::MAX;
/// A machine of ours has half a megabyte.
const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 1024 * 1024;

/// Afterwards the machine stands still, or, after an error, may do so.
pub(super) async fn hibernate(
    directory: &Path,
    memory: &GuestMemory,
    into: OwnedFd,
) -> Result<(), SnapshotError> {
    let failed = |error: io::Error| SnapshotError::Vmm(error.to_string());
    let mut state = state_file().map_err(failed)?;
    let given = suspend::give_state(directory, &state).await;
    given.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
    let memory = memory.clone();
    let written = blocking::run(move || {
        let mut into = BufWriter::with_capacity(BUFFER_BYTES, File::from(into));
        write_memory(memory.as_file(), &mut into)?;
        write_state(&mut state, &mut into)?;
        into.flush()
    });
    written.await.map_err(failed)
}

/// What comes out of the pipe: the memory into this one, and the state, in memory as well.
///
/// # Errors
/// When it is not what [`hibernate`] writes, for example because it ends early.
pub(super) fn read(from: OwnedFd, memory: &GuestMemory) -> io::Result<File> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, File::from(from));
    read_memory(&mut from, memory.as_file())?;
    read_state(&mut from)
}

/// Lets a machine run that stands still.
pub(super) async fn go_on(directory: &Path, vsock_socket: &str) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    plug_vsock_again(&mut qemu, vsock_socket).await?;
    qemu.execute("cont", json!({})).await.map(drop)
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

/// To its last byte, so that whoever seals is at its end, too.
fn read_state(from: &mut impl Read) -> io::Result<File> {
    let length = read_number(from)?;
    if length > MAX_STATE_BYTES {
        return Err(senseless());
    }
    let mut state = state_file()?;
    let copied = io::copy(from, &mut state)?;
    state.seek(SeekFrom::Start(0))?;
    if copied == length { Ok(state) } else { Err(senseless()) }
}

fn read_number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn state_file() -> io::Result<File> {
    Ok(memfd_create("guest-state", MFdFlags::MFD_CLOEXEC)?.into())
}

fn senseless() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "that is not the memory of this VM")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = BLOCK_BYTES as u64;

    fn state(bytes: &[u8]) -> File {
        let mut state = state_file().unwrap();
        state.write_all(bytes).unwrap();
        state
    }

    /// A guest of a few megabytes with something here and there, as it goes through the pipe.
    fn written(memory: &GuestMemory) -> Vec<u8> {
        memory.as_file().write_all_at(b"here", 5 * BLOCK).unwrap();
        memory.as_file().write_all_at(&[0; 1 << 20], 1 << 20).unwrap();
        memory.as_file().write_all_at(b"there", (8 << 20) - 5).unwrap();
        let mut stream = Vec::new();
        write_memory(memory.as_file(), &mut stream).unwrap();
        write_state(&mut state(b"registers"), &mut stream).unwrap();
        stream
    }

    fn read_all(mut stream: &[u8], memory: &GuestMemory) -> io::Result<Vec<u8>> {
        read_memory(&mut stream, memory.as_file())?;
        let mut state = Vec::new();
        read_state(&mut stream)?.read_to_end(&mut state)?;
        Ok(state)
    }

    #[test]
    fn a_guest_comes_out_of_the_pipe_as_it_went_in_and_takes_no_more_room() {
        use std::os::unix::fs::MetadataExt as _;

        let (memory, woken) = (GuestMemory::new(8).unwrap(), GuestMemory::new(8).unwrap());
        let stream = written(&memory);
        let two_blocks = 2 * (8 + BLOCK_BYTES) + 8 + 8 + "registers".len();
        assert_eq!(stream.len(), two_blocks, "zeros are not carried");
        assert_eq!(read_all(&stream, &woken).unwrap(), b"registers");
        let digest = |memory: &GuestMemory| sparse::digest(memory.as_file()).unwrap();
        assert_eq!(digest(&woken), digest(&memory));
        assert_eq!(woken.as_file().metadata().unwrap().blocks() * 512, 2 * BLOCK);
    }

    #[test]
    fn what_ends_early_or_is_of_another_machine_is_refused() {
        let stream = written(&GuestMemory::new(8).unwrap());
        for length in [0, 7, 8, 100, 2 * (8 + BLOCK_BYTES), stream.len() - 10, stream.len() - 1] {
            let error = read_all(&stream[..length], &GuestMemory::new(8).unwrap());
            assert!(error.is_err(), "{length}");
        }
        let smaller = read_all(&stream, &GuestMemory::new(4).unwrap()).unwrap_err();
        assert_eq!(smaller.kind(), io::ErrorKind::InvalidData);
        let mut longer = stream;
        longer.push(0);
        assert!(read_all(&longer, &GuestMemory::new(8).unwrap()).is_err());
    }
}
