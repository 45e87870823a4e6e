//! What there is beside the sign-in itself: a few things that the bearer of a token may ask (RFC 6750), and the pages to
//! which a CLI sends the browser in the end.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::idp::{Endpoint, Event, Idp, SecretKind};
use crate::page::{Html, Tone, page};
use crate::secret::Secret;

pub(crate) async fn resource(State(idp): State<Idp>, headers: HeaderMap, uri: Uri) -> Response {
    let resource = idp.profile().resources.iter().find(|resource| resource.path == uri.path());
    match (resource, bearer(&headers).and_then(|token| idp.ledger().owner(SecretKind::AccessToken, &token))) {
        (None, _) => StatusCode::NOT_FOUND.into_response(),
        (Some(_), None) => {
            let reason = "no access token, or none of ours";
            idp.log().record(Event::Refused { endpoint: Endpoint::Resource, reason });
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
        }
        (Some(resource), Some(_)) => Json(&resource.answer).into_response(),
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

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    // The second as GitHub has it from before RFC 6750.
    value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token ")).map(Secret::new)
}
