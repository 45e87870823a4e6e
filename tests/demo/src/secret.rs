//! Values that open doors: codes, tokens, state, verifiers. They can be compared and revealed on purpose, never printed
//! by accident.
//!
//! Not a vault: the memory is not wiped, since every account here is made up.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The kernel gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("no random numbers from the kernel")]
pub struct NoRandomness(#[from] getrandom::Error);

/// A secret string. Its `Debug` shows nothing of it, there is no `Display`, and it is not serialized unless a field says
/// so with [`Secret::serialize_revealed`].
#[derive(Clone, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// 256 bits of randomness as 43 characters of base64url, the form that fits URLs, JSON and PKCE verifiers alike.
    ///
    /// # Errors
    /// When the kernel has no random numbers to give.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    #[must_use]
    pub(crate) fn prefixed(&self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }

    /// The value itself, for the one place that has to send or store it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// For `#[serde(serialize_with)]`, in the one file that is there to hold it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_revealed<S: serde::Serializer>(secret: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests;
