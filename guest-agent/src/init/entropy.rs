//! The kernel's random numbers, begun anew: two copies of one guest would draw the same ones.

use std::{fs::File, io};

use anteroom_protocol::{Secret, agent::Resume};
use nix::{errno::Errno, libc::c_int};
use zeroize::{Zeroize, Zeroizing};

const MOST: usize = *Resume::ENTROPY_BYTES.end();

#[derive(Debug, thiserror::Error)]
pub(crate) enum EntropyError {
    #[error("/dev/random cannot be opened")]
    Open(#[source] io::Error),
    #[error("the kernel does not take random numbers")]
    Refused(#[source] Errno),
}

/// `struct rand_pool_info` of linux/random.h, with room for all that a host may send.
#[repr(C)]
#[derive(Clone)]
struct Pool {
    entropy_bits: c_int,
    bytes: c_int,
    contents: [u8; MOST],
}

impl Zeroize for Pool {
    fn zeroize(&mut self) {
        self.contents.zeroize();
    }
}

mod ioctl {
    use nix::libc::c_int;

    nix::ioctl_write_ptr!(
        /// `RNDADDENTROPY`: mixes bytes in, and believes in them. Its number has the size of the two numbers at the head of
        /// `struct rand_pool_info`; what follows them is as long as the second one says.
        add_entropy, b'R', 0x03, [c_int; 2]
    );
    nix::ioctl_none!(
        /// `RNDRESEEDCRNG`: from now on nothing is drawn from the old state, on any processor.
        reseed, b'R', 0x07
    );
}

/// Mixes the bytes into the kernel's pool, credits them, and starts its generator anew from that (random(4)). Of more than
/// [`Resume::ENTROPY_BYTES`] the rest is left out.
pub(crate) fn renew(entropy: &Secret) -> Result<(), EntropyError> {
    let device = File::options().read(true).write(true).open("/dev/random").map_err(EntropyError::Open)?;
    add(&device, &Pool::of(entropy)).map_err(EntropyError::Refused)
}

impl Pool {
    fn of(entropy: &Secret) -> Zeroizing<Self> {
        let mut pool = Zeroizing::new(Self { entropy_bits: 0, bytes: 0, contents: [0; MOST] });
        for (room, byte) in pool.contents.iter_mut().zip(entropy.expose()) {
            *room = *byte;
        }
        let length = c_int::try_from(entropy.len().min(MOST)).unwrap_or(0);
        (pool.bytes, pool.entropy_bits) = (length, length * 8);
        pool
    }
}

#[expect(unsafe_code, reason = "two ioctls")]
fn add(device: &File, pool: &Pool) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;

    let pool: *const Pool = pool;
    // SAFETY: the descriptor lives as long as `device`. The kernel reads the two numbers that the pointer points to and as
    // many bytes behind them as the second says, which is at most the length of `contents`; the pointer may be used for all
    // of the pool, because it was made of a reference to all of it.
    unsafe { ioctl::add_entropy(device.as_raw_fd(), pool.cast::<[c_int; 2]>()) }?;
    // SAFETY: the call takes no argument.
    unsafe { ioctl::reseed(device.as_raw_fd()) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_what_the_host_sends() {
        let taken = renew(&Secret::new([7; 32]));
        // It asks for CAP_SYS_ADMIN, which root has not everywhere.
        match taken {
            Err(EntropyError::Refused(Errno::EPERM) | EntropyError::Open(_)) => {
                eprintln!("SKIPPED: nobody but root of the machine may add entropy");
            }
            taken => taken.unwrap(),
        }
    }

    #[test]
    fn as_many_bytes_are_believed_in_as_were_sent_and_no_more_than_there_are() {
        for (sent, taken) in [(32, 32), (512, 512), (600, 512)] {
            let pool = Pool::of(&Secret::new(vec![7; sent]));
            assert_eq!((pool.bytes, pool.entropy_bits), (taken, 8 * taken));
            let length = usize::try_from(taken).unwrap();
            assert!(pool.contents[..length].iter().all(|byte| *byte == 7));
            assert!(pool.contents[length..].iter().all(|byte| *byte == 0));
        }
    }
}
