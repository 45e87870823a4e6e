//! A session as the handlers find it, living or in the store; and who is asking from where.

use std::sync::Arc;

use anteroom_protocol::SessionId;
use axum::{
    extract::FromRequestParts,
    http::{header::HOST, request::Parts},
};
use time::OffsetDateTime;

use super::{
    Api, OverTls,
    access::TokenRole,
    body::{InPath, UserId, unknown_session, user_id},
    error::ApiError,
    words::{SessionWords, vm_ip},
};
use crate::{session::SessionHandle, store::SessionRecord};

/// How long a page may go on to show how its session has ended.
const AFTERWARDS: time::Duration = time::Duration::hours(1);

/// A session that exists and that the caller may see; as a handler's argument, the one whose id is in the path.
#[derive(Debug)]
pub(super) struct Seen {
    record: SessionRecord,
    living: Option<SessionHandle>,
}

impl Seen {
    pub(super) async fn find(api: &Api, id: SessionId) -> Result<Self, ApiError> {
        let living = api.sessions.living(id);
        let record = match &living {
            Some(session) => session.view().record,
            None => api.store.session_get(id).await?.ok_or_else(unknown_session)?,
        };
        Ok(Self { record, living })
    }

    /// As it is by now.
    pub(super) async fn renewed(self, api: &Api) -> Result<Self, ApiError> {
        Self::find(api, self.record.id).await
    }

    pub(super) fn of(api: &Api, record: SessionRecord) -> Self {
        let living = api.sessions.living(record.id);
        Self { record, living }
    }

    pub(super) fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// Its handle, as long as anything of it lives.
    pub(super) fn living(&self) -> Option<&SessionHandle> {
        self.living.as_ref()
    }

    /// Its handle while it has not ended; 410 with what became of it afterwards.
    pub(super) fn still_going(&self) -> Result<&SessionHandle, ApiError> {
        if let Some(session) = self.living.as_ref().filter(|_| !self.record.status.is_final()) {
            return Ok(session);
        }
        let message = format!("the session has ended: {}", self.record.status.as_str());
        let error = ApiError::gone("session_ended", message).with("status", self.record.status);
        Err(match &self.record.failure {
            Some(failure) => error.with("failure", failure),
            None => error,
        })
    }

    pub(super) fn elapsed_ms(&self) -> i64 {
        let elapsed = OffsetDateTime::now_utc() - self.record.created_at;
        i64::try_from(elapsed.whole_milliseconds()).unwrap_or(i64::MAX)
    }

    pub(super) fn words(self, api: &Api, base: &Base) -> SessionWords {
        match self.living.filter(|_| !self.record.status.is_final()) {
            Some(session) => {
                let novnc_url = base.desktop(api, session.id(), self.record.created_at);
                let vm_ip = vm_ip(&api.sessions.settings().vm.network, session.vm());
                SessionWords::living(session.view(), vm_ip, novnc_url, api.settings.now().clipboard)
            }
            None => SessionWords::ended(self.record),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let acting = Acting::from_request_parts(parts, api).await?;
        let InPath(id) = InPath::<SessionId>::from_request_parts(parts, api).await?;
        let seen = Self::find(api, id).await?;
        acting.may_see(&seen.record.user_id)?;
        Ok(seen)
    }
}

/// The user in whose name the caller acts (`x-user-id`); an operator's tool acts in nobody's.
#[derive(Debug)]
pub(super) struct Acting(Option<UserId>);

impl Acting {
    pub(super) fn user(&self) -> Option<&str> {
        self.0.as_ref().map(UserId::as_str)
    }

    pub(super) fn may_see(&self, user: &str) -> Result<(), ApiError> {
        match &self.0 {
            Some(acting) if acting.as_str() != user => {
                Err(ApiError::forbidden("other_user", "this belongs to another user"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn must_be_nobody(&self) -> Result<(), ApiError> {
        match &self.0 {
            Some(_) => Err(ApiError::forbidden("other_user", "this is about every user")),
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("x-user-id") else { return Ok(Self(None)) };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        user_id(text).map(|user| Self(Some(user)))
    }
}

/// The address under which the caller reaches this daemon.
#[derive(Debug)]
pub(super) struct Base(String);

impl Base {
    /// The desktop's page, openable by whoever has the address, for as long as the session can last. It is the same every time,
    /// so that a page that asks again does not load its frame anew.
    pub(super) fn desktop(&self, api: &Api, session: SessionId, created_at: OffsetDateTime) -> String {
        let end = created_at + api.sessions.settings().limits.now().longest() + AFTERWARDS;
        self.page(api, session, "novnc", &api.access.session_token(session, TokenRole::Control, end))
    }

    /// One of the session's pages, opened by this token.
    pub(super) fn page(&self, api: &Api, session: SessionId, page: &str, token: &str) -> String {
        let settings = api.settings.now();
        let base = settings.public_url.as_ref().map_or(self.0.as_str(), |url| url.as_str());
        format!("{}/api/auth/session/{session}/{page}?token={token}", base.trim_end_matches('/'))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Base {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The header was checked before: it names this daemon.
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let scheme = if parts.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
        Ok(Self(format!("{scheme}://{host}")))
    }
}
