//! Redeeming the code, and later the refresh token, at the provider's token endpoint.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use axum::http::StatusCode;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::cli::attempt::Attempt;
use crate::http::{HttpError, post_form};
use crate::secret::Secret;

const TOKEN_PATH: &str = "/oauth/token";

/// Where the provider is: plain HTTP on loopback, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issuer(SocketAddr);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider's address {0:?} is not of the form http://127.0.0.1:9400")]
pub(crate) struct NotAnIssuer(OsString);

impl Issuer {
    /// From the environment variable, or the default.
    pub(crate) fn from_setting(setting: Option<OsString>) -> Result<Self, NotAnIssuer> {
        let Some(setting) = setting.filter(|setting| !setting.is_empty()) else {
            return Ok(Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 9400))));
        };
        let address =
            setting.to_str().and_then(|text| text.strip_prefix("http://")?.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.ip().is_loopback() => Ok(Self(address)),
            _ => Err(NotAnIssuer(setting)),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl Issuer {
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("the provider at {0} is not to be reached")]
    Unreachable(Issuer, #[source] std::io::Error),
    #[error("the provider did not answer")]
    Http(#[from] HttpError),
    #[error("the provider refused with status {status}: {error}")]
    Refused { status: StatusCode, error: String },
    /// Without the JSON error, which could repeat a token.
    #[error("the provider's answer lacks the tokens")]
    Incomplete,
}

/// What the token endpoint gives for a code or a refresh token.
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Secret,
    pub(crate) id_token: Secret,
    pub(crate) token_type: String,
    pub(crate) expires_in: u64,
    pub(crate) scope: String,
}

pub(crate) async fn redeem(
    issuer: Issuer,
    attempt: &Attempt,
    code: &Secret,
) -> Result<Granted, ExchangeError> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", attempt.client_id),
        ("code", code.reveal()),
        ("redirect_uri", &attempt.redirect_uri),
        ("code_verifier", attempt.verifier.secret().reveal()),
    ];
    exchange(issuer, &fields).await
}

pub(crate) async fn renew(
    issuer: Issuer,
    client_id: &str,
    refresh_token: &Secret,
) -> Result<Granted, ExchangeError> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("refresh_token", refresh_token.reveal()),
    ];
    exchange(issuer, &fields).await
}

async fn exchange(issuer: Issuer, fields: &[(&str, &str)]) -> Result<Granted, ExchangeError> {
    let connection =
        TcpStream::connect(issuer.0).await.map_err(|error| ExchangeError::Unreachable(issuer, error))?;
    let answer = post_form(connection, &issuer.0.to_string(), TOKEN_PATH, fields).await?;
    read(answer.status(), answer.body())
}

fn read(status: StatusCode, body: &[u8]) -> Result<Granted, ExchangeError> {
    /// RFC 6749 section 5.2.
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }

    if status == StatusCode::OK {
        return serde_json::from_slice(body).map_err(|_| ExchangeError::Incomplete);
    }
    let error = serde_json::from_slice(body).map_or("no reason given".to_owned(), |refusal: Refusal| {
        refusal.error.chars().take(100).flat_map(char::escape_default).collect()
    });
    Err(ExchangeError::Refused { status, error })
}

#[cfg(test)]
mod tests;
