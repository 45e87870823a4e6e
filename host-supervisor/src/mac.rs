//! Keyed hashes (HMAC-SHA256, RFC 2104): keys of one purpose out of a master key, and tokens that need no table.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key for making and checking tags. It cannot be printed.
#[derive(Clone)]
pub(crate) struct MacKey(Zeroizing<[u8; 64]>);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // RFC 2104, section 2: a key shorter than the hash's block is padded with zeros.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(key);
        Self(block)
    }

    /// A key of any length up to the hash's block, 64 bytes; `None` when it is longer.
    pub(crate) fn of_bytes(key: &[u8]) -> Option<Self> {
        let mut block = Zeroizing::new([0; 64]);
        block.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self(block))
    }

    pub(crate) fn tag(&self, text: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac(text).finalize().into_bytes().into())
    }

    /// Takes the same time wherever the tags differ.
    pub(crate) fn verifies(&self, text: &[u8], tag: &[u8; 32]) -> bool {
        self.mac(text).verify_slice(tag).is_ok()
    }

    fn mac(&self, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new((&*self.0).into());
        mac.update(text);
        mac
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_that_of_the_standard() {
        // RFC 4231, test case 2, whose key "Jefe" is padded with zeros by definition.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let tag = MacKey::new(&key).tag(b"what do ya want for nothing?");
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn a_key_of_bytes_is_padded_and_has_a_longest_length() {
        let (short, array) = (MacKey::of_bytes(b"Jefe").unwrap(), MacKey::of_bytes(&[7; 32]).unwrap());
        assert_eq!(short.tag(b"what do ya want for nothing?")[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(array.tag(b"x"), MacKey::new(&[7; 32]).tag(b"x"));
        assert!(MacKey::of_bytes(&[0; 64]).is_some() && MacKey::of_bytes(&[0; 65]).is_none());
    }

    #[test]
    fn only_the_same_text_under_the_same_key_verifies() {
        let (ours, theirs) = (MacKey::new(&[1; 32]), MacKey::new(&[2; 32]));
        let tag = ours.tag(b"text");
        assert!(ours.verifies(b"text", &tag));
        assert!(!ours.verifies(b"texts", &tag) && !theirs.verifies(b"text", &tag));
    }
}
