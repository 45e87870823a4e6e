//! Pictures of the desktop as the agent's role `record` writes them: a head, then a frame of VP8 (RFC 6386), again and again.
//!
//! ```text
//!  ┌───────┬────────┬─────────────────────────┬─────────┐
//!  │ flags │ length │ time                    │ picture │   numbers are big-endian; the lowest bit of the flags is set
//!  │ 1     │ 4      │ 8, µs since the first   │ length  │   in a picture that needs no other one
//!  └───────┴────────┴─────────────────────────┴─────────┘
//! ```

/// What stands before each picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whether the picture needs no other one.
    pub key: bool,
    /// Of the picture, in bytes: 1 to [`Head::MAX_PICTURE_BYTES`].
    pub length: usize,
    /// When its pixels were read, in microseconds since the first picture.
    pub at_us: u64,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("the flags {0:#04x} have no meaning")]
    Flags(u8),
    #[error("a picture of {0} bytes: expected 1 to {max}", max = Head::MAX_PICTURE_BYTES)]
    Length(usize),
}

impl Head {
    pub const BYTES: usize = 13;
    pub const MAX_PICTURE_BYTES: usize = 16 * 1024 * 1024;

    /// # Errors
    /// When the picture is empty or too large.
    pub fn write(&self) -> Result<[u8; Self::BYTES], HeadError> {
        let length = u32::try_from(checked(self.length)?).map_err(|_| HeadError::Length(self.length))?;
        let mut bytes = [0; Self::BYTES];
        bytes[0] = u8::from(self.key);
        bytes[1..5].copy_from_slice(&length.to_be_bytes());
        bytes[5..].copy_from_slice(&self.at_us.to_be_bytes());
        Ok(bytes)
    }

    /// # Errors
    /// When that is no head.
    pub fn read(bytes: &[u8; Self::BYTES]) -> Result<Self, HeadError> {
        let [flags, a, b, c, d, time @ ..] = *bytes;
        if flags > 1 {
            return Err(HeadError::Flags(flags));
        }
        let length = u32::from_be_bytes([a, b, c, d]);
        let length = checked(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Self { key: flags == 1, length, at_us: u64::from_be_bytes(time) })
    }
}

fn checked(length: usize) -> Result<usize, HeadError> {
    if (1..=Head::MAX_PICTURE_BYTES).contains(&length) { Ok(length) } else { Err(HeadError::Length(length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_nonsense_is_refused() {
        let head = Head { key: true, length: 70_000, at_us: 1 << 40 };
        let bytes = head.write().unwrap();
        assert_eq!(bytes, [1, 0, 1, 0x11, 0x70, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Head::read(&bytes), Ok(head));
        assert_eq!(Head { length: 0, ..head }.write(), Err(HeadError::Length(0)));
        assert_eq!(Head::read(&[2; 13]), Err(HeadError::Flags(2)));
        assert_eq!(Head::read(&[0; 13]), Err(HeadError::Length(0)));
        let mut large = bytes;
        large[1] = 1;
        assert!(Head::read(&large).is_err());
    }
}
