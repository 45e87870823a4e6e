//! The provider as a whole, from outside: a sign-in from end to end, and what is left of it.

mod browser;
mod client;

use std::time::{Duration, Instant};

use anteroom_demo::idp::{Event, GrantType, Idp, Profile, SecretKind};
use anteroom_demo::jwt;
use anteroom_demo::secret::Secret;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use browser::{location, parameter, text, ticket};
use client::{Client, Provider, REDIRECT};

#[tokio::test]
async fn a_person_who_allows_gives_the_client_tokens() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let page = provider.authorize(&client, "the state").await;
    assert_eq!(page.status(), 200);
    assert!(text(&page).contains("demo@example.org"));
    let sent_back = provider.decide(&ticket(&page), "allow").await;
    assert_eq!(sent_back.status(), 303);
    let address = location(&sent_back).unwrap();
    assert!(address.starts_with(&format!("{REDIRECT}?")), "{address}");
    assert_eq!(parameter(&address, "state").as_deref(), Some("the state"));
    let tokens = provider.redeem(&client, &parameter(&address, "code").unwrap()).await.unwrap();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("openid email offline_access"))
    );
    let id_token = jwt::claims(&Secret::new(tokens["id_token"].as_str().unwrap())).unwrap();
    assert_eq!((&id_token["email"], &id_token["aud"]), (&json!("demo@example.org"), &json!(["demo"])));
    assert_eq!(
        provider.idp.log().events(),
        [
            Event::ConsentAsked { sign_in: 1, client_id: "demo" },
            Event::Authorized { sign_in: 1, client_id: "demo" },
            Event::CodeIssued { sign_in: 1 },
            Event::PkceVerified { sign_in: 1 },
            Event::TokenIssued { sign_in: 1, grant: GrantType::AuthorizationCode },
        ]
    );
}

#[tokio::test]
async fn sign_ins_at_the_same_time_do_not_see_one_another() {
    let provider = Provider::demo().await;
    let clients = [Client::new("demo"), Client::new("demo"), Client::new("demo")];
    let mut tickets = Vec::new();
    for (client, state) in clients.iter().zip(["a", "b", "c"]) {
        tickets.push(ticket(&provider.authorize(client, state).await));
    }
    let mut codes = Vec::new();
    // Answered in another order than asked.
    for index in [2, 0, 1] {
        let address = location(&provider.decide(&tickets[index], "allow").await).unwrap();
        assert_eq!(parameter(&address, "state").as_deref(), Some(["a", "b", "c"][index]));
        codes.push((index, parameter(&address, "code").unwrap()));
    }
    // The code of one is worth nothing with the verifier of another.
    assert!(provider.redeem(&clients[0], &codes[0].1).await.is_err());
    for (index, code) in &codes[1..] {
        assert!(provider.redeem(&clients[*index], code).await.is_ok());
    }
}

#[tokio::test]
async fn an_address_without_a_page_is_noted_without_its_query() {
    let provider = Provider::demo().await;
    assert_eq!(provider.browser.get(&provider.url("/api/hello?secret=1")).await.status(), 404);
    let noted = Event::NotFound { method: "GET".to_owned(), path: "/api/hello".to_owned() };
    assert_eq!(provider.idp.log().events(), [noted]);
}

#[tokio::test]
async fn the_metadata_says_what_the_server_can() {
    let provider = Provider::demo().await;
    let answer = provider.browser.get(&provider.url("/.well-known/oauth-authorization-server")).await;
    let metadata: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(metadata["issuer"], "http://127.0.0.1:9400");
    assert_eq!(metadata["authorization_endpoint"], "http://127.0.0.1:9400/oauth/authorize");
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
}

#[tokio::test]
async fn the_log_holds_no_secret_and_the_ledger_holds_all() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let page = provider.authorize(&client, "the-state-of-this-sign-in").await;
    let address = location(&provider.decide(&ticket(&page), "allow").await).unwrap();
    let tokens = provider.redeem(&client, &parameter(&address, "code").unwrap()).await.unwrap();
    provider.refresh(&client, &tokens["refresh_token"]).await.unwrap();
    let secrets = provider.idp.secrets();
    for kind in [
        SecretKind::State,
        SecretKind::Code,
        SecretKind::Verifier,
        SecretKind::AccessToken,
        SecretKind::RefreshToken,
        SecretKind::IdToken,
    ] {
        assert!(secrets.iter().any(|entry| entry.kind == kind && entry.sign_in == 1), "{kind:?}");
    }
    let log: String =
        provider.idp.log().events().iter().map(|event| format!("{event} {event:?}\n")).collect();
    for entry in secrets {
        assert!(!log.contains(entry.secret.reveal()), "{:?}", entry.kind);
    }
}

#[tokio::test]
async fn it_ends_when_told_though_a_browser_holds_a_connection_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let idp = Idp::new(Profile::demo("http://127.0.0.1:9400"));
    let running = tokio::spawn(idp.run(listener, async { drop(stopped.await) }));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let start = Instant::now();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(4));
}
