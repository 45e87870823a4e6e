//! A client of the provider that does each step by itself, so that each can go wrong.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::net::SocketAddr;

use anteroom_demo::idp::{Idp, Profile};
use anteroom_demo::pkce::Verifier;
use axum::body::Bytes;
use axum::http::{Response, header};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::browser::{Browser, location, parameter, ticket};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:41234/callback";

pub(crate) struct Provider {
    pub(crate) idp: Idp,
    pub(crate) address: SocketAddr,
    pub(crate) browser: Browser,
}

/// A client's sign-in: what it has to remember.
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) redirect: &'static str,
    pub(crate) verifier: Verifier,
}

impl Client {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, redirect: REDIRECT, verifier: Verifier::random().unwrap() }
    }
}

impl Provider {
    pub(crate) async fn demo() -> Self {
        Self::with(Profile::demo("http://127.0.0.1:9400")).await
    }

    pub(crate) async fn with(profile: Profile) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let idp = Idp::new(profile);
        tokio::spawn(idp.clone().run(listener, std::future::pending()));
        Self { idp, address, browser: Browser::plain() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn authorize(&self, client: &Client, state: &str) -> Response<Bytes> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client.id)
            .append_pair("redirect_uri", client.redirect)
            .append_pair("code_challenge", client.verifier.challenge().as_str())
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", state)
            .finish();
        let path = self.idp.profile().authorize_path;
        self.browser.get(&self.url(&format!("{path}?{query}"))).await
    }

    pub(crate) async fn decide(&self, ticket: &str, decision: &str) -> Response<Bytes> {
        let fields = [("request", ticket), ("decision", decision)];
        self.browser.post(&self.url(&self.idp.profile().decision_path()), &fields).await
    }

    /// A code by way of the page.
    pub(crate) async fn code(&self, client: &Client) -> String {
        let page = self.authorize(client, "s").await;
        parameter(&location(&self.decide(&ticket(&page), "allow").await).unwrap(), "code").unwrap()
    }

    pub(crate) async fn redeem(&self, client: &Client, code: &str) -> Result<Value, String> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", client.id),
            ("code", code),
            ("redirect_uri", client.redirect),
            ("code_verifier", client.verifier.secret().reveal()),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, client: &Client, token: &Value) -> Result<Value, String> {
        let token = token.as_str().expect("a refresh token");
        self.token(&[("grant_type", "refresh_token"), ("client_id", client.id), ("refresh_token", token)])
            .await
    }

    /// The tokens, or the error's code.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.browser.post(&self.url(self.idp.profile().token_path), fields).await;
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        match answer.status().as_u16() {
            200 => Ok(body),
            400 | 401 => Err(body["error"].as_str().unwrap().to_owned()),
            status => panic!("status {status}: {body}"),
        }
    }
}
