//! What there is beside the sign-in itself: a few things that the bearer of a token may ask (RFC 6750), and the pages to
//! which a CLI sends the browser in the end.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use serde_json::json;

use crate::idp::access::NoAccess;
use crate::idp::{Endpoint, Event, Idp, SignInNumber};
use crate::page::{Html, Tone, page};
use crate::secret::Secret;

pub(crate) async fn resource(State(idp): State<Idp>, headers: HeaderMap, uri: Uri) -> Response {
    let resource = idp.profile().resources.iter().find(|resource| resource.path == uri.path());
    match (resource, idp.bearer(&headers)) {
        (None, _) => StatusCode::NOT_FOUND.into_response(),
        (Some(_), Err(_)) => {
            let reason = "no access token, or one that is not valid";
            idp.log().record(Event::Refused { endpoint: Endpoint::Resource, reason });
            // RFC 6750 section 3.1; the body as Google has it.
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            let body = Json(json!({ "error": "invalid_token", "error_description": "Invalid Value" }));
            (StatusCode::UNAUTHORIZED, challenge, body).into_response()
        }
        (Some(resource), Ok(_)) => Json(&resource.answer).into_response(),
    }
}

pub(crate) async fn landing() -> Response {
    page(
        StatusCode::OK,
        Tone::Success,
        "You are back where you came from",
        &Html::ours("<p>You can close this page.</p>"),
    )
    .into_response()
}

impl Idp {
    /// Whose access token the request shows.
    ///
    /// # Errors
    /// When it shows none, or one that opens nothing.
    pub(crate) fn bearer(&self, headers: &HeaderMap) -> Result<SignInNumber, NoAccess> {
        let token = bearer(headers).ok_or(NoAccess::Missing)?;
        self.tables().access_tokens.check(Instant::now(), &token)
    }
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    // The second as GitHub has it from before RFC 6750.
    value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token ")).map(Secret::new)
}
