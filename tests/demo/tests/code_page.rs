//! The page that shows a code to paste, where the browser cannot reach the client's listener.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod client;

use anteroom_demo::idp::{Consent, Event, Profile};
use anteroom_demo::pkce::Verifier;

use browser::{location, parameter, text};
use client::{Client, Provider};

const CLAUDE: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const CLAUDES_PAGE: &str = "https://platform.claude.com/oauth/code/callback";
const GEMINI: &str = "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com";
const GEMINIS_PAGE: &str = "https://codeassist.google.com/authcode";

fn client(id: &'static str, redirect: &'static str) -> Client {
    Client { id, redirect, verifier: Verifier::random().unwrap() }
}

impl Provider {
    /// Where the browser is sent, and what the page there shows.
    async fn shown(&self, client: &Client) -> (String, String) {
        let address = location(&self.authorize(client, "st4te").await).unwrap();
        assert!(address.starts_with(client.redirect), "{address}");
        let (_, path) = address.split_once("://").unwrap();
        let path = &path[path.find('/').unwrap()..];
        let page = text(&self.browser.get(&self.url(path)).await);
        let (_, rest) = page.split_once("<p class=\"code\">").unwrap();
        (address.clone(), rest.split('<').next().unwrap().to_owned())
    }
}

#[tokio::test]
async fn claudes_page_shows_code_and_state_and_its_address_holds_both() {
    let provider = Provider::with(Profile::anthropic(Consent::Given)).await;
    let client = client(CLAUDE, CLAUDES_PAGE);
    let (address, shown) = provider.shown(&client).await;
    let code = parameter(&address, "code").unwrap();
    assert_eq!(shown, format!("{code}#st4te"));
    assert_eq!(parameter(&address, "state").as_deref(), Some("st4te"));
    assert!(provider.redeem(&client, &code).await.is_ok());
    assert!(provider.idp.log().events().contains(&Event::PkceVerified { sign_in: 1 }));
}

#[tokio::test]
async fn geminis_page_shows_the_code_alone_and_pkce_holds_for_it() {
    let provider = Provider::with(Profile::google(Consent::Given)).await;
    let honest = client(GEMINI, GEMINIS_PAGE);
    let (_, code) = provider.shown(&honest).await;
    assert!(provider.redeem(&honest, &code).await.is_ok());
    let (_, code) = provider.shown(&honest).await;
    let thief = client(GEMINI, GEMINIS_PAGE);
    assert_eq!(provider.redeem(&thief, &code).await, Err("invalid_grant".to_owned()));
    assert!(provider.idp.log().events().contains(&Event::PkceRefused { sign_in: 2 }));
}

#[tokio::test]
async fn a_code_of_the_page_is_not_one_of_the_listener() {
    let provider = Provider::with(Profile::anthropic(Consent::Given)).await;
    let honest = client(CLAUDE, CLAUDES_PAGE);
    let (_, shown) = provider.shown(&honest).await;
    let elsewhere = Client { redirect: "http://localhost:41234/callback", ..honest };
    let code = shown.split('#').next().unwrap();
    assert_eq!(provider.redeem(&elsewhere, code).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn somebody_elses_page_is_never_sent_a_code() {
    let provider = Provider::with(Profile::anthropic(Consent::Given)).await;
    for redirect in [
        GEMINIS_PAGE,
        "https://platform.claude.com/oauth/code/callback/",
        "http://platform.claude.com/oauth/code/callback",
    ] {
        let answer = provider.authorize(&client(CLAUDE, redirect), "s").await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (400, None), "{redirect}");
    }
}

#[tokio::test]
async fn a_page_without_a_code_says_so_and_a_hostile_one_shows_no_markup() {
    let provider = Provider::with(Profile::anthropic(Consent::Given)).await;
    for query in ["", "?code=c", "?error=access_denied&state=s"] {
        let answer = provider.browser.get(&provider.url(&format!("/oauth/code/callback{query}"))).await;
        assert_eq!(answer.status(), 400, "{query}");
    }
    let hostile = provider.url("/oauth/code/callback?code=%3Cscript%3E&state=s");
    assert!(text(&provider.browser.get(&hostile).await).contains("&lt;script&gt;#s"));
}
