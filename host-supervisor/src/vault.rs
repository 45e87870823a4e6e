//! What is secret at rest: sealed with XChaCha20-Poly1305 under a key that is not in the database.
//!
//! ```text
//!  master key ─┬─▶ credentials    each by itself, for its user, provider and session
//!              └─▶ stream keys    each by itself, for its VM ─▶ the memory of a VM that hibernates (`sealed-stream`)
//! ```
//! The associated data says whose it is, so that a row that was moved to another user, provider, session or VM does not open.
//! Nothing here can be printed.

mod key;
mod ring;
#[cfg(test)]
mod tests;

use anteroom_protocol::{Secret, SessionId, VmId};
use anteroom_sealed_stream::StreamKey;
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};

pub use key::{KeyError, MasterKey};
pub use ring::{KeyRing, KeyTexts};

/// Bytes of an XChaCha20 nonce: long enough to be drawn at random for every sealing.
const NONCE_BYTES: usize = 24;

/// Seals under one key and, while a rotation is under way, opens under two.
pub struct Vault {
    sealing: NamedCipher,
    next: Option<NamedCipher>,
}

struct NamedCipher {
    key_id: String,
    credentials: XChaCha20Poly1305,
    stream_keys: XChaCha20Poly1305,
}

/// Which of a master key's ciphers.
type Purpose = fn(&NamedCipher) -> &XChaCha20Poly1305;

/// Whose credentials they are.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub user_id: &'a str,
    pub provider: &'a str,
    pub session: SessionId,
}

/// Nonce and ciphertext, with the name of the key that opens them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("sealed with the key {sealed_with}, but this daemon has the key {present}")]
    AnotherKey { sealed_with: String, present: String },
    /// The bytes were changed, or belong to another user, provider or session.
    #[error("the sealed bytes are damaged or belong to somebody else")]
    Damaged,
    #[error("no random numbers from the kernel")]
    NoRandomness(#[source] getrandom::Error),
}

impl Vault {
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self { sealing: NamedCipher::of(key), next: None }
    }

    /// Seals with the present key, and opens what a rotation that was interrupted has sealed with the next one.
    #[must_use]
    pub fn of(ring: &KeyRing) -> Self {
        Self { sealing: NamedCipher::of(&ring.present), next: ring.next.as_ref().map(NamedCipher::of) }
    }

    /// Names the key that seals without telling anything about it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.sealing.key_id
    }

    /// # Errors
    /// Only when the kernel gives no random numbers.
    pub fn seal(&self, owner: Owner<'_>, plain: &Secret) -> Result<Sealed, VaultError> {
        self.sealed(|key| &key.credentials, &owner.associated_data(), plain)
    }

    /// # Errors
    /// When the key is another one, or the bytes are not what was sealed for this owner.
    pub fn open(&self, owner: Owner<'_>, sealed: &Sealed) -> Result<Secret, VaultError> {
        self.opened(|key| &key.credentials, &owner.associated_data(), sealed)
    }

    /// # Errors
    /// Only when the kernel gives no random numbers.
    pub fn seal_stream_key(&self, vm: VmId, key: &StreamKey) -> Result<Sealed, VaultError> {
        self.sealed(|key| &key.stream_keys, vm.to_string().as_bytes(), &Secret::new(*key.expose()))
    }

    /// # Errors
    /// When the master key is another one, or the bytes are not what was sealed for this VM.
    pub fn open_stream_key(&self, vm: VmId, sealed: &Sealed) -> Result<StreamKey, VaultError> {
        let secret = self.opened(|key| &key.stream_keys, vm.to_string().as_bytes(), sealed)?;
        StreamKey::from_bytes(secret.expose()).ok_or(VaultError::Damaged)
    }

    fn sealed(&self, purpose: Purpose, whose: &[u8], plain: &Secret) -> Result<Sealed, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(VaultError::NoRandomness)?;
        let payload = Payload { msg: plain.expose(), aad: whose };
        let cipher = purpose(&self.sealing);
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Damaged)?;
        Ok(Sealed { key_id: self.sealing.key_id.clone(), bytes: [&nonce[..], &sealed].concat() })
    }

    fn opened(&self, purpose: Purpose, whose: &[u8], sealed: &Sealed) -> Result<Secret, VaultError> {
        let mut keys = std::iter::once(&self.sealing).chain(&self.next);
        let key = keys.find(|key| key.key_id == sealed.key_id).ok_or_else(|| VaultError::AnotherKey {
            sealed_with: sealed.key_id.clone(),
            present: self.sealing.key_id.clone(),
        })?;
        let (nonce, bytes) = sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
        let payload = Payload { msg: bytes, aad: whose };
        let opened = purpose(key).decrypt(&XNonce::from(*nonce), payload);
        opened.map(Secret::new).map_err(|_| VaultError::Damaged)
    }
}

impl NamedCipher {
    fn of(key: &MasterKey) -> Self {
        let cipher = |purpose| XChaCha20Poly1305::new((&*key.derive(purpose)).into());
        let (credentials, stream_keys) =
            (cipher("anteroom credentials v1"), cipher("anteroom stream keys v1"));
        Self { key_id: key.id(), credentials, stream_keys }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("key_id", &self.sealing.key_id).finish_non_exhaustive()
    }
}

impl Owner<'_> {
    /// Every part with its length before it, so that no two owners have the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let session = self.session.to_string();
        [self.user_id, self.provider, &session]
            .iter()
            .flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.bytes()))
            .collect()
    }
}
