//! Who is calling, as the handlers and the audit log find it in a request.

use std::{convert::Infallible, fmt};

use anteroom_protocol::SessionId;
use axum::{extract::FromRequestParts, http::request::Parts};

use super::{keys::Key, session_token::TokenRole};
use crate::{api::error::ApiError, store::Scope};

/// Who has been let in.
#[derive(Debug, Clone)]
pub(in crate::api) enum Caller {
    Key(Key),
    /// The page of whoever has logged in with this key.
    Page(Key),
    Token(SessionId, TokenRole),
}

impl Caller {
    pub(super) fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(key) | Self::Page(key) => Some(key),
            Self::Token(..) => None,
        }
    }

    /// The same for one caller whatever it comes with.
    pub(in crate::api) fn name(&self) -> String {
        match self {
            Self::Key(key) | Self::Page(key) => key.to_string(),
            Self::Token(session, _) => session.to_string(),
        }
    }

    /// A token is worth what its session's routes make of it.
    pub(in crate::api) fn may(&self, scope: Scope) -> bool {
        self.key().is_none_or(|key| key.scopes.allow(scope))
    }

    /// Whether it must not touch anything of the session.
    pub(super) fn only_looks(&self) -> bool {
        matches!(self, Self::Token(_, TokenRole::View))
    }
}

/// As the audit log has it.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "{key}"),
            Self::Page(key) => write!(f, "page of {key}"),
            Self::Token(session, TokenRole::Control) => write!(f, "token of session {session}"),
            Self::Token(session, TokenRole::View) => write!(f, "view token of session {session}"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{} ({id})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// As a handler's argument, of a route that has a gate.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthorized)
    }
}

/// As a handler's argument: whether the caller may look only, whatever the request asks for.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct OnlyLooks(pub(in crate::api) bool);

impl<S: Send + Sync> FromRequestParts<S> for OnlyLooks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Whoever was not asked who it is may do nothing.
        Ok(Self(parts.extensions.get::<Caller>().is_none_or(Caller::only_looks)))
    }
}

/// As a handler's argument: whether the caller has no more than a session's token.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct IsToken(pub(in crate::api) bool);

impl<S: Send + Sync> FromRequestParts<S> for IsToken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Caller>().is_none_or(|caller| caller.key().is_none())))
    }
}
