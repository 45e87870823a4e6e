//! A stream that is sealed on its way to the disk, in pieces, and opened in the same order.
//!
//! ```text
//!  plain   │ 1 MiB │ 1 MiB │ ... │ less than 1 MiB, perhaps nothing │
//!             │ seal, number 0, 1, ...              │ seal, as the last
//!  sealed  │ 1 MiB + 16 │ 1 MiB + 16 │ ... │ what is left + 16 │
//! ```
//! This is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", 2015) over ChaCha20-Poly1305: each piece has its number and whether it is the last in its nonce, so that
//! none can be changed, left out, repeated, or take the place of another, and an end that was cut off is noticed. Nothing of
//! a piece is handed on before it was found to be true. A key seals one stream and never another.

use std::io::{self, Read, Write};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::Zeroizing;

/// Of a piece, in the clear.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// What Poly1305 adds to it (RFC 8439 section 2.8).
const TAG_BYTES: usize = 16;
/// Left of a nonce by the number and the mark of the last piece. The key is another one each time.
const NONCE_PREFIX: [u8; 7] = [0; 7];

/// Seals one stream. It cannot be printed.
#[derive(Clone)]
pub struct StreamKey(Zeroizing<[u8; 32]>);

/// Why a stream does not open. What was handed on by then is a true beginning.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was changed or cut off, or is another stream.
    #[error("it is not what was sealed")]
    Damaged,
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("nobody takes it")]
    Write(#[source] io::Error),
}

impl StreamKey {
    /// # Errors
    /// When the kernel gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self(key))
    }

    /// `None` when these are not as many bytes as a key has.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }

    /// To be sealed itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals everything until the end of `plain`, for whoever says the same `context`; returns how many bytes were written.
    ///
    /// # Errors
    /// When one side cannot be read or written.
    pub fn seal(&self, context: &[u8], plain: &mut dyn Read, sealed: &mut dyn Write) -> io::Result<u64> {
        let mut sealer = EncryptorBE32::<ChaCha20Poly1305>::new((&*self.0).into(), &NONCE_PREFIX.into());
        let too_long = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let (mut piece, mut written) = (Zeroizing::new(Vec::with_capacity(PIECE_BYTES + TAG_BYTES)), 0);
        loop {
            piece.clear();
            plain.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
            if piece.len() < PIECE_BYTES {
                sealer.encrypt_last_in_place(context, &mut *piece).map_err(too_long)?;
                sealed.write_all(&piece)?;
                return Ok(written + piece.len() as u64);
            }
            sealer.encrypt_next_in_place(context, &mut *piece).map_err(too_long)?;
            sealed.write_all(&piece)?;
            written += piece.len() as u64;
        }
    }

    /// Opens what [`StreamKey::seal`] has sealed in this `context`, piece by piece.
    ///
    /// # Errors
    /// When it is not that, or one side cannot be read or written.
    pub fn open(
        &self,
        context: &[u8],
        sealed: &mut dyn Read,
        plain: &mut dyn Write,
    ) -> Result<(), OpenError> {
        let mut opener = DecryptorBE32::<ChaCha20Poly1305>::new((&*self.0).into(), &NONCE_PREFIX.into());
        let full = PIECE_BYTES + TAG_BYTES;
        let mut piece = Zeroizing::new(Vec::with_capacity(full));
        loop {
            piece.clear();
            sealed.take(full as u64).read_to_end(&mut piece).map_err(OpenError::Read)?;
            if piece.len() < full {
                opener.decrypt_last_in_place(context, &mut *piece).map_err(|_| OpenError::Damaged)?;
                return plain.write_all(&piece).map_err(OpenError::Write);
            }
            opener.decrypt_next_in_place(context, &mut *piece).map_err(|_| OpenError::Damaged)?;
            plain.write_all(&piece).map_err(OpenError::Write)?;
        }
    }
}

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONTEXT: &[u8] = b"a VM";
    const SEALED_PIECE: usize = PIECE_BYTES + TAG_BYTES;

    fn sealed(key: &StreamKey, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        let written = key.seal(CONTEXT, &mut { plain }, &mut sealed).unwrap();
        assert_eq!(written, sealed.len() as u64);
        sealed
    }

    /// What was handed on, and whether that is all.
    fn opened(key: &StreamKey, sealed: &[u8]) -> (Vec<u8>, bool) {
        let mut plain = Vec::new();
        match key.open(CONTEXT, &mut { sealed }, &mut plain) {
            Ok(()) => (plain, true),
            Err(OpenError::Damaged) => (plain, false),
            Err(error) => panic!("{error}"),
        }
    }

    /// Three pieces and a bit, none like another.
    fn long() -> Vec<u8> {
        (0..3 * PIECE_BYTES + 1000)
            .map(|at| u8::try_from((at / 7 + at / PIECE_BYTES) % 251).unwrap())
            .collect()
    }

    #[test]
    fn what_was_sealed_opens_and_none_of_it_can_be_read_before() {
        let key = StreamKey::random().unwrap();
        let marker = b"a refresh token";
        let mut plain = long();
        plain[PIECE_BYTES - 4..PIECE_BYTES - 4 + marker.len()].copy_from_slice(marker);
        let sealed = sealed(&key, &plain);
        assert!(memchr(&sealed, marker).is_none() && memchr(&plain, marker).is_some());
        assert_eq!(opened(&key, &sealed), (plain, true));
    }

    fn memchr(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
        bytes.windows(wanted.len()).position(|window| window == wanted)
    }

    #[test]
    fn a_length_of_whole_pieces_has_an_end_too() {
        let key = StreamKey::random().unwrap();
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES] {
            let plain = vec![7; length];
            let sealed = sealed(&key, &plain);
            assert_eq!(sealed.len(), length + (length / PIECE_BYTES + 1) * TAG_BYTES);
            assert_eq!(opened(&key, &sealed), (plain, true), "{length}");
        }
    }

    #[test]
    fn an_end_that_was_cut_off_is_noticed_wherever_it_was_cut() {
        let key = StreamKey::random().unwrap();
        let (plain, mut cut) = (long(), sealed(&key, &long()));
        for length in [cut.len() - 1, 3 * SEALED_PIECE, 2 * SEALED_PIECE, SEALED_PIECE + 5, 16, 0] {
            cut.truncate(length);
            let (beginning, whole) = opened(&key, &cut);
            assert!(!whole && plain.starts_with(&beginning), "{length}");
        }
        let mut longer = sealed(&key, &plain);
        longer.push(0);
        assert!(!opened(&key, &longer).1);
    }

    #[test]
    fn a_piece_in_the_place_of_another_is_noticed_before_anything_of_it_is_handed_on() {
        let key = StreamKey::random().unwrap();
        let (plain, true_one) = (long(), sealed(&key, &long()));
        let pieces: Vec<&[u8]> = true_one.chunks(SEALED_PIECE).collect();
        let orders: [&[usize]; 5] = [&[1, 0, 2, 3], &[0, 0, 1, 2, 3], &[0, 2, 3], &[0, 1, 3, 2], &[3]];
        for order in orders {
            let swapped: Vec<u8> = order.iter().flat_map(|at| pieces[*at].iter().copied()).collect();
            let (beginning, whole) = opened(&key, &swapped);
            let agrees = order.iter().enumerate().take_while(|(at, piece)| at == *piece).count();
            assert!(!whole, "{order:?}");
            assert_eq!(beginning, plain[..agrees.min(3) * PIECE_BYTES], "{order:?}");
        }
    }

    #[test]
    fn it_opens_with_its_own_key_and_in_its_own_context_only() {
        let [key, other] = [(); 2].map(|()| StreamKey::random().unwrap());
        let sealed = sealed(&key, b"memory");
        assert_eq!(opened(&other, &sealed), (Vec::new(), false));
        let elsewhere = key.open(b"another VM", &mut &sealed[..], &mut io::sink());
        assert!(matches!(elsewhere, Err(OpenError::Damaged)));
        assert!(!format!("{key:?}").contains(&format!("{:?}", key.0[0])));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_changed_bit_is_noticed_wherever_it_is(length in 0..2 * PIECE_BYTES + 99, at in any::<prop::sample::Index>(),
                                                   bit in 0..8) {
            let key = StreamKey::random().unwrap();
            let plain: Vec<u8> = long().into_iter().take(length).collect();
            let mut changed = sealed(&key, &plain);
            let at = at.index(changed.len());
            changed[at] ^= 1u8 << bit;
            let (beginning, whole) = opened(&key, &changed);
            prop_assert!(!whole);
            prop_assert_eq!(beginning, &plain[..at / SEALED_PIECE * PIECE_BYTES]);
        }
    }
}
