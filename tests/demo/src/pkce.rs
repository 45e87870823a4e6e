//! Proof Key for Code Exchange (RFC 7636), method S256, the only one OAuth 2.1 leaves.
//!
//! The client keeps a [`Verifier`] and sends its [`Challenge`] with the authorize request; whoever redeems the code must
//! show the verifier. The method `plain` does not exist here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::secret::{NoRandomness, Secret};

/// The name of the method in `code_challenge_method`.
pub const METHOD: &str = "S256";

/// RFC 7636 section 4.1.
const VERIFIER_LENGTHS: std::ops::RangeInclusive<usize> = 43..=128;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    #[error("code_verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
    Verifier,
    #[error("code_challenge must be a SHA-256 digest as 43 characters of base64url")]
    Challenge,
}

/// The secret half: 43 to 128 unreserved characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier(Secret);

impl Verifier {
    /// # Errors
    /// When the kernel has no random numbers to give.
    pub fn random() -> Result<Self, NoRandomness> {
        Secret::random().map(Self)
    }

    /// # Errors
    /// [`PkceError::Verifier`] on a wrong length or a character outside RFC 7636's alphabet.
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if VERIFIER_LENGTHS.contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(Secret::new(text)))
        } else {
            Err(PkceError::Verifier)
        }
    }

    pub fn challenge(&self) -> Challenge {
        Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.reveal())))
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// The public half: base64url(SHA-256(verifier)), 43 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// # Errors
    /// [`PkceError::Challenge`] unless the text is the canonical base64url form of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        // The length first: what is decoded is bounded.
        if text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|digest| digest.len() == 32) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PkceError::Challenge)
        }
    }

    pub fn is_met_by(&self, verifier: &Verifier) -> bool {
        verifier.challenge() == *self
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
