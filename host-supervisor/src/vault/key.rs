//! A master key: 256 random bits from the environment or a file beside the database, made at the first start.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    mac::MacKey,
    private_file::{self, PrivateFileError},
};

/// A key that other keys are derived from. It is never used itself and cannot be printed.
pub struct MasterKey(Zeroizing<[u8; 32]>);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the master key")]
    File(#[from] PrivateFileError),
    /// Never quotes the text.
    #[error(
        "{origin} is no master key: expected 32 bytes in base64 (44 characters), as `openssl rand -base64 32` prints"
    )]
    Malformed { origin: String },
    #[error("no random numbers from the kernel")]
    NoRandomness(#[source] getrandom::Error),
}

impl MasterKey {
    pub const FILE_NAME: &str = "key";
    pub const VARIABLE: &str = "ANTEROOM_MASTER_KEY";
    /// Where a rotation keeps the key that it rotates to, until that is the present one.
    pub const NEXT_FILE_NAME: &str = "key.next";
    pub const NEXT_VARIABLE: &str = "ANTEROOM_MASTER_KEY_NEXT";

    /// The key of this file, which is made when it is missing.
    pub(super) fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        let fresh = Self::random()?;
        let text = private_file::read_or_make(path, || Zeroizing::new(STANDARD.encode(*fresh.0)))?;
        Self::parse(&text, || path.display().to_string())
    }

    /// The key of this file, when there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let text = private_file::read(path)?;
        text.map(|text| Self::parse(&text, || path.display().to_string())).transpose()
    }

    /// # Errors
    /// When the kernel gives no random numbers.
    pub fn random() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(KeyError::NoRandomness)?;
        Ok(Self(key))
    }

    pub(super) fn parse(text: &str, origin: impl FnOnce() -> String) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).unwrap_or_default();
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(Self(Zeroizing::new(key))),
            Err(_) => Err(KeyError::Malformed { origin: origin() }),
        }
    }

    /// A key for one purpose. Keys of different purposes say nothing about one another.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        MacKey::new(&self.0).tag(purpose.as_bytes())
    }

    /// Names the key: sixteen hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.derive("anteroom key id")[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}
