//! A stand-in for accounts.google.com and what Gemini CLI asks beside it.

use serde_json::json;

use super::{
    Account, Client, CodePage, Consent, DEMO_EMAIL, Lifetimes, Model, ModelDialect, Pkce, Prefixes, Profile,
    RefreshToken, Resource, Rotation, Scope, Shown, Strangers, TokenAnswer, TokenBody, TokenExchange,
    TokenForm,
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
        let choice = json!({
            "reasoning": "a demo",
            "model_choice": "flash",
            "complexity_reasoning": "a demo",
            "complexity_score": 1,
        });
        let chosen = json!({ "response": {
            "candidates": [{
                "content": { "role": "model", "parts": [{ "text": choice.to_string() }] },
                "finishReason": "STOP",
            }],
            "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 },
        } });
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
            // Whatever an answer holds, Gemini CLI keeps the refresh token that it has.
            rotation: Rotation::Never,
            strangers: Strangers::Refused,
            prefixes: Prefixes { access_token: "ya29.", refresh_token: "1//" },
            token_exchange: TokenExchange::Unsupported,
            token_extras: Claims::new(),
            resources: vec![
                Resource { path: "/oauth2/v2/userinfo", answer: about },
                Resource { path: "/v1internal:loadCodeAssist", answer: assist },
                Resource {
                    path: "/tokeninfo",
                    answer: json!({ "email": DEMO_EMAIL, "expires_in": 3600, "scope": SCOPES[0].name }),
                },
                Resource { path: "/v1internal:retrieveUserQuota", answer: json!({ "buckets": [] }) },
                // With "auto" it lets a small model choose the model, in one of two forms.
                Resource { path: "/v1internal:generateContent", answer: chosen },
                // Its start fails now and then when this is refused: nobody may have taken the error yet.
                Resource {
                    path: "/v1internal:listExperiments",
                    answer: json!({ "experimentIds": [], "flags": [] }),
                },
            ],
            models: &[Model { path: "/v1internal:streamGenerateContent", dialect: ModelDialect::Generate }],
            landings: &["/gemini-code-assist/auth_success_gemini", "/gemini-code-assist/auth_failure_gemini"],
            lifetimes: Lifetimes::default(),
            mishap: None,
        }
    }
}
