//! The smallest guest that a VMM takes for a 64-bit kernel: an ELF file (elf(5)) of one segment with some instructions in long
//! mode, in which the Linux boot protocol enters it (Documentation/arch/x86/boot.rst, "64-bit boot protocol").

/// What it does after its text: `cli; hlt`, and again.
pub(super) const HALT: &[u8] = &[0xfa, 0xf4, 0xeb, 0xfd];
/// By the keyboard controller: `mov al, 0xfe; out 0x64, al; hlt`.
pub(super) const RESET: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64, 0xf4];
/// From A to Z and again, one a line; without interrupts, so that nothing but its registers says where it is.
#[rustfmt::skip]
pub(super) const SPELL: &[u8] = &[
    0xb3, b'A',                   //       mov bl, 'A'
    0x66, 0xba, 0xf8, 0x03,       // next: mov dx, 0x3f8       COM1
    0x88, 0xd8,                   //       mov al, bl
    0xee,                         //       out dx, al
    0xb0, b'\n',                  //       mov al, '\n'
    0xee,                         //       out dx, al
    0xfe, 0xc3,                   //       inc bl
    0x80, 0xfb, b'Z' + 1,         //       cmp bl, 'Z' + 1
    0x72, 0x02,                   //       jb slow
    0xb3, b'A',                   //       mov bl, 'A'
    0xb9, 0x40, 0x42, 0x0f, 0x00, // slow: mov ecx, 1000000    less than a millisecond, or a second where KVM emulates
    0xff, 0xc9,                   // wait: dec ecx
    0x75, 0xfc,                   //       jnz wait
    0xeb, 0xe2,                   //       jmp next
];

/// The first megabyte belongs to the firmware.
const LOADED_AT: u64 = 0x10_0000;
const HEADER_BYTES: u16 = 64;
const SEGMENT_BYTES: u16 = 56;

pub(super) fn image(text: &str, then: &[u8]) -> Vec<u8> {
    let code = code(text, then);
    let start = u64::from(HEADER_BYTES + SEGMENT_BYTES);
    let mut image = Vec::new();
    // e_ident: 64 bits, little-endian, version 1. e_type EXEC, e_machine x86-64, e_version.
    image.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    image.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    // e_entry, e_phoff, e_shoff, e_flags.
    for number in [LOADED_AT, u64::from(HEADER_BYTES), 0] {
        image.extend(number.to_le_bytes());
    }
    image.extend([0; 4]);
    // e_ehsize, e_phentsize, e_phnum, and no sections.
    for number in [HEADER_BYTES, SEGMENT_BYTES, 1, 0, 0, 0] {
        image.extend(number.to_le_bytes());
    }
    // p_type LOAD, p_flags: read, write, execute.
    image.extend([1, 0, 0, 0, 7, 0, 0, 0]);
    let length = code.len() as u64;
    // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align.
    for number in [start, LOADED_AT, LOADED_AT, length, length, 0x1000] {
        image.extend(number.to_le_bytes());
    }
    image.extend(code);
    image
}

fn code(text: &str, then: &[u8]) -> Vec<u8> {
    #[rustfmt::skip]
    let print = [
        0x48, 0x8d, 0x35, 0, 0, 0, 0, //       lea rsi, [rip + text]
        0xac,                         // next: lodsb
        0x84, 0xc0,                   //       test al, al
        0x74, 0x08,                   //       jz done
        0x66, 0xba, 0xf8, 0x03,       //       mov dx, 0x3f8       COM1
        0xee,                         //       out dx, al
        0xeb, 0xf4,                   //       jmp next
        0x90,                         //       nop
    ];
    let mut code = [&print, then].concat();
    // From behind the first instruction to behind the last.
    code[3] = u8::try_from(code.len() - 7).unwrap();
    code.extend(text.bytes().chain([b'\n', 0]));
    code
}
