//! Tokens that open one session for a while: for pages in somebody's frame, and for players. They need no table.
//!
//! ```text
//!  1764230400.control.5f0e…
//!      │         │      └── HMAC over session, end and role
//!      │         └── or `view`: looks, and touches nothing
//!      └── when it ends, in seconds since 1970
//! ```

use anteroom_protocol::SessionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::token;
use crate::mac::MacKey;

/// What the holder of a token does with its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum TokenRole {
    /// What its person needs: use the desktop, keep it alive, hand a code or an address over, try the sign-in again.
    #[default]
    Control,
    /// Look at the desktop and at what the session says.
    View,
}

impl TokenRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::View => "view",
        }
    }
}

#[derive(Debug)]
pub(super) struct SessionTokens(MacKey);

impl SessionTokens {
    pub(super) fn new(key: MacKey) -> Self {
        Self(key)
    }

    pub(super) fn make(&self, session: SessionId, role: TokenRole, end: OffsetDateTime) -> String {
        let end = end.unix_timestamp();
        let role = role.as_str();
        let tag = token::to_hex(&self.0.tag(said(session, &end.to_string(), role).as_bytes()));
        format!("{end}.{role}.{}", *tag)
    }

    /// What a token that counts now is good for.
    pub(super) fn role(&self, text: &str, session: SessionId) -> Option<TokenRole> {
        let mut parts = text.splitn(3, '.');
        let (end, role, tag) = (parts.next()?, parts.next()?, token::from_hex(parts.next()?)?);
        let role_of =
            |name: &str| [TokenRole::Control, TokenRole::View].into_iter().find(|role| role.as_str() == name);
        let counts = end.parse::<i64>().ok()? > OffsetDateTime::now_utc().unix_timestamp();
        let genuine = self.0.verifies(said(session, end, role).as_bytes(), &tag);
        role_of(role).filter(|_| counts && genuine)
    }
}

fn said(session: SessionId, end: &str, role: &str) -> String {
    format!("{session}.{end}.{role}")
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_token_opens_its_session_for_its_role_until_its_end() {
        let tokens = SessionTokens::new(MacKey::new(&[1; 32]));
        let (session, other) = (SessionId::random(), SessionId::random());
        let soon = OffsetDateTime::now_utc() + Duration::minutes(1);
        let token = tokens.make(session, TokenRole::View, soon);
        assert_eq!(tokens.role(&token, session), Some(TokenRole::View));
        assert_eq!(tokens.role(&token, other), None);
        let end = soon.unix_timestamp();
        for forged in [
            token.replacen("view", "control", 1),
            token.replacen(&end.to_string(), &(end + 1).to_string(), 1),
            token.replacen(&end.to_string(), &format!("+{end}"), 1),
            format!("{token}0"),
            token[..token.len() - 1].to_owned(),
            String::new(),
            "..".to_owned(),
        ] {
            assert_eq!(tokens.role(&forged, session), None, "{forged}");
        }
        let over = tokens.make(session, TokenRole::Control, OffsetDateTime::now_utc() - Duration::SECOND);
        assert_eq!(tokens.role(&over, session), None);
        let theirs = SessionTokens::new(MacKey::new(&[2; 32])).make(session, TokenRole::View, soon);
        assert_eq!(tokens.role(&theirs, session), None);
    }
}
