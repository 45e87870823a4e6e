//! What an authorize request asks for, and whether it may be asked at all. Pure: no page, no table, no clock.
//!
//! The order matters. Until the client and its redirect URI are known to be good, nobody may be sent anywhere, and the
//! person is told on a page ([`Refusal::Here`]); after that the client is told by redirect ([`Refusal::There`]).

use crate::idp::error::{ErrorCode, OauthError};
use crate::idp::params::Params;
use crate::idp::profile::{Client, Consent, Pkce, Profile};
use crate::idp::redirect::{RedirectUri, ReturnAddress};
use crate::pkce::{self, Challenge};
use crate::secret::Secret;

const LONGEST_STATE_BYTES: usize = 512;

/// A valid request to sign in.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) client_id: &'static str,
    pub(crate) client_name: &'static str,
    pub(crate) consent: Consent,
    pub(crate) back: ReturnAddress,
    /// None where the profile lets a sign-in do without.
    pub(crate) challenge: Option<Challenge>,
    pub(crate) scope: Granted,
}

/// The scopes of one sign-in, all of them registered for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted(Vec<&'static str>);

impl Granted {
    pub(crate) fn all_of(client: &Client) -> Self {
        Self(client.scopes.iter().map(|scope| scope.name).collect())
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.0
    }

    /// As it travels: separated by spaces.
    pub(crate) fn joined(&self) -> String {
        self.0.join(" ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Here(&'static str),
    There(ReturnAddress, OauthError),
}

impl SignIn {
    /// # Errors
    /// A [`Refusal`] that says who has to be told.
    pub(crate) fn parse(profile: &Profile, params: &Params) -> Result<Self, Refusal> {
        let client = params
            .value("client_id")
            .and_then(|id| profile.client(id))
            .ok_or(Refusal::Here("client_id names no registered client"))?;
        let back = return_address(client, params)?;
        match asked_of(profile.pkce, client, params) {
            Ok((challenge, scope)) => {
                let &Client { id: client_id, name: client_name, consent, .. } = client;
                Ok(Self { client_id, client_name, consent, back, challenge, scope })
            }
            Err(error) => Err(Refusal::There(back, error)),
        }
    }
}

fn return_address(client: &Client, params: &Params) -> Result<ReturnAddress, Refusal> {
    let redirect = params.value("redirect_uri").ok_or(Refusal::Here("redirect_uri is missing"))?;
    let redirect = match client.code_page {
        Some(page) if page.address == redirect => RedirectUri::Registered(page.address),
        _ => RedirectUri::parse(redirect, client.redirect_path).map_err(|_| {
            Refusal::Here("redirect_uri is neither a loopback address with the path this client registered nor its page")
        })?,
    };
    let state = match params.value("state") {
        // RFC 6749 appendix A.5: visible characters and the space.
        Some(state)
            if state.len() <= LONGEST_STATE_BYTES && state.bytes().all(|b| (0x20..0x7f).contains(&b)) =>
        {
            Some(Secret::new(state))
        }
        Some(_) => return Err(Refusal::Here("state is too long or not printable ASCII")),
        None => None,
    };
    Ok(ReturnAddress { redirect, state })
}

fn asked_of(
    pkce: Pkce,
    client: &Client,
    params: &Params,
) -> Result<(Option<Challenge>, Granted), OauthError> {
    let invalid = |description| OauthError::new(ErrorCode::InvalidRequest, description);
    match params.value("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(OauthError::new(
                ErrorCode::UnsupportedResponseType,
                "response_type can only be code",
            ));
        }
        None => return Err(invalid("response_type is missing")),
    }
    Ok((challenge(pkce, params)?, scope(client, params.value("scope"))?))
}

fn challenge(rule: Pkce, params: &Params) -> Result<Option<Challenge>, OauthError> {
    let invalid = |description| OauthError::new(ErrorCode::InvalidRequest, description);
    let Some(challenge) = params.value("code_challenge") else {
        return match rule {
            Pkce::Mandatory => Err(invalid("code_challenge is missing, PKCE is mandatory")),
            Pkce::Optional => Ok(None),
        };
    };
    // Absent means plain (RFC 7636 section 4.3), which OAuth 2.1 no longer has.
    if params.value("code_challenge_method") != Some(pkce::METHOD) {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let challenge = Challenge::parse(challenge);
    challenge.map(Some).map_err(|_| invalid("code_challenge is not a SHA-256 digest"))
}

/// Without a scope parameter, all that the client registered (RFC 6749 section 3.3).
pub(crate) fn scope(client: &Client, asked: Option<&str>) -> Result<Granted, OauthError> {
    let Some(asked) = asked else {
        return Ok(Granted::all_of(client));
    };
    let mut granted = Vec::new();
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        let known = client.scopes.iter().find(|scope| scope.name == name);
        let known = known
            .ok_or(OauthError::new(ErrorCode::InvalidScope, "the client has not registered this scope"))?;
        if !granted.contains(&known.name) {
            granted.push(known.name);
        }
    }
    Ok(Granted(granted))
}

#[cfg(test)]
mod tests;
