//! Writes cpio archives in the "newc" format, the one that the kernel unpacks into its initramfs
//! (Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes.

use std::io::{self, Write};

/// An archive under construction. Parents come before their children: the kernel makes no directories by itself.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    to: W,
    inode: u32,
}

/// Who may do what with a file; it belongs to root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Data,
    Program,
}

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// What one header says that is not the same for all of ours.
struct Header<'a> {
    name: &'a str,
    inode: u32,
    mode: u32,
    contents_bytes: u32,
    device: (u32, u32),
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, inode: 0 }
    }

    pub(crate) fn directory(&mut self, name: &str) -> io::Result<()> {
        self.entry(name, DIRECTORY | 0o755, (0, 0), &[])
    }

    pub(crate) fn file(&mut self, name: &str, access: Access, contents: &[u8]) -> io::Result<()> {
        let permissions = match access {
            Access::Data => 0o644,
            Access::Program => 0o755,
        };
        self.entry(name, REGULAR | permissions, (0, 0), contents)
    }

    /// A device node for root alone.
    pub(crate) fn character_device(&mut self, name: &str, device: (u32, u32)) -> io::Result<()> {
        self.entry(name, CHARACTER_DEVICE | 0o600, device, &[])
    }

    /// Ends the archive. Another may follow in the same file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.header(&Header { name: "TRAILER!!!", inode: 0, mode: 0, contents_bytes: 0, device: (0, 0) })?;
        Ok(self.to)
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), contents: &[u8]) -> io::Result<()> {
        self.inode += 1;
        let contents_bytes = u32::try_from(contents.len()).map_err(io::Error::other)?;
        self.header(&Header { name, inode: self.inode, mode, contents_bytes, device })?;
        self.to.write_all(contents)?;
        self.pad(contents.len())
    }

    fn header(&mut self, header: &Header<'_>) -> io::Result<()> {
        const HEADER_BYTES: usize = 110;
        let name_bytes = u32::try_from(header.name.len() + 1).map_err(io::Error::other)?;
        let (major, minor) = header.device;
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
        let fields =
            [header.inode, header.mode, 0, 0, 1, 0, header.contents_bytes, 0, 0, major, minor, name_bytes, 0];
        self.to.write_all(b"070701")?;
        for field in fields {
            write!(self.to, "{field:08X}")?;
        }
        self.to.write_all(header.name.as_bytes())?;
        self.to.write_all(&[0])?;
        self.pad(HEADER_BYTES + header.name.len() + 1)
    }

    /// Every header and every file begins at a multiple of four.
    fn pad(&mut self, written: usize) -> io::Result<()> {
        self.to.write_all(&[0; 3][..written.wrapping_neg() % 4])
    }
}

#[cfg(test)]
mod tests;
