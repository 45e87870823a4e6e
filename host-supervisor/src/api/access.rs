//! Who may call, and what: keys for programs, a cookie for whoever has logged in with one, a token for one session in somebody's
//! frame.
//!
//! ```text
//!  request ─▶ key, or cookie of one? ──▶ has it the route's scope? ───┬──▶ does it come from a page of ours? ──▶ handler
//!                      └── session's token? ──▶ may it more than look? ─┘
//!                     401                            403                              403
//! ```
//! Loopback is no protection, because a guest on user-mode networking reaches the host's loopback. So every call but
//! the health checks needs one of the three. A browser is kept from being tricked by others: the Host header must name
//! this daemon (DNS rebinding), and what comes with a cookie or token must come from this daemon's own pages, or from
//! those that the operator has listed.

mod caller;
mod host;
mod keys;
mod session_token;
mod token;

use std::{borrow::Cow, path::Path, sync::Arc};

use anteroom_protocol::SessionId;
use axum::{
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{
        HeaderMap, Method,
        header::{AUTHORIZATION, COOKIE, ORIGIN, UPGRADE},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::error::ApiError;
use crate::{
    config::Config,
    live::Live,
    mac::MacKey,
    private_file::{self, PrivateFileError},
    store::{ApiKeyId, ApiKeyRecord, Scope, Scopes, Store, StoreError},
    vault::MasterKey,
};
pub(super) use caller::{Caller, IsToken, OnlyLooks};
use host::Hosts;
pub(super) use keys::MakeKeyError;
use keys::{Key, Keys};
use session_token::SessionTokens;
pub(super) use session_token::TokenRole;

/// How long the page's cookie counts.
const COOKIE_LIFE: time::Duration = time::Duration::days(7);
/// Stands for the local key in a cookie.
const LOCAL: &str = "local";

/// Decides about callers.
#[derive(Debug)]
pub struct Access {
    keys: Keys,
    cookies: MacKey,
    tokens: SessionTokens,
    cookie_name: String,
    hosts: Live<Hosts>,
}

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the API key")]
    File(#[from] PrivateFileError),
    #[error("the API keys")]
    Store(#[from] StoreError),
    #[error("no random numbers from the kernel")]
    NoRandomness,
}

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needs {
    /// A key with this scope.
    Scope(Scope),
    /// A key for sessions, or a token of the session in the path that is good for this.
    Session(TokenRole),
    /// Any key.
    Key,
}

/// The door of some routes.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) access: Arc<Access>,
    pub(super) needs: Needs,
}

impl Access {
    pub const KEY_FILE: &str = "api-key";

    /// Reads the local API key, or makes one at the first start; and those of the store.
    ///
    /// # Errors
    /// When the key's file is readable by others, or cannot be read or made; when the database does not answer.
    pub async fn open(
        config: &Config,
        listen_port: u16,
        master: &MasterKey,
        store: Store,
    ) -> Result<Self, AccessError> {
        let fresh = MasterKey::random().map_err(|_| AccessError::NoRandomness)?.derive("anteroom api key");
        let path = config.state_dir.join(Self::KEY_FILE);
        let local = private_file::read_or_make(&path, || token::to_hex(&fresh))?;
        let local_mac = MacKey::new(&master.derive("anteroom api keys v1"));
        Ok(Self {
            keys: Keys::load(store, local_mac, &local).await?,
            cookies: MacKey::new(&master.derive("anteroom cookies v2")),
            tokens: SessionTokens::new(MacKey::new(&master.derive("anteroom session tokens v1"))),
            // Cookies do not know ports; two daemons on one host must not overwrite each other's.
            cookie_name: format!("anteroom_{listen_port}"),
            hosts: Live::new(Hosts::new(config)),
        })
    }

    /// Names and pages are those of this configuration from now on.
    pub(super) fn apply(&self, config: &Config) {
        self.hosts.set(Hosts::new(config));
    }

    /// Writes down when keys were used last, until `stop` and then once more.
    pub async fn note_uses(self: Arc<Self>, stop: CancellationToken) {
        self.keys.note_uses(stop).await;
    }

    /// A token that opens this one session until then, as long as it lives.
    pub(super) fn session_token(&self, session: SessionId, role: TokenRole, end: OffsetDateTime) -> String {
        self.tokens.make(session, role, end)
    }

    pub(super) async fn make_key(
        &self,
        name: String,
        scopes: Scopes,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(ApiKeyRecord, Zeroizing<String>), MakeKeyError> {
        self.keys.make(name, scopes, expires_at).await
    }

    /// `None` when there is no such key.
    pub(super) async fn revoke_key(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.keys.revoke(id).await
    }

    pub(super) fn list_keys(&self) -> Vec<ApiKeyRecord> {
        self.keys.list()
    }

    /// The cookie for whoever has the key.
    pub(super) fn log_in(&self, key: &str) -> Option<String> {
        let key = self.keys.find(key)?;
        let id = key.id.as_ref().map_or(LOCAL, ApiKeyId::as_str);
        let expires = (OffsetDateTime::now_utc() + COOKIE_LIFE).unix_timestamp();
        let said = format!("{expires}.{id}");
        let tag = token::to_hex(&self.cookies_of(&key).tag(said.as_bytes()));
        let secure = if self.hosts.now().uses_tls { "; Secure" } else { "" };
        Some(format!(
            "{}={said}.{}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            self.cookie_name,
            *tag,
            COOKIE_LIFE.whole_seconds()
        ))
    }

    /// The cookie with which a browser forgets the other.
    pub(super) fn log_out(&self) -> String {
        format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", self.cookie_name)
    }

    /// Made from the key, too: one that is replaced makes its cookies worthless.
    fn cookies_of(&self, key: &Key) -> MacKey {
        MacKey::new(&self.cookies.tag(&key.digest))
    }

    /// Whether the key of somebody who was let in has neither ended nor been revoked since.
    pub(super) fn still_counts(&self, caller: &Caller) -> bool {
        caller.key().is_none_or(|key| self.keys.of(key.id.as_ref()).is_some())
    }

    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        if let Some(text) = presented_key(headers) {
            return self.keys.find(text).map(Caller::Key);
        }
        self.key_of_cookie(headers).map(Caller::Page)
    }

    fn key_of_cookie(&self, headers: &HeaderMap) -> Option<Key> {
        let value = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.cookie_name).then_some(value))?;
        let (said, tag) = value.rsplit_once('.')?;
        let (expires, id) = said.split_once('.')?;
        let counts = expires.parse::<i64>().ok()? > OffsetDateTime::now_utc().unix_timestamp();
        let key = if id == LOCAL { self.keys.of(None) } else { self.keys.of(Some(&id.parse().ok()?)) }?;
        let tag = token::from_hex(tag)?;
        (counts && self.cookies_of(&key).verifies(said.as_bytes(), &tag)).then_some(key)
    }

    fn holder_of_token(&self, request: &Request, session: SessionId) -> Option<Caller> {
        // Players of WHEP have one place for a token.
        let presented = || presented_key(request.headers()).map(Into::into);
        let token = token_in(request.uri().query()).or_else(presented)?;
        self.tokens.role(&token, session).map(|role| Caller::Token(session, role))
    }

    /// Whether an address with this query opens the session's desktop.
    pub(super) fn opened_by(&self, query: Option<&str>, session: SessionId) -> bool {
        token_in(query).is_some_and(|token| self.tokens.role(&token, session).is_some())
    }

    /// Browsers send cookies by themselves and tokens may stand in a page's address, so the page must be ours.
    fn check_origin(&self, caller: &Caller, request: &Request) -> Result<(), ApiError> {
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        let matters = changes || request.headers().contains_key(UPGRADE);
        let origin = request.headers().get(ORIGIN);
        let hosts = self.hosts.now();
        let good = match (caller, origin) {
            (Caller::Key(_), _) => true,
            _ if !matters => true,
            (Caller::Page(_), None) => false,
            // Programs that were given a token send no origin.
            (Caller::Token(..), None) => true,
            (Caller::Page(_), Some(origin)) => hosts.is_own_page(origin, request.headers()),
            (Caller::Token(..), Some(origin)) => {
                hosts.is_own_page(origin, request.headers()) || hosts.is_listed_page(origin)
            }
        };
        if good {
            return Ok(());
        }
        Err(ApiError::forbidden("foreign_origin", "this call must come from a page of this daemon"))
    }
}

impl Needs {
    fn check(self, caller: &Caller) -> Result<(), ApiError> {
        let scope = match self {
            Self::Scope(scope) => Some(scope),
            Self::Session(_) => Some(Scope::Sessions),
            Self::Key => None,
        };
        if let Some(scope) = scope.filter(|scope| !caller.may(*scope)) {
            let message = format!("this key may not do that: it lacks the scope {scope}");
            return Err(ApiError::forbidden("missing_scope", message).with("scope", scope));
        }
        if matches!(self, Self::Session(TokenRole::Control)) && caller.only_looks() {
            return Err(ApiError::forbidden("view_only", "this token is for looking only"));
        }
        Ok(())
    }
}

fn token_in(query: Option<&str>) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find_map(|(name, value)| (name == "token").then_some(value))
}

/// The key of whoever calls with one, and nothing when nobody does.
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, key)| scheme.eq_ignore_ascii_case("bearer").then_some(key.trim()));
    bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))
}

/// Refuses requests that are addressed to another host.
pub(super) async fn require_own_host(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if access.hosts.now().is_own(request.headers()) {
        return Ok(next.run(request).await);
    }
    let message = "this daemon is not called that; add the name to the setting allowed_hosts if it should be";
    Err(ApiError::new(axum::http::StatusCode::MISDIRECTED_REQUEST, "foreign_host", message))
}

/// Lets those pass who may, and has whoever comes after know who that is: the handler, and the audit log on the way back.
pub(super) async fn admit(
    State(Gate { access, needs }): State<Gate>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let session = || {
        let parameters = parameters.ok()?;
        let id = parameters.iter().find(|(name, _)| *name == "id")?.1;
        id.parse().ok()
    };
    let by_token = || match needs {
        Needs::Scope(_) | Needs::Key => None,
        Needs::Session(_) => access.holder_of_token(&request, session()?),
    };
    let caller = access.caller(request.headers()).or_else(by_token).ok_or_else(ApiError::unauthorized)?;
    if let Some(id) = caller.key().and_then(|key| key.id.as_ref()) {
        access.keys.used(id);
    }
    let mut response = match needs.check(&caller).and_then(|()| access.check_origin(&caller, &request)) {
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// The API key that the daemon with this state directory asks for.
///
/// # Errors
/// When its file is readable by others, or cannot be read.
pub fn key_of(state_directory: &Path) -> Result<Option<Zeroizing<String>>, PrivateFileError> {
    private_file::read(&state_directory.join(Access::KEY_FILE))
}
