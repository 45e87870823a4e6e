//! The tokens of a sign-in, made from the profile's data.

use std::time::Duration;

use serde_json::{Value, json};

use crate::idp::authorize::Granted;
use crate::idp::profile::{Profile, TokenForm};
use crate::jwt::{self, Claims};
use crate::secret::{NoRandomness, Secret};

/// Seconds since 1970, as `iat` and `exp` have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnixSeconds(pub u64);

#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: Secret,
    /// Only with the scope `openid`.
    pub(crate) id: Option<Secret>,
    /// As the profile's rule for them says.
    pub(crate) refresh: Option<Secret>,
    /// Of the access token.
    pub(crate) lifetime: Duration,
}

/// Access and ID token; `refresh` is a ticket that the caller issued.
///
/// # Errors
/// When the kernel has no random numbers to give.
pub(crate) fn tokens(
    profile: &Profile,
    client_id: &str,
    scope: &Granted,
    refresh: Option<Secret>,
    lifetime: Duration,
    now: UnixSeconds,
) -> Result<Tokens, NoRandomness> {
    let access = match profile.access_token {
        TokenForm::Opaque => Secret::random()?.prefixed(profile.prefixes.access_token),
        TokenForm::LongOpaque => long()?.prefixed(profile.prefixes.access_token),
        TokenForm::Jwt => {
            let mut claims = standard_claims(profile, client_id, lifetime, now)?;
            claims.insert("scp".to_owned(), json!(scope.names()));
            jwt::unsigned(&claims)
        }
    };
    let id = if scope.contains("openid") {
        let mut claims = standard_claims(profile, client_id, lifetime, now)?;
        claims.insert("email".to_owned(), json!(profile.account.email));
        claims.insert("email_verified".to_owned(), json!(true));
        Some(jwt::unsigned(&claims))
    } else {
        None
    };
    Ok(Tokens { access, id, refresh, lifetime })
}

/// 95 characters.
fn long() -> Result<Secret, NoRandomness> {
    let [one, other, end] = [Secret::random()?, Secret::random()?, Secret::random()?];
    Ok(Secret::new(format!("{}{}-{}", one.reveal(), other.reveal(), &end.reveal()[..8])))
}

/// RFC 6749 section 5.1 and OpenID Connect Core 3.1.3.3.
pub(crate) fn response(profile: &Profile, scope: &Granted, tokens: &Tokens) -> Value {
    let mut response = json!({
        "access_token": tokens.access.reveal(),
        "token_type": "Bearer",
        "expires_in": tokens.lifetime.as_secs(),
        "scope": scope.joined(),
    });
    for (name, value) in &profile.token_extras {
        response[name] = value.clone();
    }
    for (name, token) in [("refresh_token", &tokens.refresh), ("id_token", &tokens.id)] {
        if let Some(token) = token {
            response[name] = json!(token.reveal());
        }
    }
    response
}

/// `jti` makes each token unlike every other, so that a search for one finds that one.
fn standard_claims(
    profile: &Profile,
    client_id: &str,
    lifetime: Duration,
    now: UnixSeconds,
) -> Result<Claims, NoRandomness> {
    let mut claims = profile.account.claims.clone();
    let standard = [
        ("iss", json!(profile.issuer)),
        ("aud", json!([client_id])),
        ("sub", json!(profile.account.subject)),
        ("iat", json!(now.0)),
        ("exp", json!(now.0 + lifetime.as_secs())),
        ("jti", json!(Secret::random()?.reveal())),
    ];
    claims.extend(standard.map(|(name, value)| (name.to_owned(), value)));
    Ok(claims)
}

#[cfg(test)]
mod tests;
