//! Another master key for everything that is sealed, while no daemon runs.
//!
//! ```text
//!  lock ─▶ begun: key.next is on the disk ─▶ re-sealed, in one transaction ─▶ key.next becomes key
//!                     │                              │
//!                     └── killed here: a daemon, and the next rotation, have both keys
//! ```
//! A key of the environment cannot be replaced from here. There the operator gives the next one as well, and makes it
//! the present one when everything is sealed with it.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anteroom_protocol::VmId;

use super::lock::{Lock, LockError};
use crate::{
    store::{CredentialRecord, HibernationRecord, Store, StoreError},
    vault::{KeyError, KeyRing, KeyTexts, MasterKey, Owner, Sealed, Vault, VaultError},
};

#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{credentials} sealed with the key {key_id}, which is neither the present one ({present}) nor the next; \
         nothing was changed"
    )]
    UnknownKey { credentials: Count, key_id: String, present: String },
    #[error(
        "the master key is in {present}, where it cannot be replaced from here: put a new one into {next} beside it, \
         rotate, then move it to {present}",
        present = MasterKey::VARIABLE, next = MasterKey::NEXT_VARIABLE
    )]
    KeyOfEnvironment,
    #[error("{} holds the present key, not another one", MasterKey::NEXT_VARIABLE)]
    SameKey,
    #[error("the credentials of session {session}; nothing was changed. `anteroom session rm` removes them")]
    Credentials {
        session: String,
        #[source]
        source: VaultError,
    },
    #[error("the memory of VM {vm}; nothing was changed")]
    Memory {
        vm: VmId,
        #[source]
        source: VaultError,
    },
}

/// A number of credentials, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => f.write_str("1 credential is"),
            many => write!(f, "{many} credentials are"),
        }
    }
}

/// A rotation under way: it has the lock, and the next key is safe.
#[derive(Debug)]
pub struct Rotation {
    state_directory: PathBuf,
    store: Store,
    vault: Vault,
    from: String,
    next: Vault,
    retires: Retires,
    _lock: Lock,
}

/// What ends the use of the old key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retires {
    /// Its file is replaced by that of the new one.
    File,
    /// The operator moves the new one to the variable.
    Operator,
}

/// What came of it.
#[derive(Debug)]
pub struct Rotated {
    pub from: String,
    pub to: String,
    pub resealed: u64,
    pub retires: Retires,
}

impl Rotation {
    /// Takes the daemon's lock and sees to it that there is a next key and that everything can be opened.
    ///
    /// # Errors
    /// When a daemon runs, or something is sealed with a key that is not here; then nothing has changed.
    pub async fn begin(state_directory: &Path, texts: KeyTexts<'_>) -> Result<Self, RotationError> {
        let lock = Lock::take(state_directory, "rotates the master key")?;
        let store = Store::open(state_directory).await?;
        let mut ring = KeyRing::load(state_directory, texts)?;
        let retires = match texts {
            KeyTexts { next: Some(_), .. } => Retires::Operator,
            KeyTexts { present: None, .. } => Retires::File,
            KeyTexts { present: Some(_), next: None } => return Err(RotationError::KeyOfEnvironment),
        };
        let (from, vault) = (ring.present.id(), Vault::of(&ring));
        for (key_id, count) in store.credentials_by_key().await? {
            if key_id != from && ring.next.as_ref().is_none_or(|next| next.id() != key_id) {
                return Err(RotationError::UnknownKey { credentials: Count(count), key_id, present: from });
            }
        }
        let next = Vault::new(ring.make_next(state_directory)?);
        if next.key_id() == from {
            return Err(RotationError::SameKey);
        }
        let state_directory = state_directory.to_owned();
        Ok(Self { state_directory, store, vault, from, next, retires, _lock: lock })
    }

    /// Seals everything with the next key that is not sealed with it yet, all of it or nothing. `progress` hears how
    /// many are done.
    ///
    /// # Errors
    /// When something does not open, or the database does not answer; then nothing has changed.
    pub async fn reseal(&self, mut progress: impl FnMut(u64)) -> Result<u64, RotationError> {
        let mut done = 0;
        let reseal = |record: &CredentialRecord| {
            let sealed = self.reseal_one(record)?;
            done += 1;
            progress(done);
            Ok::<_, RotationError>(sealed)
        };
        self.store.hibernations_reseal(self.next.key_id(), |record| self.reseal_memory(record)).await?;
        self.store.credentials_reseal(self.next.key_id(), reseal).await
    }

    /// A VM whose memory opens with none of the keys is lost already, and in nobody's way.
    fn reseal_memory(&self, record: &HibernationRecord) -> Result<Option<Vec<u8>>, RotationError> {
        let sealed = Sealed { key_id: record.key_id.clone(), bytes: record.sealed.clone() };
        let Ok(key) = self.vault.open_stream_key(record.vm, &sealed) else { return Ok(None) };
        let resealed = self.next.seal_stream_key(record.vm, &key);
        Ok(Some(resealed.map_err(|source| RotationError::Memory { vm: record.vm, source })?.bytes))
    }

    fn reseal_one(&self, record: &CredentialRecord) -> Result<Vec<u8>, RotationError> {
        let session = record.session_id;
        let of_session = |source| RotationError::Credentials { session: session.to_string(), source };
        let owner = Owner { user_id: &record.user_id, provider: &record.provider, session };
        let sealed = Sealed { key_id: record.key_id.clone(), bytes: record.sealed.clone() };
        let plain = self.vault.open(owner, &sealed).map_err(of_session)?;
        Ok(self.next.seal(owner, &plain).map_err(of_session)?.bytes)
    }

    /// Makes the next key the present one, after [`Rotation::reseal`].
    ///
    /// # Errors
    /// When its file cannot be renamed; everything stays readable, and the next rotation goes on from there.
    pub async fn retire(self, resealed: u64) -> Result<Rotated, RotationError> {
        self.store.close().await;
        if self.retires == Retires::File {
            KeyRing::retire_present(&self.state_directory)?;
        }
        Ok(Rotated { from: self.from, to: self.next.key_id().to_owned(), resealed, retires: self.retires })
    }
}

/// One line of `anteroom key show`.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeyUse {
    pub key_id: String,
    pub role: KeyRole,
    pub credentials: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Seals.
    Present,
    /// A rotation to it is under way.
    Next,
    /// Something is sealed with it, but it is not here.
    Missing,
}

/// Which keys there are and what each of them seals. Needs no lock and makes nothing.
///
/// # Errors
/// When a key is malformed or the database cannot be read.
pub async fn keys_in_use(state_directory: &Path, texts: KeyTexts<'_>) -> Result<Vec<KeyUse>, RotationError> {
    let ring = KeyRing::find(state_directory, texts)?;
    let mut counts = match Store::look(state_directory).await? {
        Some(store) => {
            let counts = store.credentials_by_key().await?;
            store.close().await;
            counts
        }
        None => std::collections::BTreeMap::new(),
    };
    let mut uses = Vec::new();
    if let Some(ring) = ring {
        let next = ring.next.map(|key| (key, KeyRole::Next));
        for (key, role) in std::iter::once((ring.present, KeyRole::Present)).chain(next) {
            let credentials = counts.remove(&key.id()).unwrap_or_default();
            uses.push(KeyUse { key_id: key.id(), role, credentials });
        }
    }
    let missing = |(key_id, credentials)| KeyUse { key_id, role: KeyRole::Missing, credentials };
    uses.extend(counts.into_iter().map(missing));
    Ok(uses)
}
