//! Asking the model: the prompt comes by standard input, the answer goes to standard output as it comes.
//!
//! ```text
//!   read file ──(expired)──▶ renew ──▶ ask ──(refused, not yet renewed)──▶ renew ──▶ ask ──▶ tell
//! ```

mod answer;
mod output;

use std::io::{self, Read as _};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::credentials::{CredentialError, CredentialFile, Credentials};
use crate::cli::exchange::{ExchangeError, Granted, Issuer, renew};
use crate::http::HttpError;

use answer::{Asked, ask};
pub(crate) use output::Output;

const LARGEST_PROMPT_BYTES: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    #[error("the prompt on standard input cannot be read")]
    Input(#[source] io::Error),
    #[error("the prompt on standard input is empty or larger than 1 MiB")]
    NoPrompt,
    #[error("not signed in")]
    SignedOut,
    #[error(transparent)]
    Credentials(CredentialError),
    /// The provider takes neither token any more.
    #[error("token refused; sign in again")]
    TokenRefused,
    #[error(transparent)]
    Exchange(ExchangeError),
    #[error("the model at {0} is not to be reached")]
    Unreachable(Issuer, #[source] io::Error),
    #[error("the model did not answer")]
    Http(#[from] HttpError),
    #[error("the model answered with status {0}")]
    Status(axum::http::StatusCode),
    #[error("the model's answer broke off")]
    BrokeOff,
    #[error("the answer cannot be written")]
    Output(#[source] io::Error),
}

impl PromptError {
    /// So that whoever runs the program can tell what has to be done.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::SignedOut => 3,
            Self::TokenRefused => 4,
            _ => 1,
        }
    }
}

pub(crate) async fn prompt(issuer: Issuer, file: &CredentialFile, output: Output) -> Result<(), PromptError> {
    let mut credentials = file.read().map_err(|error| match error {
        CredentialError::SignedOut => PromptError::SignedOut,
        error => PromptError::Credentials(error),
    })?;
    let text = read_prompt(io::stdin().lock())?;
    let mut renewed = false;
    loop {
        if !renewed && credentials.expires_at <= now() {
            credentials = renewed_credentials(issuer, file, credentials).await?;
            renewed = true;
        }
        match ask(issuer, &credentials.access_token, &text).await? {
            Asked::Answer(answer) => return answer.tell(output).await,
            Asked::Refused if renewed => return Err(PromptError::TokenRefused),
            Asked::Refused => credentials.expires_at = 0,
        }
    }
}

fn read_prompt(input: impl io::Read) -> Result<String, PromptError> {
    let mut text = String::new();
    input.take(LARGEST_PROMPT_BYTES + 1).read_to_string(&mut text).map_err(PromptError::Input)?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if text.trim().is_empty() || length > LARGEST_PROMPT_BYTES {
        return Err(PromptError::NoPrompt);
    }
    Ok(text)
}

/// With the tokens that the refresh token is good for, which is used up by that: they are in the file before they are used.
async fn renewed_credentials(
    issuer: Issuer,
    file: &CredentialFile,
    old: Credentials,
) -> Result<Credentials, PromptError> {
    let granted = renew(issuer, &old.client_id, &old.refresh_token).await.map_err(|error| match error {
        ExchangeError::Refused { status, .. } if status.is_client_error() => PromptError::TokenRefused,
        error => PromptError::Exchange(error),
    })?;
    let Granted { access_token, refresh_token, token_type, expires_in, scope, .. } = granted;
    let expires_at = now().saturating_add(expires_in);
    let renewed =
        Credentials { access_token, refresh_token, token_type, expires_at, scope, moments: None, ..old };
    file.write(&renewed).map_err(PromptError::Credentials)?;
    Ok(renewed)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
