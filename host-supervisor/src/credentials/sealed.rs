//! Between what was accepted and the rows of the store: sealed for its user, provider and session.

use time::OffsetDateTime;

use super::{Accepted, AcceptedFile, from_plain};
use crate::{
    store::CredentialRecord,
    vault::{Owner, Sealed, Vault, VaultError},
};

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the credentials cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the sealed credentials were written by another version")]
    OtherVersion,
}

/// Makes a row that is as old as this moment.
///
/// # Errors
/// Only when the kernel gives no random numbers.
pub fn seal(vault: &Vault, owner: Owner<'_>, accepted: &Accepted) -> Result<CredentialRecord, SealError> {
    let sealed = vault.seal(owner, &accepted.to_plain().map_err(SealError::Json)?)?;
    Ok(CredentialRecord {
        session_id: owner.session,
        user_id: owner.user_id.to_owned(),
        provider: owner.provider.to_owned(),
        generation: accepted.generation,
        path: accepted.proof.clone(),
        modified_at: accepted.modified_at,
        created_at: OffsetDateTime::now_utc(),
        key_id: sealed.key_id,
        sealed: sealed.bytes,
    })
}

/// The files of a row.
///
/// # Errors
/// When another key has sealed them, they are damaged, or another version wrote them.
pub fn open(vault: &Vault, record: &CredentialRecord) -> Result<Vec<AcceptedFile>, OpenError> {
    let owner = Owner { user_id: &record.user_id, provider: &record.provider, session: record.session_id };
    let sealed = Sealed { key_id: record.key_id.clone(), bytes: record.sealed.clone() };
    from_plain(&vault.open(owner, &sealed)?).map_err(|_| OpenError::OtherVersion)
}
