//! The authorize endpoint and its page: who is asked, who is sent where, who is sent nowhere.

mod browser;
mod client;

use std::time::Duration;

use anteroom_demo::idp::{Endpoint, Event, Profile};

use browser::{location, parameter, text, ticket};
use client::{Client, Provider, REDIRECT};

#[tokio::test]
async fn a_person_who_denies_sends_the_client_an_error() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let page = provider.authorize(&client, "s").await;
    let address = location(&provider.decide(&ticket(&page), "deny").await).unwrap();
    assert_eq!(parameter(&address, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&address, "state").as_deref(), Some("s"));
    assert_eq!(parameter(&address, "code"), None);
    assert_eq!(provider.idp.log().events().last(), Some(&Event::Denied { sign_in: 1 }));
}

#[tokio::test]
async fn the_automatic_client_is_sent_back_at_once() {
    let (provider, client) = (Provider::demo().await, Client::new("demo-auto"));
    let answer = provider.authorize(&client, "s").await;
    assert_eq!(answer.status(), 302);
    let code = parameter(&location(&answer).unwrap(), "code").unwrap();
    assert!(provider.redeem(&client, &code).await.is_ok());
}

#[tokio::test]
async fn an_answered_page_stays_answered() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let ticket = ticket(&provider.authorize(&client, "s").await);
    let (one, other) = tokio::join!(provider.decide(&ticket, "allow"), provider.decide(&ticket, "allow"));
    assert_eq!(location(&one), location(&other));
    assert_eq!(location(&provider.decide(&ticket, "deny").await), location(&one));
    let codes =
        provider.idp.log().events().into_iter().filter(|event| matches!(event, Event::CodeIssued { .. }));
    assert_eq!(codes.count(), 1);
}

#[tokio::test]
async fn an_answer_to_no_page_goes_nowhere() {
    let (provider, client) = (Provider::demo().await, Client::new("demo"));
    let ticket = ticket(&provider.authorize(&client, "s").await);
    for (ticket, decision) in [("guess", "allow"), (&ticket, "maybe"), (&ticket, ""), ("", "allow")] {
        let answer = provider.decide(ticket, decision).await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (400, None), "{ticket} {decision}");
    }
    assert_eq!(provider.decide(&ticket, "allow").await.status(), 303, "the page can still be answered");
}

#[tokio::test]
async fn a_page_expires() {
    let mut profile = Profile::demo("http://127.0.0.1:9400");
    profile.lifetimes.consent = Duration::ZERO;
    let provider = Provider::with(profile).await;
    let page = provider.authorize(&Client::new("demo"), "s").await;
    let answer = provider.decide(&ticket(&page), "allow").await;
    assert_eq!((answer.status().as_u16(), location(&answer)), (400, None));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
    let provider = Provider::demo().await;
    for redirect in ["https://example.org/callback", "http://127.0.0.1:80/elsewhere"] {
        let answer = provider.authorize(&Client { redirect, ..Client::new("demo-auto") }, "s").await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (400, None), "{redirect}");
        assert!(!text(&answer).contains(redirect));
    }
    assert!(matches!(
        provider.idp.log().events()[..],
        [
            Event::Refused { endpoint: Endpoint::Authorize, .. },
            Event::Refused { endpoint: Endpoint::Authorize, .. },
        ]
    ));
}

#[tokio::test]
async fn a_client_without_pkce_is_told_so() {
    let provider = Provider::demo().await;
    let query = format!("response_type=code&client_id=demo&redirect_uri={REDIRECT}&state=s");
    let answer = provider.browser.get(&provider.url(&format!("/oauth/authorize?{query}"))).await;
    assert_eq!(parameter(&location(&answer).unwrap(), "error").as_deref(), Some("invalid_request"));
}
