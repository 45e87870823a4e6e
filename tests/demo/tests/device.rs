//! Sign-ins of clients without a browser: two codes, one for the client and one for the person, and a page for that.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod client;

use std::collections::HashMap;
use std::time::Duration;

use anteroom_demo::idp::profile::DeviceFlow;
use anteroom_demo::idp::{Consent, Event, GrantType, Mishap, Profile, SecretKind};
use serde_json::Value;

use browser::text;
use client::Provider;

const GH: &str = "178c6fc778ccc68e1d6a";
const CODEX: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// What a client has to remember, and what it shows.
struct Device {
    code: String,
    user_code: String,
}

impl Provider {
    /// Without an interval, so that no test has to wait.
    async fn at_once(profile: Profile) -> Self {
        let device = profile.device.map(|flow| DeviceFlow { interval: Duration::ZERO, ..flow });
        Self::with(Profile { device, ..profile }).await
    }

    async fn begin(&self, fields: &[(&str, &str)]) -> Device {
        let flow = self.idp.profile().device.unwrap();
        let answer = self.browser.post(&self.url(flow.start_path), fields).await;
        assert_eq!(answer.status(), 200, "{}", text(&answer));
        let said = pairs(&text(&answer));
        let code = said.get("device_code").or_else(|| said.get("device_auth_id"));
        Device { code: code.unwrap().clone(), user_code: said["user_code"].clone() }
    }

    /// What the person does with the page; its text.
    async fn type_code(&self, user_code: &str, decision: &str) -> (u16, String) {
        let page = self.idp.profile().device.unwrap().page;
        let path = page.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap();
        assert_eq!(self.browser.get(&self.url(path)).await.status(), 200);
        let fields = [("user_code", user_code), ("decision", decision)];
        let answer = self.browser.post(&self.url(path), &fields).await;
        (answer.status().as_u16(), text(&answer))
    }

    /// As `gh` asks.
    async fn poll(&self, device: &Device) -> HashMap<String, String> {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let fields = [("client_id", GH), ("device_code", device.code.as_str()), ("grant_type", grant)];
        let answer = self.browser.post(&self.url("/login/oauth/access_token"), &fields).await;
        assert_eq!(answer.status(), 200, "errors too");
        pairs(&text(&answer))
    }

    /// As Codex asks: the status, and what it redeems.
    async fn poll_for_code(&self, device: &Device) -> (u16, Value) {
        let fields = [("device_auth_id", device.code.as_str()), ("user_code", device.user_code.as_str())];
        let answer = self.browser.post(&self.url("/api/accounts/deviceauth/token"), &fields).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
    }
}

/// The members of a form, or of a JSON object.
fn pairs(body: &str) -> HashMap<String, String> {
    match serde_json::from_str::<Value>(body) {
        Ok(json) => {
            let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
            json.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Err(_) => form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
    }
}

#[tokio::test]
async fn a_client_gets_its_token_after_the_person_has_typed_the_code() {
    let provider = Provider::at_once(Profile::github(Consent::Asked)).await;
    let device = provider.begin(&[("client_id", GH), ("scope", "repo read:org gist workflow")]).await;
    assert_eq!(provider.poll(&device).await["error"], "authorization_pending");
    let (status, page) = provider.type_code(&device.user_code.to_lowercase(), "").await;
    assert!(status == 200 && page.contains("GitHub CLI wants to sign in"), "{page}");
    assert!(page.contains("write gists"), "{page}");
    assert_eq!(provider.poll(&device).await["error"], "authorization_pending", "asked, but not answered");
    let (status, page) = provider.type_code(&device.user_code, "allow").await;
    assert!(status == 200 && page.contains("You are signed in"), "{page}");
    let tokens = provider.poll(&device).await;
    assert!(tokens["access_token"].starts_with("gho_"));
    assert_eq!(tokens["scope"], "repo read:org gist workflow");
    assert_eq!(
        provider.idp.log().events(),
        [
            Event::DeviceBegun { sign_in: 1, client_id: GH },
            Event::ConsentAsked { sign_in: 1, client_id: GH },
            Event::Authorized { sign_in: 1, client_id: GH },
            Event::TokenIssued { sign_in: 1, grant: GrantType::DeviceCode },
        ]
    );
}

#[tokio::test]
async fn a_device_code_is_good_for_one_use() {
    let provider = Provider::at_once(Profile::github(Consent::Given)).await;
    let device = provider.begin(&[("client_id", GH)]).await;
    provider.type_code(&device.user_code, "").await;
    assert!(provider.poll(&device).await.contains_key("access_token"));
    assert_eq!(provider.poll(&device).await["error"], "invalid_grant");
    let replayed = Event::Replayed { sign_in: 1, grant: GrantType::DeviceCode };
    assert!(provider.idp.log().events().contains(&replayed));
    assert_eq!(provider.type_code(&device.user_code, "allow").await.0, 400, "and so is the person's");
}

#[tokio::test]
async fn a_person_who_says_no_is_told_to_the_client() {
    let provider = Provider::at_once(Profile::github(Consent::Asked)).await;
    let device = provider.begin(&[("client_id", GH)]).await;
    provider.type_code(&device.user_code, "deny").await;
    assert_eq!(provider.poll(&device).await["error"], "access_denied");
    assert_eq!(provider.type_code(&device.user_code, "allow").await.0, 400, "it is decided");
    assert_eq!(provider.poll(&device).await["error"], "access_denied");
}

#[tokio::test]
async fn codes_expire() {
    let mut profile = Profile::github(Consent::Given);
    profile.device.as_mut().unwrap().lifetime = Duration::ZERO;
    let provider = Provider::at_once(profile).await;
    let device = provider.begin(&[("client_id", GH)]).await;
    assert_eq!(provider.type_code(&device.user_code, "allow").await.0, 400);
    assert_eq!(provider.poll(&device).await["error"], "expired_token");
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_slowed_down() {
    let mut profile = Profile::github(Consent::Given);
    profile.device.as_mut().unwrap().interval = Duration::from_secs(3600);
    let provider = Provider::with(profile).await;
    let device = provider.begin(&[("client_id", GH)]).await;
    assert_eq!(provider.poll(&device).await["error"], "authorization_pending");
    assert_eq!(provider.poll(&device).await["error"], "slow_down");
}

#[tokio::test]
async fn sign_ins_at_the_same_time_do_not_see_one_another() {
    let provider = Provider::at_once(Profile::openai(Consent::Asked)).await;
    let mut devices = Vec::new();
    for _ in 0..3 {
        devices.push(provider.begin(&[("client_id", CODEX)]).await);
    }
    provider.type_code(&devices[1].user_code, "allow").await;
    provider.type_code(&devices[2].user_code, "deny").await;
    assert_eq!(provider.poll_for_code(&devices[0]).await.0, 403);
    assert_eq!(provider.poll_for_code(&devices[1]).await.0, 200);
    assert_eq!(provider.poll_for_code(&devices[2]).await.0, 400);
    let crossed = Device { code: devices[0].code.clone(), user_code: devices[1].user_code.clone() };
    assert_eq!(provider.poll_for_code(&crossed).await.0, 400, "the codes of two sign-ins");
}

#[tokio::test]
async fn codex_redeems_a_code_with_the_verifier_that_came_with_it() {
    let provider = Provider::at_once(Profile::openai(Consent::Given)).await;
    let device = provider.begin(&[("client_id", CODEX)]).await;
    assert_eq!(device.user_code.len(), "ABCD-12345".len());
    assert_eq!(provider.poll_for_code(&device).await.0, 403);
    provider.type_code(&device.user_code, "").await;
    let (_, given) = provider.poll_for_code(&device).await;
    let member = |name: &str| given[name].as_str().unwrap().to_owned();
    let (code, verifier) = (member("authorization_code"), member("code_verifier"));
    let redeem = |redirect_uri: &'static str, verifier: String| {
        let (provider, code) = (&provider, code.clone());
        async move {
            provider
                .token(&[
                    ("grant_type", "authorization_code"),
                    ("client_id", CODEX),
                    ("code", &code),
                    ("redirect_uri", redirect_uri),
                    ("code_verifier", &verifier),
                ])
                .await
        }
    };
    let tokens = redeem("https://auth.openai.com/deviceauth/callback", verifier.clone()).await.unwrap();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
    assert!(provider.idp.log().events().contains(&Event::PkceVerified { sign_in: 1 }));
    let again = redeem("https://auth.openai.com/deviceauth/callback", verifier).await;
    assert_eq!(again, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn the_first_sign_in_may_meet_with_a_mishap_and_the_second_succeeds() {
    for (mishap, status) in [(Mishap::Denied, 400), (Mishap::CodeExpired, 400)] {
        let profile = Profile { mishap: Some(mishap), ..Profile::openai(Consent::Given) };
        let provider = Provider::at_once(profile).await;
        let first = provider.begin(&[("client_id", CODEX)]).await;
        assert_eq!(provider.poll_for_code(&first).await.0, status, "{mishap:?}");
        let second = provider.begin(&[("client_id", CODEX)]).await;
        assert_eq!(provider.poll_for_code(&second).await.0, 403, "{mishap:?}");
    }
}

#[tokio::test]
async fn a_code_that_nobody_shows_goes_nowhere() {
    let provider = Provider::at_once(Profile::github(Consent::Given)).await;
    provider.begin(&[("client_id", GH)]).await;
    let (status, page) = provider.type_code("BBBB-BBBB", "allow").await;
    assert!(status == 400 && page.contains("Nobody waits for this code"), "{page}");
    assert_eq!(provider.type_code("", "allow").await.0, 400);
    let guess = Device { code: "guess".to_owned(), user_code: String::new() };
    assert_eq!(provider.poll(&guess).await["error"], "expired_token");
    let flow = provider.idp.profile().device.unwrap();
    let stranger = provider.browser.post(&provider.url(flow.start_path), &[("client_id", "stranger")]).await;
    assert_eq!(pairs(&text(&stranger))["error"], "invalid_client");
}

#[tokio::test]
async fn the_ledger_holds_both_codes_and_the_log_neither() {
    let provider = Provider::at_once(Profile::openai(Consent::Given)).await;
    let device = provider.begin(&[("client_id", CODEX)]).await;
    provider.type_code(&device.user_code, "").await;
    provider.poll_for_code(&device).await;
    let secrets = provider.idp.secrets();
    let of = |kind| secrets.iter().find(|entry| entry.kind == kind).unwrap().secret.reveal().to_owned();
    assert_eq!((of(SecretKind::DeviceCode), of(SecretKind::UserCode)), (device.code, device.user_code));
    let log: String =
        provider.idp.log().events().iter().map(|event| format!("{event} {event:?}\n")).collect();
    for entry in [SecretKind::DeviceCode, SecretKind::UserCode, SecretKind::Code, SecretKind::Verifier] {
        assert!(!log.contains(&of(entry)), "{entry:?}");
    }
}
