//! A stand-in for auth.openai.com, and for chatgpt.com where Codex asks its model.

use std::time::Duration;

use serde_json::json;

use super::{
    Account, Client, Consent, DEMO_EMAIL, DeviceDialect, DeviceFlow, Lifetimes, Model, ModelDialect, Pkce,
    Prefixes, Profile, RefreshToken, Resource, Rotation, Scope, Strangers, TokenAnswer, TokenBody,
    TokenExchange, TokenForm,
};
use crate::jwt::Claims;

const OPENAI: [Scope; 6] = [
    Scope { name: "openid", meaning: "know who you are" },
    Scope { name: "profile", meaning: "see your name" },
    Scope { name: "email", meaning: "see your e-mail address" },
    Scope { name: "offline_access", meaning: "stay signed in until you sign out" },
    Scope { name: "api.connectors.read", meaning: "read through your connectors" },
    Scope { name: "api.connectors.invoke", meaning: "act through your connectors" },
];

impl Profile {
    /// What `codex login` and `codex exec` meet.
    pub fn openai(consent: Consent) -> Self {
        let about_the_account = json!({
            "chatgpt_account_id": "acct-demo",
            "chatgpt_user_id": "user-demo",
            "user_id": "user-demo",
            "chatgpt_plan_type": "plus",
        });
        let accounts = json!({
            "accounts": [{
                "id": "acct-demo",
                "name": "Demo",
                "structure": "personal",
                "plan_type": "plus",
                "workspace_backend_origin": "https://chatgpt.com",
                "account_routing_override": "NO_CONSTRAINT",
            }],
            "account_ordering": ["acct-demo"],
            "default_account_id": "acct-demo",
        });
        let claims = [("https://api.openai.com/auth".to_owned(), about_the_account)];
        Self {
            issuer: "https://auth.openai.com".to_owned(),
            hostnames: ["auth.openai.com", "chatgpt.com", "api.openai.com"].map(str::to_owned).to_vec(),
            authorize_path: "/oauth/authorize",
            token_path: "/oauth/token",
            // Codex redeems its code with a form and renews its tokens with JSON.
            token_body: TokenBody::FormOrJson,
            token_answer: TokenAnswer::Json,
            device: Some(DeviceFlow {
                start_path: "/api/accounts/deviceauth/usercode",
                page: "https://auth.openai.com/codex/device",
                dialect: DeviceDialect::CodeAndVerifier {
                    poll_path: "/api/accounts/deviceauth/token",
                    redirect_uri: "https://auth.openai.com/deviceauth/callback",
                },
                user_code: [4, 5],
                interval: Duration::from_secs(1),
                lifetime: Duration::from_secs(15 * 60),
            }),
            clients: vec![Client {
                id: "app_EMoamEEZ73f0CkXaXp7hrann",
                name: "Codex CLI",
                redirect_path: "/auth/callback",
                code_page: None,
                scopes: &OPENAI,
                consent,
            }],
            account: Account { subject: "user-demo", email: DEMO_EMAIL, claims: Claims::from_iter(claims) },
            pkce: Pkce::Mandatory,
            access_token: TokenForm::Jwt,
            refresh_token: RefreshToken::OfflineAccess,
            rotation: Rotation::EachUse,
            strangers: Strangers::Refused,
            prefixes: Prefixes::default(),
            token_exchange: TokenExchange::ApiKey,
            token_extras: Claims::new(),
            // Before its first prompt it asks which server its account is on.
            resources: vec![Resource { path: "/backend-api/wham/accounts/check", answer: accounts }],
            models: &[
                Model { path: "/backend-api/codex/responses", dialect: ModelDialect::Responses },
                // What it asks when it is not signed in, without a token.
                Model { path: "/v1/responses", dialect: ModelDialect::Responses },
            ],
            landings: &[],
            lifetimes: Lifetimes::default(),
            mishap: None,
        }
    }
}
