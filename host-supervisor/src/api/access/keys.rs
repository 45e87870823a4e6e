//! The keys that the API takes: the local one, whose text is a file for the users of this machine's command line, and those of the
//! store, of which only digests are kept.
//!
//! ```text
//!  anteroom_1a2b3c4d_5f0e…   what a program sends; told once, when the key is made
//!           │        └── the secret, 64 hexadecimal digits
//!           └── the id, by which people know the key and the table finds it
//! ```
//! All of them are in memory, because every call asks for one.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::token;
use crate::{
    failure::causes,
    mac::MacKey,
    store::{ApiKeyId, ApiKeyRecord, Scopes, Store, StoreError},
};

const PREFIX: &str = "anteroom_";
/// How often it is written down when keys were used last.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// A key that counts now.
#[derive(Debug, Clone)]
pub(in crate::api) struct Key {
    /// None has the local key.
    pub(super) id: Option<ApiKeyId>,
    pub(super) name: String,
    pub(super) scopes: Scopes,
    /// Cookies are made with it, so that they end with their key.
    pub(super) digest: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum MakeKeyError {
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug)]
pub(super) struct Keys {
    local: Key,
    local_mac: MacKey,
    store: Store,
    known: RwLock<HashMap<ApiKeyId, Known>>,
}

#[derive(Debug)]
struct Known {
    record: ApiKeyRecord,
    /// What the store does not know yet.
    used: Option<OffsetDateTime>,
}

impl Keys {
    pub(super) async fn load(store: Store, local_mac: MacKey, local_key: &str) -> Result<Self, StoreError> {
        let local = Key {
            id: None,
            name: "local key".to_owned(),
            scopes: Scopes::everything(),
            digest: *local_mac.tag(local_key.as_bytes()),
        };
        let records = store.api_key_list().await?;
        let known = records.into_iter().map(|record| (record.id.clone(), Known { record, used: None }));
        Ok(Self { local, local_mac, known: RwLock::new(known.collect()), store })
    }

    /// Whose text this is.
    pub(super) fn find(&self, text: &str) -> Option<Key> {
        if let Some((id, secret)) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) {
            let id = id.parse().ok()?;
            return self.counting(&id).filter(|key| verifies(&id, secret, &key.digest));
        }
        self.local_mac.verifies(text.as_bytes(), &self.local.digest).then(|| self.local.clone())
    }

    /// The key of this id, or the local one, as long as it counts; whoever asks knows from elsewhere that its holder is calling.
    pub(super) fn of(&self, id: Option<&ApiKeyId>) -> Option<Key> {
        id.map_or_else(|| Some(self.local.clone()), |id| self.counting(id))
    }

    fn counting(&self, id: &ApiKeyId) -> Option<Key> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let record = &known.get(id)?.record;
        let over = record.expires_at.is_some_and(|end| end <= OffsetDateTime::now_utc());
        (record.revoked_at.is_none() && !over).then(|| Key {
            id: Some(record.id.clone()),
            name: record.name.clone(),
            scopes: record.scopes.clone(),
            digest: record.digest,
        })
    }

    /// Another key, and its text.
    pub(super) async fn make(
        &self,
        name: String,
        scopes: Scopes,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(ApiKeyRecord, Zeroizing<String>), MakeKeyError> {
        let id = ApiKeyId::random()?;
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret)?;
        let secret = token::to_hex(&secret);
        let record = ApiKeyRecord {
            digest: digest(&id, &secret),
            id,
            name,
            scopes,
            created_at: OffsetDateTime::now_utc(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        self.store.api_key_insert(&record).await?;
        let text = Zeroizing::new(format!("{PREFIX}{}_{}", record.id, *secret));
        self.change(|known| {
            known.insert(record.id.clone(), Known { record: record.clone(), used: None });
        });
        Ok((record, text))
    }

    /// Nobody comes in with it from now on; `None` when there is no such key.
    pub(super) async fn revoke(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let now = OffsetDateTime::now_utc();
        let known = self.change(|known| known.contains_key(id));
        if !known {
            return Ok(None);
        }
        self.store.api_key_revoke(id, now).await?;
        Ok(self.change(|known| {
            let record = &mut known.get_mut(id)?.record;
            record.revoked_at.get_or_insert(now);
            Some(record.clone())
        }))
    }

    pub(super) fn list(&self) -> Vec<ApiKeyRecord> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<ApiKeyRecord> = known
            .values()
            .map(|Known { record, used }| ApiKeyRecord {
                last_used_at: used.or(record.last_used_at),
                ..record.clone()
            })
            .collect();
        records.sort_by(|a, b| (a.created_at, a.id.as_str()).cmp(&(b.created_at, b.id.as_str())));
        records
    }

    /// Takes note that it was used, once in a while: calls come by the thousand.
    pub(super) fn used(&self, id: &ApiKeyId) {
        let now = OffsetDateTime::now_utc();
        let fresh = |known: &Known| known.used.is_some_and(|used| now - used < NOTE_EVERY);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(id).is_none_or(fresh) {
            return;
        }
        drop(known);
        self.change(|known| {
            if let Some(known) = known.get_mut(id) {
                known.used = Some(now);
            }
        });
    }

    /// Writes down when keys were used last, until `stop` and then once more.
    pub(super) async fn note_uses(&self, stop: CancellationToken) {
        let mut since = OffsetDateTime::now_utc();
        loop {
            let stopped = stop.run_until_cancelled(sleep(NOTE_EVERY)).await.is_none();
            let now = OffsetDateTime::now_utc();
            let used = self.change(|known| {
                let used = known.values().filter_map(|known| Some((known.record.id.clone(), known.used?)));
                used.filter(|(_, at)| *at >= since).collect::<Vec<_>>()
            });
            since = now;
            if let Err(error) = self.store.api_keys_used(&used).await {
                tracing::warn!(cause = causes(&error), "when API keys were used last is not written down");
            }
            if stopped {
                return;
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<ApiKeyId, Known>) -> T) -> T {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn mac(id: &ApiKeyId) -> Option<MacKey> {
    MacKey::of_bytes(id.as_str().as_bytes())
}

/// A random secret of 256 bits cannot be guessed, so one round of a hash is enough (NIST SP 800-63B, section 5.1.2.2).
fn digest(id: &ApiKeyId, secret: &str) -> [u8; 32] {
    mac(id).map(|mac| *mac.tag(secret.as_bytes())).unwrap_or_default()
}

fn verifies(id: &ApiKeyId, secret: &str, digest: &[u8; 32]) -> bool {
    mac(id).is_some_and(|mac| mac.verifies(secret.as_bytes(), digest))
}
