//! A stand-in for accounts.google.com and what Gemini CLI asks beside it.

use serde_json::json;

use super::{
    Account, Client, CodePage, Consent, DEMO_EMAIL, Lifetimes, Pkce, Prefixes, Profile, RefreshToken,
    Resource, Scope, Shown, TokenAnswer, TokenBody, TokenExchange, TokenForm,
};
use crate::jwt::Claims;

const SCOPES: [Scope; 3] = [
    Scope { name: "https://www.googleapis.com/auth/cloud-platform", meaning: "use your Google Cloud" },
    Scope { name: "https://www.googleapis.com/auth/userinfo.email", meaning: "see your e-mail address" },
    Scope { name: "https://www.googleapis.com/auth/userinfo.profile", meaning: "see your name" },
];

impl Profile {
    /// What `gemini` meets. Its browser flow has no PKCE, its manual one has.
    pub fn google(consent: Consent) -> Self {
        let about = json!({ "id": "demo", "email": DEMO_EMAIL, "verified_email": true, "name": "Demo" });
        let assist = json!({
            "currentTier": { "id": "standard-tier", "name": "Demo" },
            "cloudaicompanionProject": "demo",
        });
        Self {
            issuer: "https://accounts.google.com".to_owned(),
            hostnames: [
                "accounts.google.com",
                "oauth2.googleapis.com",
                "www.googleapis.com",
                "cloudcode-pa.googleapis.com",
                "codeassist.google.com",
                "developers.google.com",
            ]
            .map(str::to_owned)
            .to_vec(),
            authorize_path: "/o/oauth2/v2/auth",
            token_path: "/token",
            token_body: TokenBody::Form,
            token_answer: TokenAnswer::Json,
            device: None,
            clients: vec![Client {
                id: "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com",
                name: "Gemini CLI",
                redirect_path: "/oauth2callback",
                code_page: Some(CodePage {
                    address: "https://codeassist.google.com/authcode",
                    shows: Shown::Code,
                }),
                scopes: &SCOPES,
                consent,
            }],
            account: Account { subject: "demo", email: DEMO_EMAIL, claims: Claims::new() },
            pkce: Pkce::Optional,
            access_token: TokenForm::Opaque,
            refresh_token: RefreshToken::Always,
            prefixes: Prefixes { access_token: "ya29.", refresh_token: "1//" },
            token_exchange: TokenExchange::Unsupported,
            token_extras: Claims::new(),
            resources: vec![
                Resource { path: "/oauth2/v2/userinfo", answer: about },
                Resource { path: "/v1internal:loadCodeAssist", answer: assist },
                // Its start fails now and then when this is refused: nobody may have taken the error yet.
                Resource {
                    path: "/v1internal:listExperiments",
                    answer: json!({ "experimentIds": [], "flags": [] }),
                },
            ],
            landings: &["/gemini-code-assist/auth_success_gemini", "/gemini-code-assist/auth_failure_gemini"],
            lifetimes: Lifetimes::default(),
            mishap: None,
        }
    }
}
