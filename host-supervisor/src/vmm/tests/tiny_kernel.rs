//! The smallest guest that QEMU takes for a Linux kernel: a boot sector with the header of
//! Documentation/arch/x86/boot.rst and some instructions in real mode, which write a line to the serial port.

/// What it does after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Halt,
    /// Through the keyboard controller, as Linux does it too.
    Reset,
}

const SECTOR: usize = 512;
/// The loader jumps here: the beginning of the second sector.
const ENTRY: usize = 0x200;
/// Behind the header.
const CODE: usize = 0x268;
const TEXT: usize = 0x2a0;

pub(super) fn image(text: &str, then: Then) -> Vec<u8> {
    // Setup code of one sector behind the boot sector, and a protected-mode kernel that is never entered.
    let mut image = vec![0; 4 * SECTOR];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]); // setup_sects
    put(0x1fe, &[0x55, 0xaa]); // boot_flag
    put(ENTRY, &[0xeb, jump(ENTRY + 2, CODE)]); // jmp CODE
    put(0x202, b"HdrS");
    put(0x206, &0x0204_u16.to_le_bytes()); // protocol version
    put(0x211, &[1]); // loadflags: LOADED_HIGH
    let [low, high] = u16::try_from(TEXT).unwrap().to_le_bytes();
    #[rustfmt::skip]
    let print = [
        0xbe, low, high,   //       mov si, TEXT        DS is the segment of the boot sector
        0xac,              // next: lodsb
        0x84, 0xc0,        //       test al, al
        0x74, 0x06,        //       jz done
        0xba, 0xf8, 0x03,  //       mov dx, 0x3f8       COM1
        0xee,              //       out dx, al
        0xeb, 0xf5,        //       jmp next
    ];
    put(CODE, &print);
    let end: &[u8] = match then {
        Then::Halt => &[0xfa, 0xf4, 0xeb, 0xfd], // done: cli; hlt; jmp to hlt
        Then::Reset => &[0xb0, 0xfe, 0xe6, 0x64, 0xf4], // done: mov al, 0xfe; out 0x64, al; hlt
    };
    put(CODE + print.len(), end);
    put(TEXT, format!("{text}\n\0").as_bytes());
    image
}

fn jump(from: usize, to: usize) -> u8 {
    u8::try_from(to - from).unwrap()
}
