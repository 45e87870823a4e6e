//! Every secret that passed through the provider, so that a test can search logs, files and processes for them.
//!
//! Only a provider of made-up accounts may keep such a thing.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::idp::tickets::SignInNumber;
use crate::secret::Secret;

/// Older entries are forgotten.
const CAPACITY: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub sign_in: SignInNumber,
    pub kind: SecretKind,
    pub secret: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    State,
    /// What a client without a browser asks for its tokens with.
    DeviceCode,
    /// What the person types for such a client.
    UserCode,
    Code,
    Verifier,
    AccessToken,
    RefreshToken,
    IdToken,
    ApiKey,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<VecDeque<Entry>>);

impl Ledger {
    pub(crate) fn enter(&self, sign_in: SignInNumber, kind: SecretKind, secret: &Secret) {
        let mut entries = self.entries();
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(Entry { sign_in, kind, secret: secret.clone() });
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries().iter().cloned().collect()
    }

    /// The sign-in a secret of this kind belongs to.
    pub(crate) fn owner(&self, kind: SecretKind, secret: &Secret) -> Option<SignInNumber> {
        self.entries()
            .iter()
            .find(|entry| entry.kind == kind && entry.secret == *secret)
            .map(|entry| entry.sign_in)
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
