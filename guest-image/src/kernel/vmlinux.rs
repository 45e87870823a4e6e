//! The kernel out of its bzImage, an ELF file, for a VMM that loads nothing else (Firecracker). A bzImage is some code that
//! unpacks the kernel, and the packed kernel, whose place its header tells (Documentation/arch/x86/boot.rst).

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use crate::error::Error;
use crate::store::{ImageStore, Kernel, public_file_in};

/// The largest kernel that is unpacked, in bytes; Debian's has 53 MB.
const MAX_BYTES: usize = 256 << 20;

/// Why there is no kernel to be had from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VmlinuxError {
    #[error("not a bzImage of boot protocol 2.08 or later")]
    NotBzImage,
    #[error("a bzImage that ends too early")]
    Truncated,
    #[error("its kernel is packed with {0}, which is not understood: lz4 and zstd are")]
    Packing(&'static str),
    #[error("its packed kernel is damaged")]
    Damaged,
    #[error("its kernel has {0} bytes, at most {MAX_BYTES} are taken")]
    Size(usize),
    #[error("what it unpacks to is no ELF file")]
    NotElf,
}

impl Kernel {
    /// Where it is as an ELF file, once it was wanted.
    pub(crate) fn unpacked(&self) -> PathBuf {
        self.image.with_file_name("vmlinux")
    }
}

impl ImageStore {
    /// The kernel as an ELF file. A custom one came with it; a stock one is unpacked at the first call, which takes a tenth of
    /// a second, and found at the next ones.
    ///
    /// # Errors
    /// When the bzImage cannot be read or understood, or the file cannot be written.
    pub fn vmlinux(&self, kernel: &Kernel) -> Result<PathBuf, Error> {
        let path = kernel.unpacked();
        if path.is_file() {
            return Ok(path);
        }
        let elf = unpack(&fs_err::read(&kernel.image)?)
            .map_err(|source| Error::Vmlinux { path: kernel.image.clone(), source })?;
        let scratch = self.root().join("scratch");
        let mut file = public_file_in(scratch)?;
        file.write_all(&elf)?;
        file.persist(&path).map_err(|e| e.error)?;
        Ok(path)
    }
}

// Offsets in the header, and its unit.
const SETUP_SECTS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const SECTOR: usize = 512;
/// The first protocol that tells where the payload is.
const OLDEST: u16 = 0x0208;

fn unpack(bzimage: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    let header = bzimage.get(..PAYLOAD_LENGTH + 4).ok_or(VmlinuxError::NotBzImage)?;
    let version = u16::from_le_bytes([header[VERSION], header[VERSION + 1]]);
    if header[MAGIC..MAGIC + 4] != *b"HdrS" || version < OLDEST {
        return Err(VmlinuxError::NotBzImage);
    }
    // 0 stands for 4, and the boot sector itself is not counted.
    let sectors = match header[SETUP_SECTS] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = number(header, PAYLOAD_OFFSET)?.checked_add((sectors + 1) * SECTOR);
    let range = start.and_then(|start| Some(start..start.checked_add(number(header, PAYLOAD_LENGTH).ok()?)?));
    let payload = range.and_then(|range| bzimage.get(range)).ok_or(VmlinuxError::Truncated)?;
    let elf = unpack_payload(payload)?;
    // 64 bits, little-endian: elf(5).
    if elf.starts_with(b"\x7fELF\x02\x01") { Ok(elf) } else { Err(VmlinuxError::NotElf) }
}

/// The build of the kernel writes the unpacked size behind every packing that does not tell it itself.
fn unpack_payload(payload: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    const SIZE_BYTES: usize = 4;
    let end = payload.len().checked_sub(SIZE_BYTES).ok_or(VmlinuxError::Truncated)?;
    let packed = &payload[..end];
    let unpacker: fn(&[u8], usize) -> Result<Vec<u8>, VmlinuxError> = match packed {
        [0x02, 0x21, 0x4c, 0x18, ..] => lz4,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd,
        [0x1f, 0x8b, ..] => return Err(VmlinuxError::Packing("gzip")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return Err(VmlinuxError::Packing("xz")),
        [0x5d, 0, 0, ..] => return Err(VmlinuxError::Packing("lzma")),
        [b'B', b'Z', b'h', ..] => return Err(VmlinuxError::Packing("bzip2")),
        [0x89, b'L', b'Z', b'O', ..] => return Err(VmlinuxError::Packing("lzo")),
        _ => return Err(VmlinuxError::Packing("something else")),
    };
    let size = number(payload, end)?;
    if size > MAX_BYTES {
        return Err(VmlinuxError::Size(size));
    }
    let elf = unpacker(packed, size)?;
    if elf.len() == size { Ok(elf) } else { Err(VmlinuxError::Damaged) }
}

/// LZ4's legacy frame: behind its four bytes blocks that stand for 8 MiB each, the last for the rest, every one behind its length.
fn lz4(frame: &[u8], size: usize) -> Result<Vec<u8>, VmlinuxError> {
    const BLOCK: usize = 8 << 20;
    let mut blocks = &frame[4..];
    let mut elf = Vec::with_capacity(size);
    while elf.len() < size {
        let length = number(blocks, 0)?;
        let block =
            length.checked_add(4).and_then(|end| blocks.get(4..end)).ok_or(VmlinuxError::Truncated)?;
        let room = BLOCK.min(size - elf.len());
        let unpacked = lz4_flex::block::decompress(block, room).map_err(|_| VmlinuxError::Damaged)?;
        if unpacked.len() != room {
            return Err(VmlinuxError::Damaged);
        }
        elf.extend_from_slice(&unpacked);
        blocks = &blocks[4 + length..];
    }
    Ok(elf)
}

fn zstd(frame: &[u8], size: usize) -> Result<Vec<u8>, VmlinuxError> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(frame).map_err(|_| VmlinuxError::Damaged)?;
    let mut elf = Vec::with_capacity(size);
    decoder.take(size as u64 + 1).read_to_end(&mut elf).map_err(|_| VmlinuxError::Damaged)?;
    Ok(elf)
}

fn number(bytes: &[u8], at: usize) -> Result<usize, VmlinuxError> {
    let bytes = at.checked_add(4).and_then(|end| bytes.get(at..end)).ok_or(VmlinuxError::Truncated)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests;
