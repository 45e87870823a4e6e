//! Memory that the X server writes into (MIT-SHM).

#![expect(unsafe_code, reason = "mapping memory, and reading what another process has written there")]

use std::{io, num::NonZeroUsize, os::fd::OwnedFd, ptr::NonNull, slice};

use nix::sys::{
    memfd::{MFdFlags, memfd_create},
    mman::{MapFlags, ProtFlags, mmap, munmap},
};

/// A piece of shared memory that goes away when both sides have let go of it.
#[derive(Debug)]
pub(super) struct Segment {
    start: NonNull<u8>,
    length: NonZeroUsize,
}

// SAFETY: the mapping belongs to this value alone; it is bound to no thread.
unsafe impl Send for Segment {}

impl Segment {
    /// Makes one of `length` bytes, and the descriptor by which the server maps it.
    pub(super) fn new(length: NonZeroUsize) -> io::Result<(Self, OwnedFd)> {
        let file = memfd_create("anteroom-picture", MFdFlags::MFD_CLOEXEC)?;
        let size = i64::try_from(length.get()).map_err(|_| io::ErrorKind::InvalidInput)?;
        nix::unistd::ftruncate(&file, size)?;
        // SAFETY: a new mapping at an address that the kernel chooses, of a file as long as the mapping.
        let start =
            unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, &file, 0) }?.cast();
        Ok((Self { start, length }, file))
    }

    /// What the server has written. Read it only between the answer to one request and the next request: at other
    /// times the server may be writing, and the bytes would be a mixture of two pictures.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping has this length and lives as long as `self`; every bit pattern is a byte. The server
        // writes only while it answers a request of the thread that owns the segment, which waits for the answer.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length.get()) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and no slice of it outlives `self`.
        // An error would mean that it is not mapped, which is what is wanted.
        let _ = unsafe { munmap(self.start.cast(), self.length.get()) };
    }
}
