//! What distinguishes one identity provider from another, as data: paths, clients, account, tokens.
//!
//! The rules of OAuth are not here, they hold for every profile.

use std::time::Duration;

use serde_json::{Value, json};

use crate::jwt::Claims;

/// The e-mail address of the one person the demo knows.
pub const DEMO_EMAIL: &str = "demo@example.org";

#[derive(Debug, Clone)]
pub struct Profile {
    /// Origin without a trailing slash, as it stands in `iss`.
    pub issuer: String,
    /// The names it answers to when it is served with TLS.
    pub hostnames: Vec<String>,
    pub authorize_path: &'static str,
    pub token_path: &'static str,
    pub token_body: TokenBody,
    pub clients: Vec<Client>,
    pub account: Account,
    pub access_token: TokenForm,
    pub token_exchange: TokenExchange,
    pub lifetimes: Lifetimes,
}

/// A registered client. All are public ones (RFC 6749 section 2.1): they have no secret.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: &'static str,
    /// For the person who is asked.
    pub name: &'static str,
    pub redirect_path: &'static str,
    pub scopes: &'static [Scope],
    pub consent: Consent,
}

#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub name: &'static str,
    /// Completes "This lets it ...".
    pub meaning: &'static str,
}

/// Who says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The person, on a page.
    Asked,
    /// Nobody: the browser is sent back at once.
    Given,
}

/// The one person there is.
#[derive(Debug, Clone)]
pub struct Account {
    pub subject: &'static str,
    pub email: &'static str,
    /// Claims in every token beyond the standard ones.
    pub claims: Claims,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForm {
    Opaque,
    Jwt,
}

/// How the parameters of a token request may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBody {
    /// As RFC 6749 section 4.1.3 has it.
    Form,
    /// Or as a JSON object, which some providers take besides.
    FormOrJson,
}

/// Whether an ID token can be exchanged for an API key (RFC 8693 in the dialect of auth.openai.com).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenExchange {
    Unsupported,
    ApiKey,
}

#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// How long a consent page can be answered.
    pub consent: Duration,
    pub code: Duration,
    pub access_token: Duration,
    pub refresh_token: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            consent: Duration::from_secs(15 * 60),
            // RFC 6749 section 4.1.2: ten minutes at most.
            code: Duration::from_secs(60),
            access_token: Duration::from_secs(60 * 60),
            refresh_token: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

const IDENTITY: [Scope; 3] = [
    Scope { name: "openid", meaning: "know who you are" },
    Scope { name: "email", meaning: "see your e-mail address" },
    Scope { name: "offline_access", meaning: "stay signed in until you sign out" },
];

const OPENAI: [Scope; 6] = [
    Scope { name: "openid", meaning: "know who you are" },
    Scope { name: "profile", meaning: "see your name" },
    Scope { name: "email", meaning: "see your e-mail address" },
    Scope { name: "offline_access", meaning: "stay signed in until you sign out" },
    Scope { name: "api.connectors.read", meaning: "read through your connectors" },
    Scope { name: "api.connectors.invoke", meaning: "act through your connectors" },
];

impl Profile {
    /// The provider of our own command-line tool. The client `demo` asks, `demo-auto` does not.
    pub fn demo(issuer: impl Into<String>) -> Self {
        let client =
            |id, name, consent| Client { id, name, redirect_path: "/callback", scopes: &IDENTITY, consent };
        Self {
            issuer: issuer.into(),
            hostnames: vec!["localhost".to_owned()],
            authorize_path: "/oauth/authorize",
            token_path: "/oauth/token",
            token_body: TokenBody::Form,
            clients: vec![
                client("demo", "The Anteroom demo tool", Consent::Asked),
                client("demo-auto", "The Anteroom demo tool (automatic)", Consent::Given),
            ],
            account: Account { subject: "user-demo", email: DEMO_EMAIL, claims: Claims::new() },
            access_token: TokenForm::Opaque,
            token_exchange: TokenExchange::Unsupported,
            lifetimes: Lifetimes::default(),
        }
    }

    /// A stand-in for auth.openai.com as `codex login` knows it.
    pub fn openai(consent: Consent) -> Self {
        let about_the_account = json!({
            "chatgpt_account_id": "acct-demo",
            "chatgpt_user_id": "user-demo",
            "user_id": "user-demo",
            "chatgpt_plan_type": "plus",
        });
        let claims = [("https://api.openai.com/auth".to_owned(), about_the_account)];
        Self {
            issuer: "https://auth.openai.com".to_owned(),
            hostnames: vec!["auth.openai.com".to_owned()],
            authorize_path: "/oauth/authorize",
            token_path: "/oauth/token",
            // Codex redeems its code with a form and renews its tokens with JSON.
            token_body: TokenBody::FormOrJson,
            clients: vec![Client {
                id: "app_EMoamEEZ73f0CkXaXp7hrann",
                name: "Codex CLI",
                redirect_path: "/auth/callback",
                scopes: &OPENAI,
                consent,
            }],
            account: Account { subject: "user-demo", email: DEMO_EMAIL, claims: Claims::from_iter(claims) },
            access_token: TokenForm::Jwt,
            token_exchange: TokenExchange::ApiKey,
            lifetimes: Lifetimes::default(),
        }
    }

    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// Where the consent page sends its answer.
    pub fn decision_path(&self) -> String {
        format!("{}/decision", self.authorize_path)
    }

    /// RFC 8414: what a client can find out about this server.
    pub fn metadata(&self) -> Value {
        let Self { issuer, authorize_path, token_path, .. } = self;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}{authorize_path}"),
            "token_endpoint": format!("{issuer}{token_path}"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": [crate::pkce::METHOD],
            "token_endpoint_auth_methods_supported": ["none"],
        })
    }
}
