//! JSON Web Tokens (RFC 7519) without a signature: written by the identity provider, read by the command-line tool.
//!
//! Nothing here verifies anything. A tool that has just received its ID token from the token endpoint may read it
//! unverified (OpenID Connect Core 3.1.3.7), and that is all the real CLIs do too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::secret::Secret;

/// The claims of a token.
pub type Claims = Map<String, Value>;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("the token is not three parts of base64url")]
    Shape,
    #[error("the token's claims are not a JSON object")]
    Claims,
}

/// Three parts, `alg` none. RFC 7519 section 6.1 leaves the third part empty; the real CLIs refuse an empty one, so it
/// says in plain words what it is.
pub fn unsigned(claims: &Claims) -> Secret {
    let header = json!({ "alg": "none", "typ": "JWT" }).to_string();
    let claims = Value::Object(claims.clone()).to_string();
    Secret::new(
        [header.as_str(), claims.as_str(), "unsigned"].map(|part| URL_SAFE_NO_PAD.encode(part)).join("."),
    )
}

/// # Errors
/// When the token does not have a JWT's shape. Says nothing about who wrote it.
pub fn claims(token: &Secret) -> Result<Claims, JwtError> {
    let mut parts = token.reveal().split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JwtError::Shape);
    };
    if header.is_empty() || signature.is_empty() {
        return Err(JwtError::Shape);
    }
    let json = URL_SAFE_NO_PAD.decode(claims).map_err(|_| JwtError::Shape)?;
    serde_json::from_slice(&json).map_err(|_| JwtError::Claims)
}

#[cfg(test)]
mod tests;
