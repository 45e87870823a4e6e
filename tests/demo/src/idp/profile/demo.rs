//! The provider of our own command-line tool.

use super::{
    Account, Client, Consent, DEMO_EMAIL, Lifetimes, Model, ModelDialect, Pkce, Prefixes, Profile,
    RefreshToken, Rotation, Scope, Strangers, TokenAnswer, TokenBody, TokenExchange, TokenForm,
};
use crate::jwt::Claims;

const IDENTITY: [Scope; 3] = [
    Scope { name: "openid", meaning: "know who you are" },
    Scope { name: "email", meaning: "see your e-mail address" },
    Scope { name: "offline_access", meaning: "stay signed in until you sign out" },
];

impl Profile {
    /// The provider of our own command-line tool. The client `demo` asks, `demo-auto` does not.
    pub fn demo(issuer: impl Into<String>) -> Self {
        let client = |id, name, consent| Client {
            id,
            name,
            redirect_path: "/callback",
            code_page: None,
            scopes: &IDENTITY,
            consent,
        };
        Self {
            issuer: issuer.into(),
            hostnames: vec!["localhost".to_owned()],
            authorize_path: "/oauth/authorize",
            token_path: "/oauth/token",
            token_body: TokenBody::Form,
            token_answer: TokenAnswer::Json,
            device: None,
            clients: vec![
                client("demo", "The Anteroom demo tool", Consent::Asked),
                client("demo-auto", "The Anteroom demo tool (automatic)", Consent::Given),
            ],
            account: Account { subject: "user-demo", email: DEMO_EMAIL, claims: Claims::new() },
            pkce: Pkce::Mandatory,
            access_token: TokenForm::Opaque,
            refresh_token: RefreshToken::OfflineAccess,
            rotation: Rotation::EachUse,
            strangers: Strangers::Taken,
            prefixes: Prefixes::default(),
            token_exchange: TokenExchange::Unsupported,
            token_extras: Claims::new(),
            resources: Vec::new(),
            models: &[Model { path: "/model", dialect: ModelDialect::Plain }],
            landings: &[],
            lifetimes: Lifetimes::default(),
            mishap: None,
        }
    }
}
