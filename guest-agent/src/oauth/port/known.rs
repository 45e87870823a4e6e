//! Who may call port 8080: whoever knows the token that the host has given this VM; and about which session.

use anteroom_protocol::Secret;
use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
};
use serde::Deserialize;

use crate::{
    control::Refusal,
    oauth::sign_in::{SignIn, View},
};

/// A caller that knows the VM's token, and what it may see.
pub(super) struct Known(pub(super) View);

impl FromRequestParts<SignIn> for Known {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, sign_in: &SignIn) -> Result<Self, Refusal> {
        let said =
            parts.headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        // Before a sign-in has begun there is no token, and nobody knows it.
        match (said, sign_in.view().await) {
            (Some(said), Ok(view)) if is_token(said, &view.token) => Ok(Self(view)),
            _ => Err(Refusal::new(StatusCode::UNAUTHORIZED, "the VM's token is missing or wrong")),
        }
    }
}

/// A known caller that asks about the session of this VM: `?sessionId=`.
pub(super) struct InSession(pub(super) View);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    session_id: String,
}

impl FromRequestParts<SignIn> for InSession {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, sign_in: &SignIn) -> Result<Self, Refusal> {
        let Known(view) = Known::from_request_parts(parts, sign_in).await?;
        let asked = Query::<Asked>::from_request_parts(parts, sign_in).await;
        let Query(asked) = asked.map_err(|_| Refusal::bad("the address lacks ?sessionId="))?;
        check(&asked.session_id, &view)?;
        Ok(Self(view))
    }
}

/// Whatever is no session of this VM is unknown, a text that could be no session's id as well.
pub(super) fn check(session: &str, view: &View) -> Result<(), Refusal> {
    match session.parse() {
        Ok(session) if view.status.session == session => Ok(()),
        _ => Err(Refusal::unknown("this session is not in this VM")),
    }
}

/// Takes as long for a wrong token as for a right one.
fn is_token(said: &[u8], token: &Secret) -> bool {
    let token = token.expose();
    !token.is_empty()
        && said.len() == token.len()
        && said.iter().zip(token).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
