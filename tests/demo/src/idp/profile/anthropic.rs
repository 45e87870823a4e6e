//! A stand-in for claude.com, platform.claude.com and api.anthropic.com.

use std::time::Duration;

use serde_json::json;

use super::{
    Account, Client, CodePage, Consent, DEMO_EMAIL, Lifetimes, Model, ModelDialect, Pkce, Prefixes, Profile,
    RefreshToken, Resource, Rotation, Scope, Shown, Strangers, TokenAnswer, TokenBody, TokenExchange,
    TokenForm,
};
use crate::jwt::Claims;

const SCOPES: [Scope; 9] = [
    Scope { name: "org:create_api_key", meaning: "make API keys of your organisation" },
    Scope { name: "user:profile", meaning: "see your profile" },
    Scope { name: "user:inference", meaning: "use your subscription" },
    Scope { name: "user:sessions:claude_code", meaning: "keep sessions of Claude Code" },
    Scope { name: "user:mcp_servers", meaning: "use your MCP servers" },
    Scope { name: "user:file_upload", meaning: "upload files" },
    Scope { name: "user:plugins", meaning: "use your plugins" },
    Scope { name: "user:privacy_consents:write", meaning: "write down what you consent to" },
    Scope { name: "org:desktop_config", meaning: "read the desktop configuration" },
];

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const ACCOUNT_ID: &str = "3b7f5c1e-0000-4000-8000-00000000de70";
const ORGANISATION_ID: &str = "9d2a4e6c-0000-4000-8000-00000000de70";

impl Profile {
    /// What `claude auth login` meets, and `claude setup-token`, which asks for a token that lasts for a year.
    pub fn anthropic(consent: Consent) -> Self {
        let account = json!({ "uuid": ACCOUNT_ID, "email_address": DEMO_EMAIL });
        let organisation = json!({ "uuid": ORGANISATION_ID, "name": "Demo" });
        let about = json!({
            "account": {
                "uuid": ACCOUNT_ID,
                "email": DEMO_EMAIL,
                "display_name": "Demo",
                "has_claude_pro": true,
                "has_claude_max": false,
            },
            "organization": {
                "uuid": ORGANISATION_ID,
                "name": "Demo",
                "organization_type": "claude_pro",
                "rate_limit_tier": "default_claude_ai",
            },
        });
        let roles = json!({
            "organization_uuid": ORGANISATION_ID,
            "organization_name": "Demo",
            "organization_role": "admin",
            "workspace_role": null,
        });
        let extras = [("account".to_owned(), account), ("organization".to_owned(), organisation)];
        Self {
            issuer: "https://claude.com".to_owned(),
            hostnames: ["claude.com", "platform.claude.com", "api.anthropic.com"].map(str::to_owned).to_vec(),
            authorize_path: "/cai/oauth/authorize",
            token_path: "/v1/oauth/token",
            token_body: TokenBody::FormOrJson,
            token_answer: TokenAnswer::Json,
            device: None,
            clients: vec![Client {
                id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
                name: "Claude Code",
                redirect_path: "/callback",
                code_page: Some(CodePage {
                    address: "https://platform.claude.com/oauth/code/callback",
                    shows: Shown::CodeAndState,
                }),
                scopes: &SCOPES,
                consent,
            }],
            account: Account { subject: ACCOUNT_ID, email: DEMO_EMAIL, claims: Claims::new() },
            pkce: Pkce::Mandatory,
            access_token: TokenForm::LongOpaque,
            refresh_token: RefreshToken::Always,
            rotation: Rotation::EachUse,
            strangers: Strangers::Refused,
            prefixes: Prefixes { access_token: "sk-ant-oat01-", refresh_token: "sk-ant-ort01-" },
            token_exchange: TokenExchange::Unsupported,
            token_extras: Claims::from_iter(extras),
            resources: vec![
                Resource { path: "/api/oauth/profile", answer: about },
                Resource { path: "/api/oauth/claude_cli/roles", answer: roles },
            ],
            models: &[Model { path: "/v1/messages", dialect: ModelDialect::Messages }],
            landings: &["/oauth/code/success"],
            lifetimes: Lifetimes { longest_access_token: A_YEAR, ..Lifetimes::default() },
            mishap: None,
        }
    }
}
