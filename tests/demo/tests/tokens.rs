//! The token endpoint: what a code, a refresh token and an ID token are good for, and for whom.

mod browser;
mod client;

use std::time::Duration;

use anteroom_demo::idp::{Consent, Event, GrantType, Profile};
use anteroom_demo::jwt;
use anteroom_demo::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use browser::{location, parameter};
use client::{Client, Provider, REDIRECT};

#[tokio::test]
async fn a_code_is_good_for_one_use_and_its_theft_ends_the_sign_in() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let code = provider.code(&client).await;
    let tokens = provider.redeem(&client, &code).await.unwrap();
    assert_eq!(provider.redeem(&client, &code).await, Err("invalid_grant".to_owned()));
    assert_eq!(provider.refresh(&client, &tokens["refresh_token"]).await, Err("invalid_grant".to_owned()));
    let replayed = Event::Replayed { sign_in: 1, grant: GrantType::AuthorizationCode };
    assert!(provider.idp.log().events().contains(&replayed));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_burns_the_code() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let code = provider.code(&client).await;
    assert_eq!(provider.redeem(&Client::new("demo"), &code).await, Err("invalid_grant".to_owned()));
    assert_eq!(provider.redeem(&client, &code).await, Err("invalid_grant".to_owned()));
    let events = provider.idp.log().events();
    assert!(events.contains(&Event::PkceRefused { sign_in: 1 }), "{events:?}");
    assert!(
        !events.iter().any(|event| matches!(event, Event::PkceVerified { .. } | Event::TokenIssued { .. }))
    );
}

#[tokio::test]
async fn a_token_lasts_as_long_as_was_asked_for_where_that_may_be_asked() {
    let a_year = 365 * 24 * 60 * 60;
    let cases = [
        (Profile::anthropic(Consent::Given), "31536000", Ok(a_year)),
        (Profile::anthropic(Consent::Given), "99999999999", Ok(a_year)),
        (Profile::openai(Consent::Given), "31536000", Ok(3600)),
        (Profile::anthropic(Consent::Given), "soon", Err("invalid_request".to_owned())),
    ];
    for (profile, asked, lasts) in cases {
        let (id, path) = (profile.clients[0].id, profile.clients[0].redirect_path);
        let redirect = format!("http://127.0.0.1:41234{path}").leak();
        let provider = Provider::with(profile).await;
        let client = Client { id, redirect, ..Client::new(id) };
        let code = parameter(&location(&provider.authorize(&client, "s").await).unwrap(), "code").unwrap();
        let answer = provider
            .token(&[
                ("grant_type", "authorization_code"),
                ("client_id", id),
                ("code", &code),
                ("redirect_uri", redirect),
                ("code_verifier", client.verifier.secret().reveal()),
                ("expires_in", asked),
            ])
            .await;
        assert_eq!(answer.map(|tokens| tokens["expires_in"].as_i64().unwrap()), lasts, "{asked}");
    }
}

#[tokio::test]
async fn a_code_is_only_for_its_client_and_its_redirect_uri() {
    let provider = Provider::demo().await;
    for (id, redirect) in [
        ("demo-auto", REDIRECT),
        ("demo", "http://127.0.0.1:41235/callback"),
        ("demo", "http://localhost:41234/callback"),
    ] {
        let client = Client::new("demo");
        let code = provider.code(&client).await;
        let stranger = Client { id, redirect, verifier: client.verifier };
        assert_eq!(
            provider.redeem(&stranger, &code).await,
            Err("invalid_grant".to_owned()),
            "{id} {redirect}"
        );
    }
}

#[tokio::test]
async fn a_code_expires() {
    let mut profile = Profile::demo("http://127.0.0.1:9400");
    profile.lifetimes.code = Duration::ZERO;
    let (provider, client) = (Provider::with(profile).await, Client::new("demo"));
    let code = provider.code(&client).await;
    assert_eq!(provider.redeem(&client, &code).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use_and_gives_the_next() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let first = provider.redeem(&client, &provider.code(&client).await).await.unwrap();
    let second = provider.refresh(&client, &first["refresh_token"]).await.unwrap();
    assert_ne!(first["access_token"], second["access_token"]);
    let third = provider.refresh(&client, &second["refresh_token"]).await.unwrap();
    assert_eq!(provider.refresh(&client, &first["refresh_token"]).await, Err("invalid_grant".to_owned()));
    assert_eq!(provider.refresh(&client, &third["refresh_token"]).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_refresh_token_is_only_for_its_client() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let tokens = provider.redeem(&client, &provider.code(&client).await).await.unwrap();
    let stranger = Client::new("demo-auto");
    assert_eq!(provider.refresh(&stranger, &tokens["refresh_token"]).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn where_pkce_is_optional_a_challenge_still_has_to_be_met() {
    let provider = Provider::with(Profile::google(Consent::Given)).await;
    let id = provider.idp.profile().clients[0].id;
    let client = Client { redirect: "http://127.0.0.1:41234/oauth2callback", ..Client::new(id) };
    let code =
        async || parameter(&location(&provider.authorize(&client, "s").await).unwrap(), "code").unwrap();
    let without_verifier = async |code: &str| {
        let grant = [("grant_type", "authorization_code"), ("client_id", id), ("code", code)];
        provider.token(&[&grant[..], &[("redirect_uri", client.redirect)]].concat()).await
    };
    assert_eq!(without_verifier(&code().await).await, Err("invalid_grant".to_owned()));
    let tokens = provider.redeem(&client, &code().await).await.unwrap();
    assert!(tokens["access_token"].as_str().unwrap().starts_with("ya29."));
    // It keeps its refresh token, which begins with 1//, and may use it again.
    for _ in 0..2 {
        let renewed = provider.refresh(&client, &tokens["refresh_token"]).await.unwrap();
        assert!(renewed["access_token"].is_string() && renewed.get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn openai_gives_an_api_key_for_its_own_id_tokens_only() {
    let provider = Provider::with(Profile::openai(Consent::Given)).await;
    let client = Client {
        redirect: "http://127.0.0.1:1455/auth/callback",
        ..Client::new("app_EMoamEEZ73f0CkXaXp7hrann")
    };
    let code = parameter(&location(&provider.authorize(&client, "s").await).unwrap(), "code").unwrap();
    let tokens = provider.redeem(&client, &code).await.unwrap();
    let exchange = async |id_token: &str| {
        provider
            .token(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("client_id", client.id),
                ("requested_token", "openai-api-key"),
                ("subject_token", id_token),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ])
            .await
    };
    let key = exchange(tokens["id_token"].as_str().unwrap()).await.unwrap();
    assert!(key["access_token"].as_str().unwrap().starts_with("sk-"));
    let forged = jwt::unsigned(&jwt::claims(&Secret::new(tokens["access_token"].as_str().unwrap())).unwrap());
    assert_eq!(exchange(forged.reveal()).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_token_request_that_is_none_is_refused_in_json() {
    let provider = Provider::demo().await;
    for (content_type, body) in [
        ("text/plain", "grant_type=refresh_token".to_owned()),
        ("application/json", r#"{"grant_type":"refresh_token"}"#.to_owned()),
        ("application/x-www-form-urlencoded", "grant_type=a&grant_type=b".to_owned()),
        ("application/x-www-form-urlencoded", "a".repeat(17 * 1024)),
    ] {
        let mut connection = TcpStream::connect(provider.address).await.unwrap();
        let head = format!(
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains(r#"{"error":"invalid_request""#),
            "{answer}"
        );
    }
}
