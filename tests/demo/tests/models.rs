//! The models from outside: who has a valid access token is answered, nobody else, and no prompt is too long for them to say so.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod client;

use std::time::Duration;

use anteroom_demo::http::post_json;
use anteroom_demo::idp::{Consent, Event, Profile};
use anteroom_demo::secret::Secret;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use browser::{location, parameter};
use client::{Client, Provider};

/// Each profile with a model, a client's redirect URI, and a prompt.
fn all() -> [(Profile, &'static str, Value); 4] {
    let said = |text: &str| json!([{ "type": "text", "text": text }]);
    [
        (
            Profile::openai(Consent::Given),
            "http://127.0.0.1:1455/auth/callback",
            json!({ "input": [{ "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "hello" },
            ] }] }),
        ),
        (
            Profile::anthropic(Consent::Given),
            "http://127.0.0.1:41234/callback",
            json!({ "messages": [{ "role": "user", "content": said("hello") }] }),
        ),
        (
            Profile::google(Consent::Given),
            "http://127.0.0.1:41234/oauth2callback",
            json!({ "request": { "contents": [{ "role": "user", "parts": said("hello") }] } }),
        ),
        (
            Profile::demo("http://127.0.0.1:9400"),
            "http://127.0.0.1:41234/callback",
            json!({ "prompt": "hello" }),
        ),
    ]
}

async fn access_token(provider: &Provider, redirect: &'static str) -> Secret {
    // Of the demo's clients the one that does not ask.
    let id = provider.idp.profile().clients.last().unwrap().id;
    let client = Client { redirect, ..Client::new(id) };
    let code = parameter(&location(&provider.authorize(&client, "s").await).unwrap(), "code").unwrap();
    Secret::new(provider.redeem(&client, &code).await.unwrap()["access_token"].as_str().unwrap())
}

async fn ask(provider: &Provider, token: &Secret, prompt: &Value) -> (StatusCode, String) {
    let connection = TcpStream::connect(provider.address).await.unwrap();
    let path = provider.idp.profile().models[0].path;
    let answer = post_json(connection, "127.0.0.1", path, token, prompt).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_model_answers_the_bearer_of_a_valid_token_and_nobody_else() {
    for (profile, redirect, prompt) in all() {
        let provider = Provider::with(profile).await;
        let (status, body) = ask(&provider, &Secret::new("forged"), &prompt).await;
        let refusal: Value = serde_json::from_str(&body).unwrap();
        assert!(status == StatusCode::UNAUTHORIZED && refusal["error"] != Value::Null, "{status} {body}");
        let token = access_token(&provider, redirect).await;
        let (status, body) = ask(&provider, &token, &prompt).await;
        assert!(
            status == StatusCode::OK && body.contains("data: ") && body.contains("hello"),
            "{status} {body}"
        );
        let events = provider.idp.log().events();
        assert!(
            events.ends_with(&[Event::Prompted { sign_in: 1 }, Event::Answered { sign_in: 1 }]),
            "{events:?}"
        );
        provider.idp.revoke_access_tokens();
        assert_eq!(ask(&provider, &token, &prompt).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_access_token_expires() {
    for (mut profile, redirect, prompt) in all() {
        profile.lifetimes.access_token = Duration::ZERO;
        let provider = Provider::with(profile).await;
        let token = access_token(&provider, redirect).await;
        assert_eq!(ask(&provider, &token, &prompt).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn what_is_revoked_can_be_renewed_unless_everything_is() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let tokens = provider.redeem(&client, &provider.code(&client).await).await.unwrap();
    provider.idp.revoke_access_tokens();
    let renewed = provider.refresh(&client, &tokens["refresh_token"]).await.unwrap();
    let token = Secret::new(renewed["access_token"].as_str().unwrap());
    assert_eq!(ask(&provider, &token, &json!({ "prompt": "hello" })).await.0, StatusCode::OK);
    provider.idp.revoke_everything();
    assert_eq!(ask(&provider, &token, &json!({ "prompt": "hello" })).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(provider.refresh(&client, &renewed["refresh_token"]).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_prompt_that_is_none_or_too_large_is_refused() {
    let provider = Provider::demo().await;
    let client = Client::new("demo");
    let tokens = provider.redeem(&client, &provider.code(&client).await).await.unwrap();
    let token = Secret::new(tokens["access_token"].as_str().unwrap());
    let large = json!({ "prompt": "a".repeat(5 * 1024 * 1024) });
    for prompt in [json!({}), json!([1]), json!({ "prompt": "" }), large] {
        assert_eq!(ask(&provider, &token, &prompt).await.0, StatusCode::BAD_REQUEST);
    }
    let of_the_largest_kind = json!({ "prompt": "a".repeat(1024 * 1024) });
    assert_eq!(ask(&provider, &token, &of_the_largest_kind).await.0, StatusCode::OK);
    let events = provider.idp.log().events();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Refused { .. })).count(), 4, "{events:?}");
}

#[tokio::test]
async fn who_would_like_a_websocket_is_told_to_ask_by_post() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let provider = Provider::with(Profile::openai(Consent::Given)).await;
    let mut connection = TcpStream::connect(provider.address).await.unwrap();
    let request = "GET /backend-api/codex/responses HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 426");
}
