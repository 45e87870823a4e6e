//! What a viewer's RFB stream may carry to the guest where it may not carry everything (RFC 6143 section 7.5).
//!
//! ```text
//!  version ──3.7 and later──▶ security ──▶ init ──▶ messages: those that are not allowed are left out
//!     └───────3.3──────────────────────────▲
//! ```
//! The guest gets just what was understood here, so that no viewer can hide one message in another. What is unknown, and of
//! a length that nobody knows, ends the stream. Only the way to the guest is understood; what the guest sends is pixels.

#[cfg(test)]
mod tests;

use bytes::{Buf as _, BufMut as _, BytesMut};

/// What a viewer may do beyond looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permits {
    /// Keys, pointer, size of the desktop.
    pub(super) input: bool,
    /// Text for the desktop's clipboard.
    pub(super) clipboard: bool,
}

impl Permits {
    /// Whether there is nothing to be left out.
    pub(super) fn everything(self) -> bool {
        self.input && self.clipboard
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotUnderstood {
    #[error("this is no version of RFB")]
    Version,
    #[error("only the security type None is taken")]
    Security,
    #[error("an unknown message of the type {0}")]
    Message(u8),
}

/// One viewer's stream.
#[derive(Debug)]
pub(super) struct Sieve {
    permits: Permits,
    phase: Phase,
    /// A head that is not complete yet: a few bytes.
    pending: BytesMut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Version,
    Security,
    Init,
    Message,
    /// So many bytes of a message are still to come.
    Rest {
        left: u64,
        kept: bool,
    },
}

impl Sieve {
    pub(super) fn new(permits: Permits) -> Self {
        Self { permits, phase: Phase::Version, pending: BytesMut::new() }
    }

    /// Takes the next bytes of the viewer; returns those that go on to the guest.
    ///
    /// # Errors
    /// When a message is not understood; the stream cannot go on then.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<BytesMut, NotUnderstood> {
        let mut passed = BytesMut::with_capacity(bytes.len());
        loop {
            if let Phase::Rest { left, kept } = self.phase {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                if kept {
                    passed.put_slice(&bytes[..taken]);
                }
                bytes.advance(taken);
                let left = left - taken as u64;
                self.phase = if left == 0 { Phase::Message } else { Phase::Rest { left, kept } };
                if left > 0 {
                    return Ok(passed);
                }
            }
            let needed = self.needed()?;
            let missing = needed.saturating_sub(self.pending.len()).min(bytes.len());
            self.pending.put_slice(&bytes[..missing]);
            bytes.advance(missing);
            if self.pending.len() < needed {
                return Ok(passed);
            }
            // Its first bytes may say that more of them are needed.
            if self.needed()? == needed {
                self.step(&mut passed)?;
            }
        }
    }

    /// How long what begins with the pending bytes is, as far as they tell.
    fn needed(&self) -> Result<usize, NotUnderstood> {
        Ok(match self.phase {
            Phase::Version => 12,
            Phase::Security | Phase::Init => 1,
            Phase::Message | Phase::Rest { .. } => head_length(&self.pending)?,
        })
    }

    /// Takes the pending bytes, which are complete.
    fn step(&mut self, passed: &mut BytesMut) -> Result<(), NotUnderstood> {
        let mut head = self.pending.split();
        self.phase = match self.phase {
            Phase::Version => match &head[..] {
                b"RFB 003.003\n" => Phase::Init,
                b"RFB 003.007\n" | b"RFB 003.008\n" => Phase::Security,
                _ => return Err(NotUnderstood::Version),
            },
            Phase::Security if head[0] == SECURITY_NONE => Phase::Init,
            Phase::Security => return Err(NotUnderstood::Security),
            Phase::Init => Phase::Message,
            Phase::Message | Phase::Rest { .. } => {
                let (rest, kept) = (rest_length(&head), self.keeps(head[0]));
                if kept {
                    passed.put_slice(as_the_guest_reads_it(&mut head));
                }
                self.phase = Phase::Rest { left: rest, kept };
                return Ok(());
            }
        };
        passed.put_slice(&head);
        Ok(())
    }

    fn keeps(&self, kind: u8) -> bool {
        match kind {
            CUT_TEXT => self.permits.input && self.permits.clipboard,
            KEY | POINTER | QEMU | DESKTOP_SIZE => self.permits.input,
            _ => true,
        }
    }
}

const SECURITY_NONE: u8 = 1;

// RFC 6143 section 7.5; the four last are extensions of IANA's registry "Remote Framebuffer (RFB)".
const PIXEL_FORMAT: u8 = 0;
const ENCODINGS: u8 = 2;
const UPDATE_REQUEST: u8 = 3;
const KEY: u8 = 4;
const POINTER: u8 = 5;
const CUT_TEXT: u8 = 6;
const CONTINUOUS_UPDATES: u8 = 150;
const FENCE: u8 = 248;
const DESKTOP_SIZE: u8 = 251;
const QEMU: u8 = 255;

/// The bit of a pointer's buttons that says that one more byte of them follows ("Extended Mouse Buttons").
const MORE_BUTTONS: u8 = 0x80;
/// Of a message with one byte for its buttons.
const POINTER_BYTES: usize = 6;

/// How many bytes of a message have to be seen to know how long it is, or all of a short one.
fn head_length(seen: &[u8]) -> Result<usize, NotUnderstood> {
    let Some(kind) = seen.first() else { return Ok(1) };
    Ok(match *kind {
        PIXEL_FORMAT => 20,
        ENCODINGS => 4,
        UPDATE_REQUEST | CONTINUOUS_UPDATES => 10,
        KEY | CUT_TEXT | DESKTOP_SIZE => 8,
        POINTER => match seen.get(1) {
            None => 2,
            Some(buttons) => POINTER_BYTES + usize::from(buttons & MORE_BUTTONS != 0),
        },
        FENCE => 9,
        // The only one of QEMU's that is about input; the others are about sound.
        QEMU => match seen.get(1) {
            None => 2,
            Some(0) => 12,
            Some(_) => return Err(NotUnderstood::Message(QEMU)),
        },
        unknown => return Err(NotUnderstood::Message(unknown)),
    })
}

/// How many bytes follow a complete head.
fn rest_length(head: &[u8]) -> u64 {
    match head {
        [ENCODINGS, _, high, low] => 4 * u64::from(u16::from_be_bytes([*high, *low])),
        // Negative where it is more than a text ("Extended Clipboard").
        [CUT_TEXT, _, _, _, length @ ..] => {
            let length = length.try_into().map_or(0, i32::from_be_bytes);
            u64::from(length.unsigned_abs())
        }
        [DESKTOP_SIZE, _, _, _, _, _, screens, _] => 16 * u64::from(*screens),
        [FENCE, .., length] => u64::from(*length),
        _ => 0,
    }
}

/// The guest's server knows one byte of buttons, and must not take the second for the next message.
fn as_the_guest_reads_it(head: &mut [u8]) -> &[u8] {
    if head[0] == POINTER {
        head[1] &= !MORE_BUTTONS;
        return &head[..POINTER_BYTES];
    }
    head
}
