//! Credentials of a sign-in, put where a real CLI looks for them, in the shape in which it leaves them.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub(crate) struct Restored {
    pub(crate) home: PathBuf,
    /// The answer of the token endpoint.
    pub(crate) tokens: Value,
}

impl Restored {
    pub(crate) fn codex(&self) {
        let Self { tokens, .. } = self;
        self.write(
            ".codex/auth.json",
            &json!({
                "auth_mode": "chatgpt",
                "OPENAI_API_KEY": null,
                "tokens": {
                    "id_token": tokens["id_token"],
                    "access_token": tokens["access_token"],
                    "refresh_token": tokens["refresh_token"],
                    "account_id": "acct-demo",
                },
                // It renews what it has not renewed for some days.
                "last_refresh": "2999-01-01T00:00:00Z",
            }),
        );
    }

    pub(crate) fn claude(&self) {
        let scopes: Vec<_> = self.tokens["scope"].as_str().unwrap().split(' ').collect();
        self.write(
            ".claude/.credentials.json",
            &json!({ "claudeAiOauth": {
                "accessToken": self.tokens["access_token"],
                "refreshToken": self.tokens["refresh_token"],
                "expiresAt": self.expires_ms(),
                "scopes": scopes,
                "subscriptionType": "pro",
            } }),
        );
        self.write(".claude.json", &json!({ "hasCompletedOnboarding": true }));
    }

    pub(crate) fn gemini(&self) {
        self.write(
            ".gemini/oauth_creds.json",
            &json!({
                "access_token": self.tokens["access_token"],
                "refresh_token": self.tokens["refresh_token"],
                "scope": self.tokens["scope"],
                "token_type": "Bearer",
                "expiry_date": self.expires_ms(),
            }),
        );
    }

    fn expires_ms(&self) -> u64 {
        (now_seconds() + self.tokens["expires_in"].as_u64().unwrap()) * 1000
    }

    fn write(&self, path: &str, content: &Value) {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        file.write_all(content.to_string().as_bytes()).unwrap();
    }
}

pub(crate) fn codex_access_token(home: &Path) -> String {
    at(home, ".codex/auth.json", "/tokens/access_token")
}

pub(crate) fn claude_access_token(home: &Path) -> String {
    at(home, ".claude/.credentials.json", "/claudeAiOauth/accessToken")
}

pub(crate) fn gemini_access_token(home: &Path) -> String {
    at(home, ".gemini/oauth_creds.json", "/access_token")
}

fn at(home: &Path, path: &str, pointer: &str) -> String {
    let file: Value = serde_json::from_slice(&fs::read(home.join(path)).unwrap()).unwrap();
    file.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
