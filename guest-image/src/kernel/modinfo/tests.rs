use proptest::prelude::*;

use super::*;

/// An ELF file with a section of names and a `.modinfo` with these contents.
fn module(modinfo: &[u8]) -> Vec<u8> {
    let names = b"\0.shstrtab\0.modinfo\0";
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
    let names_at = elf.len();
    elf.extend(names);
    let modinfo_at = elf.len();
    elf.extend(modinfo);
    let table = elf.len();
    let mut section = |name: u32, start: usize, size: usize| {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[0x18..0x20].copy_from_slice(&(start as u64).to_le_bytes());
        header[0x20..0x28].copy_from_slice(&(size as u64).to_le_bytes());
        elf.extend(header);
    };
    section(0, 0, 0);
    section(1, names_at, names.len());
    section(11, modinfo_at, modinfo.len());
    elf[0x28..0x30].copy_from_slice(&(table as u64).to_le_bytes());
    elf[0x3c..0x3e].copy_from_slice(&3_u16.to_le_bytes());
    elf[0x3e..0x40].copy_from_slice(&1_u16.to_le_bytes());
    elf
}

#[test]
fn the_modules_that_it_needs_are_read() {
    let module = module(b"license=GPL\0depends=virtio,virtio-ring\0name=virtio_blk\0");
    assert_eq!(dependencies(&module).unwrap(), ["virtio", "virtio_ring"]);
}

#[test]
fn a_module_may_need_nothing_but_must_say_so() {
    assert_eq!(dependencies(&module(b"depends=\0")).unwrap(), [""; 0]);
    assert_eq!(dependencies(&module(b"license=GPL\0")), Err(ModinfoError::NoDependencies));
}

#[test]
fn other_files_and_cut_ones_are_refused() {
    assert_eq!(dependencies(b"#!/bin/sh\n"), Err(ModinfoError::NotElf));
    let module = module(b"depends=a\0");
    for length in 6..module.len() {
        assert!(dependencies(&module[..length]).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0..400_usize, junk in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut module = module(b"depends=a,b\0");
        for (offset, byte) in junk.into_iter().enumerate() {
            let at = (at + offset) % module.len();
            module[at] = byte;
        }
        let _ = dependencies(&module);
    }
}
