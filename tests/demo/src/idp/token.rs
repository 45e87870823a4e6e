//! What a token request asks for. Pure: whether the ticket it shows is worth anything is decided in `exchange`.

use std::time::Duration;

use crate::idp::authorize::SignIn;
use crate::idp::error::{ErrorCode, OauthError};
use crate::idp::params::Params;
use crate::idp::profile::{DeviceDialect, Lifetimes, Pkce, Profile, TokenExchange};
use crate::pkce::Verifier;
use crate::secret::Secret;

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";
/// RFC 8628 section 3.4.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8693 section 2.1.
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

#[derive(Debug)]
pub(crate) enum TokenRequest {
    Code {
        client_id: &'static str,
        code: Secret,
        redirect_uri: String,
        verifier: Option<Verifier>,
        /// Of the access token.
        lifetime: Duration,
    },
    DeviceCode {
        client_id: &'static str,
        device_code: Secret,
    },
    Refresh {
        client_id: &'static str,
        refresh_token: Secret,
    },
    ApiKey {
        client_id: &'static str,
        id_token: Secret,
    },
}

impl TokenRequest {
    /// # Errors
    /// As RFC 6749 section 5.2 has them.
    pub(crate) fn parse(profile: &Profile, params: &Params) -> Result<Self, OauthError> {
        let client_id =
            params
                .value("client_id")
                .and_then(|id| profile.client(id))
                .map(|client| client.id)
                .ok_or(OauthError::new(ErrorCode::InvalidClient, "client_id names no registered client"))?;
        let secret = |name, missing| params.value(name).map(Secret::new).ok_or(invalid_request(missing));
        match params.value("grant_type") {
            Some(CODE) => Ok(Self::Code {
                client_id,
                code: secret("code", "code is missing")?,
                redirect_uri: params
                    .value("redirect_uri")
                    .ok_or(invalid_request("redirect_uri is missing"))?
                    .to_owned(),
                verifier: verifier(profile.pkce, params)?,
                lifetime: lifetime(profile.lifetimes, params.value("expires_in"))?,
            }),
            Some(DEVICE_CODE) if asks_here(profile) => Ok(Self::DeviceCode {
                client_id,
                device_code: secret("device_code", "device_code is missing")?,
            }),
            Some(REFRESH) => {
                let token = params
                    .value("refresh_token")
                    .ok_or(invalid_request("refresh_token is missing"))?
                    .strip_prefix(profile.prefixes.refresh_token)
                    .ok_or(invalid_grant("the refresh token is none of ours"))?;
                Ok(Self::Refresh { client_id, refresh_token: Secret::new(token) })
            }
            Some(EXCHANGE) if profile.token_exchange == TokenExchange::ApiKey => {
                if params.value("requested_token") != Some("openai-api-key") {
                    return Err(invalid_request("requested_token can only be openai-api-key"));
                }
                if params.value("subject_token_type") != Some(ID_TOKEN) {
                    return Err(invalid_request("subject_token_type can only be an ID token"));
                }
                Ok(Self::ApiKey { client_id, id_token: secret("subject_token", "subject_token is missing")? })
            }
            Some(_) => {
                Err(OauthError::new(ErrorCode::UnsupportedGrantType, "this grant_type is not supported"))
            }
            None => Err(invalid_request("grant_type is missing")),
        }
    }
}

/// Whether a code that was issued for `sign_in` may be redeemed by this client with this redirect URI. RFC 6749 section
/// 4.1.3 wants both identical to what the authorize request said.
///
/// # Errors
/// `invalid_grant`.
pub(crate) fn same_sign_in(sign_in: &SignIn, client_id: &str, redirect_uri: &str) -> Result<(), OauthError> {
    if sign_in.client_id != client_id {
        return Err(invalid_grant("the code was issued to another client"));
    }
    if sign_in.back.redirect.as_str() != redirect_uri {
        return Err(invalid_grant("redirect_uri differs from the authorize request's"));
    }
    Ok(())
}

pub(crate) fn invalid_grant(description: &'static str) -> OauthError {
    OauthError::new(ErrorCode::InvalidGrant, description)
}

fn invalid_request(description: &'static str) -> OauthError {
    OauthError::new(ErrorCode::InvalidRequest, description)
}

/// Whether clients without a browser ask the token endpoint.
fn asks_here(profile: &Profile) -> bool {
    profile.device.is_some_and(|flow| flow.dialect == DeviceDialect::Standard)
}

/// Some clients say for how long they want their token. Whoever asks for too much gets what there is.
fn lifetime(rule: Lifetimes, asked: Option<&str>) -> Result<Duration, OauthError> {
    let Some(asked) = asked else { return Ok(rule.access_token) };
    let seconds = asked.parse().map_err(|_| invalid_request("expires_in is not a number of seconds"))?;
    Ok(Duration::from_secs(seconds).min(rule.longest_access_token))
}

/// Where PKCE is optional, whether it has to be there is decided by how the sign-in began.
fn verifier(rule: Pkce, params: &Params) -> Result<Option<Verifier>, OauthError> {
    if rule == Pkce::Mandatory && params.value("code_verifier").is_none() {
        return Err(invalid_request("code_verifier is missing, PKCE is mandatory"));
    }
    let verifier = params.value("code_verifier").map(Verifier::parse).transpose();
    verifier.map_err(|_| invalid_request("code_verifier is not 43 to 128 unreserved characters"))
}

#[cfg(test)]
mod tests;
