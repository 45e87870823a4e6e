//! How a token request and a device's are answered: in JSON as OAuth has it, or as a form where the provider has always done
//! so.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::http::FORM;
use crate::idp::error::OauthError;
use crate::idp::profile::TokenAnswer;

const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// The answer to a request with these headers.
pub(crate) fn written(
    style: TokenAnswer,
    request: &HeaderMap,
    answer: Result<Value, OauthError>,
) -> Response {
    match (style, answer) {
        // RFC 6749 section 5.1.
        (TokenAnswer::Json, Ok(body)) => (NO_STORE, Json(body)).into_response(),
        (TokenAnswer::Json, Err(error)) => error.into_response(),
        (TokenAnswer::FormWithStatus200, answer) => {
            let body = answer.unwrap_or_else(OauthError::body);
            if asks_for_json(request) {
                (NO_STORE, Json(body)).into_response()
            } else {
                (NO_STORE, [(header::CONTENT_TYPE, FORM)], form(&body)).into_response()
            }
        }
    }
}

fn asks_for_json(request: &HeaderMap) -> bool {
    let accepted = request.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("application/json"))
}

/// The members of an object; what is neither text nor a number has no form.
fn form(body: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => form.append_pair(name, text),
            Value::Number(number) => form.append_pair(name, &number.to_string()),
            _ => &mut form,
        };
    }
    form.finish()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::json;

    use super::*;
    use crate::idp::error::ErrorCode;

    async fn told(style: TokenAnswer, accept: &str, answer: Result<Value, OauthError>) -> (u16, String) {
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT, accept.parse().unwrap());
        let response = written(style, &request, answer);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), 1024).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_form_is_for_whoever_does_not_ask_for_json() {
        let tokens = || Ok(json!({ "access_token": "a b", "expires_in": 5, "more": {} }));
        let github = TokenAnswer::FormWithStatus200;
        assert_eq!(told(github, "*/*", tokens()).await, (200, "access_token=a+b&expires_in=5".to_owned()));
        let (status, body) = told(github, "application/json", tokens()).await;
        assert_eq!((status, body.starts_with('{')), (200, true), "{body}");
        assert!(told(TokenAnswer::Json, "*/*", tokens()).await.1.starts_with('{'));
    }

    #[tokio::test]
    async fn what_went_wrong_has_the_status_that_the_style_gives_it() {
        let pending = || Err(OauthError::new(ErrorCode::AuthorizationPending, "not yet"));
        let (status, body) = told(TokenAnswer::FormWithStatus200, "*/*", pending()).await;
        assert_eq!((status, body.as_str()), (200, "error=authorization_pending&error_description=not+yet"));
        assert_eq!(told(TokenAnswer::Json, "*/*", pending()).await.0, 400);
    }
}
