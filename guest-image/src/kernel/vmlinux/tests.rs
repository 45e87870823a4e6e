use proptest::prelude::*;

use super::*;

/// A bzImage of one setup sector whose payload is this.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 2 * SECTOR];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(SETUP_SECTS, &[1]);
    put(MAGIC, b"HdrS");
    put(VERSION, &0x020f_u16.to_le_bytes());
    put(PAYLOAD_OFFSET, &0_u32.to_le_bytes());
    put(PAYLOAD_LENGTH, &u32::try_from(payload.len()).unwrap().to_le_bytes());
    image.extend_from_slice(payload);
    image
}

fn elf(bytes: usize) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.extend((0..bytes).map(|index| u8::try_from(index / 7 % 251).unwrap()));
    elf
}

fn size(elf: &[u8]) -> [u8; 4] {
    u32::try_from(elf.len()).unwrap().to_le_bytes()
}

fn packed_by_lz4(elf: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x02, 0x21, 0x4c, 0x18];
    for block in elf.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        payload.extend(size(&block));
        payload.extend(block);
    }
    payload.extend(size(elf));
    payload
}

fn packed_by_zstd(elf: &[u8]) -> Vec<u8> {
    let mut payload = ruzstd::encoding::compress_to_vec(elf, ruzstd::encoding::CompressionLevel::Fastest);
    payload.extend(size(elf));
    payload
}

#[test]
fn a_kernel_of_several_blocks_comes_out_whole() {
    let elf = elf(9 << 20);
    assert!(unpack(&bzimage(&packed_by_lz4(&elf))).unwrap() == elf);
    assert!(unpack(&bzimage(&packed_by_zstd(&elf))).unwrap() == elf);
}

#[test]
fn what_is_no_bzimage_or_packed_otherwise_is_refused_with_the_reason() {
    assert_eq!(unpack(b"MZ"), Err(VmlinuxError::NotBzImage));
    assert_eq!(unpack(&vec![0; 4096]), Err(VmlinuxError::NotBzImage));
    assert_eq!(unpack(&bzimage(b"\x1f\x8b\x08\0....")), Err(VmlinuxError::Packing("gzip")));
    assert_eq!(unpack(&bzimage(b"\xfd7zXZ\0....")), Err(VmlinuxError::Packing("xz")));
    let no_elf = vec![7; 100];
    assert_eq!(unpack(&bzimage(&packed_by_lz4(&no_elf))), Err(VmlinuxError::NotElf));
    let mut huge = packed_by_lz4(&elf(100));
    let end = huge.len() - 4;
    huge[end..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(unpack(&bzimage(&huge)), Err(VmlinuxError::Size(u32::MAX as usize)));
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let whole = bzimage(&packed_by_lz4(&elf(5000)));
    for end in (0..whole.len()).step_by(97) {
        assert!(unpack(&whole[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn no_change_of_a_file_breaks_the_reader(at in 0_usize..2048, byte in any::<u8>()) {
        for mut image in [bzimage(&packed_by_lz4(&elf(3000))), bzimage(&packed_by_zstd(&elf(3000)))] {
            let at = at % image.len();
            image[at] = byte;
            let _ = unpack(&image);
        }
    }
}
