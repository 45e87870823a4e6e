//! A stand-in for github.com and api.github.com.

use std::time::Duration;

use serde_json::json;

use super::{
    Account, Client, Consent, DEMO_EMAIL, DeviceDialect, DeviceFlow, Lifetimes, Pkce, Prefixes, Profile,
    RefreshToken, Resource, Rotation, Scope, Strangers, TokenAnswer, TokenBody, TokenExchange, TokenForm,
};
use crate::jwt::Claims;

const SCOPES: [Scope; 4] = [
    Scope { name: "repo", meaning: "read and write your repositories" },
    Scope { name: "read:org", meaning: "see your organisations" },
    Scope { name: "gist", meaning: "write gists" },
    Scope { name: "workflow", meaning: "change workflows" },
];

impl Profile {
    /// What `gh auth login --web` meets.
    pub fn github(consent: Consent) -> Self {
        let viewer = json!({ "data": { "viewer": { "login": "demo" } } });
        Self {
            issuer: "https://github.com".to_owned(),
            hostnames: ["github.com", "api.github.com"].map(str::to_owned).to_vec(),
            authorize_path: "/login/oauth/authorize",
            token_path: "/login/oauth/access_token",
            token_body: TokenBody::Form,
            token_answer: TokenAnswer::FormWithStatus200,
            device: Some(DeviceFlow {
                start_path: "/login/device/code",
                page: "https://github.com/login/device",
                dialect: DeviceDialect::Standard,
                user_code: [4, 4],
                // GitHub's own is five seconds.
                interval: Duration::from_secs(1),
                lifetime: Duration::from_secs(15 * 60),
            }),
            clients: vec![Client {
                id: "178c6fc778ccc68e1d6a",
                name: "GitHub CLI",
                redirect_path: "/callback",
                code_page: None,
                scopes: &SCOPES,
                consent,
            }],
            account: Account { subject: "demo", email: DEMO_EMAIL, claims: Claims::new() },
            pkce: Pkce::Optional,
            access_token: TokenForm::Opaque,
            refresh_token: RefreshToken::OfflineAccess,
            rotation: Rotation::EachUse,
            strangers: Strangers::Refused,
            prefixes: Prefixes { access_token: "gho_", refresh_token: "" },
            token_exchange: TokenExchange::Unsupported,
            token_extras: Claims::new(),
            resources: vec![Resource { path: "/graphql", answer: viewer }],
            models: &[],
            landings: &[],
            lifetimes: Lifetimes::default(),
            mishap: None,
        }
    }
}
