//! Credentials that come out of a guest: checked as if the guest were an enemy, then made ready for the vault.

use std::collections::{BTreeMap, BTreeSet};

use anteroom_protocol::{
    ProviderDefinition, Secret, SessionId,
    agent::{CapturedCredentials, CapturedFile},
    provider::{CredentialProblem, CredentialRule},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

mod sealed;
#[cfg(test)]
mod tests;

pub use sealed::{OpenError, SealError, open, seal};

/// Why captured credentials are refused. Never holds a value of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    #[error("the guest answered with credentials of {what} instead of this session's")]
    Foreign { what: &'static str },
    #[error("the guest sent {files} files, at most {most} are taken", most = CapturedCredentials::MAX_FILES)]
    TooManyFiles { files: usize },
    #[error("the guest sent a file that the provider's definition does not name")]
    Unexpected,
    #[error("the guest sent {path} twice")]
    Twice { path: String },
    #[error(transparent)]
    Contents(#[from] CredentialProblem),
    #[error("{path} is missing, which the sign-in should have written")]
    Missing { path: String },
    #[error("{path} is not UTF-8 text")]
    NotText { path: String },
}

/// Credentials that hold what their provider's definition asks for.
#[derive(Debug)]
pub struct Accepted {
    pub generation: u64,
    /// The file that proves the sign-in.
    pub proof: String,
    /// When the guest says that it was written; its clock is as little to be trusted as the rest.
    pub modified_at: OffsetDateTime,
    files: Vec<AcceptedFile>,
}

/// One file, as it is sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcceptedFile {
    /// Relative to the home directory.
    pub path: String,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    pub contents: Secret,
}

/// Checks what a guest sent against the definition, file by file, and keeps what the definition keeps.
///
/// # Errors
/// With the first thing that is wrong.
pub fn accept(
    definition: &ProviderDefinition,
    session: SessionId,
    captured: &CapturedCredentials,
) -> Result<Accepted, CaptureError> {
    accept_those(definition, session, captured, CredentialRule::is_proof)
}

/// The same, of a guest without a terminal that anything could be read off.
///
/// # Errors
/// With the first thing that is wrong.
pub fn accept_files(
    definition: &ProviderDefinition,
    session: SessionId,
    captured: &CapturedCredentials,
) -> Result<Accepted, CaptureError> {
    accept_those(definition, session, captured, |rule| rule.is_proof() && !rule.is_shown())
}

fn accept_those(
    definition: &ProviderDefinition,
    session: SessionId,
    captured: &CapturedCredentials,
    is_needed: impl Fn(&CredentialRule) -> bool,
) -> Result<Accepted, CaptureError> {
    if captured.session != session {
        return Err(CaptureError::Foreign { what: "another session" });
    }
    if captured.provider != definition.id {
        return Err(CaptureError::Foreign { what: "another provider" });
    }
    if captured.files.len() > CapturedCredentials::MAX_FILES {
        return Err(CaptureError::TooManyFiles { files: captured.files.len() });
    }
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for file in &captured.files {
        let accepted = accept_file(definition, file)?;
        if !seen.insert(file.path.as_str()) {
            return Err(CaptureError::Twice { path: file.path.clone() });
        }
        files.push(accepted);
    }
    let mut proofs = definition.credential.iter().filter(|rule| is_needed(rule)).map(|rule| &rule.path);
    if let Some(path) = proofs.clone().find(|path| !seen.contains(path.as_str())) {
        return Err(CaptureError::Missing { path: path.clone() });
    }
    let proof = proofs.next().cloned().unwrap_or_default();
    let modified_at = modified_at(captured, &proof);
    Ok(Accepted { generation: captured.generation, proof, modified_at, files })
}

fn accept_file(definition: &ProviderDefinition, file: &CapturedFile) -> Result<AcceptedFile, CaptureError> {
    let rule =
        definition.credential.iter().find(|rule| rule.path == file.path).ok_or(CaptureError::Unexpected)?;
    let contents = Secret::new(rule.accept(file.contents.expose())?);
    if contents.expose_str().is_none() {
        return Err(CaptureError::NotText { path: rule.path.clone() });
    }
    Ok(AcceptedFile { path: rule.path.clone(), mode: file.mode & 0o777, contents })
}

fn modified_at(captured: &CapturedCredentials, proof: &str) -> OffsetDateTime {
    let of_proof = captured.files.iter().find(|file| file.path == proof).map(|file| file.modified_unix_ms);
    let nanoseconds = i128::from(of_proof.unwrap_or_default()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl Accepted {
    /// Whether a CLI would find the same.
    #[must_use]
    pub fn holds(&self, files: &[AcceptedFile]) -> bool {
        self.files.len() == files.len()
            && self.files.iter().zip(files).all(|(ours, theirs)| {
                ours.path == theirs.path && ours.contents.expose() == theirs.contents.expose()
            })
    }

    /// Path and length in bytes of each file.
    #[must_use]
    pub fn sizes(&self) -> Vec<(String, usize)> {
        self.files.iter().map(|file| (file.path.clone(), file.contents.len())).collect()
    }

    /// The one piece of plaintext that goes into the vault.
    ///
    /// # Errors
    /// Never in practice: everything in it can be written as JSON.
    pub fn to_plain(&self) -> Result<Secret, serde_json::Error> {
        // The room is made at once, so that no copy is left behind by a growing buffer.
        let room = self.files.iter().map(|file| 2 * file.contents.len() + file.path.len() + 128).sum();
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *text, &self.files)?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    }
}

impl AcceptedFile {
    /// As if it came out of a guest that wrote it then.
    #[must_use]
    pub fn into_captured(self, modified_at: OffsetDateTime) -> CapturedFile {
        let modified_unix_ms = u64::try_from(modified_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        CapturedFile { path: self.path, mode: self.mode, modified_unix_ms, contents: self.contents }
    }
}

/// Reads what [`Accepted::to_plain`] wrote.
///
/// # Errors
/// When it was written by something else.
pub fn from_plain(plain: &Secret) -> Result<Vec<AcceptedFile>, serde_json::Error> {
    serde_json::from_slice(plain.expose())
}

/// The files as the API gives them out: path to contents, JSON where a file is JSON.
#[must_use]
pub fn contents_by_path(files: &[AcceptedFile]) -> BTreeMap<String, serde_json::Value> {
    let value = |file: &AcceptedFile| {
        serde_json::from_slice(file.contents.expose())
            .unwrap_or_else(|_| String::from_utf8_lossy(file.contents.expose()).into())
    };
    files.iter().map(|file| (file.path.clone(), value(file))).collect()
}
