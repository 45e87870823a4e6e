//! Taking the credentials, from their files or as the terminal has shown them, and deciding whether they are complete.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anteroom_protocol::{
    Secret,
    agent::{CapturedCredentials, CapturedFile},
    provider::{CredentialProblem, CredentialRule},
};
use nix::fcntl::OFlag;

/// Why there is nothing to capture yet. Never holds a value of a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Incomplete {
    #[error("~/{0} is not there")]
    Missing(String),
    #[error("the terminal has not shown {0}")]
    NotShown(String),
    #[error("~/{0} cannot be read")]
    Unreadable(String, #[source] io::Error),
    #[error(transparent)]
    NotAccepted(#[from] CredentialProblem),
}

/// A credential that the terminal has shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    text: Secret,
    unix_ms: u64,
}

impl Shown {
    pub(crate) fn now(text: Secret) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { text, unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// All files of the definition: those that prove the sign-in must be there and complete, others come along when they are.
pub(crate) fn collect(
    home: &Path,
    rules: &[CredentialRule],
    shown: &BTreeMap<String, Shown>,
) -> Result<Vec<CapturedFile>, Incomplete> {
    let mut files = Vec::new();
    for rule in rules.iter().take(CapturedCredentials::MAX_FILES) {
        let taken = if rule.is_shown() { from_terminal(rule, shown) } else { from_file(home, rule) };
        match taken {
            Ok(file) => files.push(file),
            Err(problem) if rule.is_proof() => return Err(problem),
            Err(problem) => tracing::debug!("left out: {problem}"),
        }
    }
    Ok(files)
}

fn from_terminal(rule: &CredentialRule, shown: &BTreeMap<String, Shown>) -> Result<CapturedFile, Incomplete> {
    let shown = shown.get(&rule.path).ok_or_else(|| Incomplete::NotShown(rule.path.clone()))?;
    Ok(CapturedFile {
        path: rule.path.clone(),
        mode: 0o600,
        modified_unix_ms: shown.unix_ms,
        contents: Secret::new(rule.accept(shown.text.expose())?),
    })
}

fn from_file(home: &Path, rule: &CredentialRule) -> Result<CapturedFile, Incomplete> {
    let (contents, metadata) = read(&home.join(&rule.path)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Incomplete::Missing(rule.path.clone()),
        _ => Incomplete::Unreadable(rule.path.clone(), error),
    })?;
    let kept = rule.accept(contents.expose())?;
    let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
    let nanoseconds = u64::try_from(metadata.mtime_nsec()).unwrap_or(0);
    Ok(CapturedFile {
        path: rule.path.clone(),
        mode: metadata.mode() & 0o7777,
        modified_unix_ms: seconds * 1000 + nanoseconds / 1_000_000,
        contents: Secret::new(kept),
    })
}

/// A regular file, of bounded size. Whoever owns the home directory may have put anything there: a link to somewhere else
/// is refused, and a pipe does not make us wait.
pub(super) fn read(path: &Path) -> io::Result<(Secret, fs::Metadata)> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    let bound = CapturedCredentials::MAX_FILE_BYTES as u64 + 1;
    let mut contents = Vec::new();
    file.take(bound).read_to_end(&mut contents)?;
    Ok((Secret::new(contents), metadata))
}
