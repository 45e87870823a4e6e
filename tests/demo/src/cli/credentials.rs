//! `~/.anteroom-demo/credentials.json`: what a sign-in leaves behind.
//!
//! Only its owner can read it, and it is never half written: a temporary file beside it takes its name when it is
//! complete, as the real CLIs do it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::moments::Moments;
use crate::secret::{NoRandomness, Secret};

const LARGEST_FILE_BYTES: u64 = 64 * 1024;
/// All that must be there for somebody to count as signed in.
const REQUIRED: [&str; 6] =
    ["/access_token", "/refresh_token", "/token_type", "/scope", "/account/email", "/expires_at"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    #[serde(serialize_with = "Secret::serialize_revealed")]
    pub(crate) access_token: Secret,
    #[serde(serialize_with = "Secret::serialize_revealed")]
    pub(crate) refresh_token: Secret,
    pub(crate) token_type: String,
    /// Seconds since 1970.
    pub(crate) expires_at: u64,
    pub(crate) scope: String,
    pub(crate) account: Account,
    /// Who signed in: only that client can renew the tokens.
    #[serde(default = "the_one_that_asks")]
    pub(crate) client_id: String,
    #[serde(flatten)]
    pub(crate) moments: Option<Moments>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) email: String,
}

/// What files from before this field are of.
fn the_one_that_asks() -> String {
    "demo".to_owned()
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error("not signed in")]
    SignedOut,
    #[error("{} cannot be used", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// Without the JSON error, which could repeat a token.
    #[error("{} is not a JSON file of at most 64 KiB", .0.display())]
    NotJson(PathBuf),
    #[error("{} lacks {field}", .path.display())]
    Lacks { path: PathBuf, field: &'static str },
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

#[derive(Debug)]
pub(crate) struct CredentialFile(PathBuf);

impl CredentialFile {
    pub(crate) fn of(home: &Path) -> Self {
        Self(home.join(".anteroom-demo/credentials.json"))
    }

    /// # Errors
    /// [`CredentialError::SignedOut`] without a file; else what is wrong with it.
    pub(crate) fn read(&self) -> Result<Credentials, CredentialError> {
        let mut text = String::new();
        let read =
            File::open(&self.0).and_then(|file| file.take(LARGEST_FILE_BYTES).read_to_string(&mut text));
        match read {
            Ok(_) => self.parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(CredentialError::SignedOut),
            Err(error) => Err(self.file(error)),
        }
    }

    pub(crate) fn write(&self, credentials: &Credentials) -> Result<(), CredentialError> {
        let directory = self.0.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| self.file(error))?;
        let temporary = directory.join(format!(".credentials-{}", Secret::random()?.reveal()));
        let written = write_new(&temporary, credentials).and_then(|()| fs::rename(&temporary, &self.0));
        written.map_err(|error| {
            // Whatever it holds, it must not stay.
            let _ = fs::remove_file(&temporary);
            self.file(error)
        })
    }

    /// Says whether there was anything to remove.
    pub(crate) fn remove(&self) -> Result<bool, CredentialError> {
        match fs::remove_file(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.file(error)),
        }
    }

    fn parse(&self, text: &str) -> Result<Credentials, CredentialError> {
        let not_json = || CredentialError::NotJson(self.0.clone());
        let json: Value = serde_json::from_str(text).map_err(|_| not_json())?;
        let present = |pointer: &&str| match json.pointer(pointer) {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Number(number)) => number.is_u64(),
            _ => false,
        };
        if let Some(pointer) = REQUIRED.iter().find(|pointer| !present(pointer)) {
            return Err(CredentialError::Lacks {
                path: self.0.clone(),
                field: pointer.trim_start_matches('/'),
            });
        }
        serde_json::from_value(json).map_err(|_| not_json())
    }

    fn file(&self, error: io::Error) -> CredentialError {
        CredentialError::File(self.0.clone(), error)
    }
}

fn write_new(path: &Path, credentials: &Credentials) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    write_to(&mut file, credentials)?;
    file.sync_all()?;
    if let Some(moments) = credentials.moments {
        // Once more, so that the time on the disk is not measured with it. The second text is the longer one.
        file.rewind()?;
        write_to(&mut file, &Credentials { moments: Some(moments.written_now()), ..credentials.clone() })?;
    }
    Ok(())
}

fn write_to(file: &mut File, credentials: &Credentials) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(credentials)?;
    text.push(b'\n');
    file.write_all(&text)
}

#[cfg(test)]
mod tests;
