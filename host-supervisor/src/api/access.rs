//! Who may call: an API key for programs, a cookie for the page, a view token for one desktop in somebody's frame.
//!
//! Loopback is no protection, because a guest on user-mode networking reaches the host's loopback. So every call but
//! the health checks needs one of the three. A browser is kept from being tricked by others: the Host header must name
//! this daemon (DNS rebinding), and what comes with a cookie or token must come from this daemon's own pages.

mod host;
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
    response::Response,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::error::ApiError;
use crate::{
    config::Config,
    mac::MacKey,
    private_file::{self, PrivateFileError},
    vault::MasterKey,
};
use host::Hosts;

/// How long the page's cookie counts.
const COOKIE_LIFE: time::Duration = time::Duration::days(7);

/// Decides about callers.
#[derive(Debug)]
pub struct Access {
    keys: MacKey,
    /// Of the API key, which itself is not kept.
    key_tag: Zeroizing<[u8; 32]>,
    cookies: MacKey,
    views: MacKey,
    cookie_name: String,
    secure: bool,
    hosts: Hosts,
}

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the API key")]
    File(#[from] PrivateFileError),
    #[error("no random numbers from the kernel")]
    NoRandomness,
}

/// Who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Key,
    Cookie,
    /// May do what its person needs: use this session's desktop, keep it alive, hand a code or an address over, and try the
    /// sign-in again. It neither starts nor ends sessions, and sees no credentials (`viewer_routes` lists everything).
    View(SessionId),
}

impl Access {
    pub const KEY_FILE: &str = "api-key";

    /// Reads the API key, or makes one at the first start.
    ///
    /// # Errors
    /// When the key's file is readable by others, or cannot be read or made.
    pub fn open(config: &Config, listen_port: u16, master: &MasterKey) -> Result<Self, AccessError> {
        let fresh = MasterKey::random().map_err(|_| AccessError::NoRandomness)?.derive("anteroom api key");
        let path = config.state_dir.join(Self::KEY_FILE);
        let key = private_file::read_or_make(&path, || token::to_hex(&fresh))?;
        Ok(Self::with_key(config, listen_port, master, &key))
    }

    fn with_key(config: &Config, listen_port: u16, master: &MasterKey, api_key: &str) -> Self {
        let keys = MacKey::new(&master.derive("anteroom api keys v1"));
        // Made from the API key too: a new one makes old cookies worthless.
        let cookies = MacKey::new(&master.derive("anteroom cookies v1")).tag(api_key.as_bytes());
        Self {
            key_tag: keys.tag(api_key.as_bytes()),
            keys,
            cookies: MacKey::new(&cookies),
            views: MacKey::new(&master.derive("anteroom view tokens v1")),
            // Cookies do not know ports; two daemons on one host must not overwrite each other's.
            cookie_name: format!("anteroom_{listen_port}"),
            secure: config.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
            hosts: Hosts::new(config),
        }
    }

    /// A token that opens one session's desktop, as long as there is one, and nothing else.
    #[must_use]
    pub fn view_token(&self, session: SessionId) -> String {
        token::to_hex(&self.views.tag(session.to_string().as_bytes())).to_string()
    }

    /// The cookie for whoever has the key.
    pub(super) fn log_in(&self, key: &str) -> Option<String> {
        if !self.keys.verifies(key.as_bytes(), &self.key_tag) {
            return None;
        }
        let expires = (OffsetDateTime::now_utc() + COOKIE_LIFE).unix_timestamp();
        let tag = token::to_hex(&self.cookies.tag(expires.to_string().as_bytes()));
        let secure = if self.secure { "; Secure" } else { "" };
        Some(format!(
            "{}={expires}.{}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            self.cookie_name,
            *tag,
            COOKIE_LIFE.whole_seconds()
        ))
    }

    fn caller(&self, request: &Request) -> Option<Caller> {
        if let Some(key) = presented_key(request.headers()) {
            return self.keys.verifies(key.as_bytes(), &self.key_tag).then_some(Caller::Key);
        }
        if self.has_cookie(request.headers()) {
            return Some(Caller::Cookie);
        }
        None
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let value = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.cookie_name).then_some(value));
        let Some((expires, tag)) = value.and_then(|value| value.split_once('.')) else { return false };
        let now = OffsetDateTime::now_utc().unix_timestamp();
        expires.parse::<i64>().is_ok_and(|expires| expires > now)
            && token::from_hex(tag).is_some_and(|tag| self.cookies.verifies(expires.as_bytes(), &tag))
    }

    fn has_view_token(&self, request: &Request, session: SessionId) -> bool {
        // Players of WHEP have one place for a token.
        let presented = || presented_key(request.headers()).map(Into::into);
        token_in(request.uri().query())
            .or_else(presented)
            .is_some_and(|token| self.is_view_token(&token, session))
    }

    /// Whether an address with this query opens the session's desktop.
    pub(super) fn opened_by(&self, query: Option<&str>, session: SessionId) -> bool {
        token_in(query).is_some_and(|token| self.is_view_token(&token, session))
    }

    fn is_view_token(&self, token: &str, session: SessionId) -> bool {
        token::from_hex(token).is_some_and(|tag| self.views.verifies(session.to_string().as_bytes(), &tag))
    }

    /// Browsers send cookies by themselves and tokens may stand in a page's address, so the page must be ours.
    fn check_origin(&self, caller: Caller, request: &Request) -> Result<(), ApiError> {
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        let matters = changes || request.headers().contains_key(UPGRADE);
        let origin = request.headers().get(ORIGIN);
        let good = match (caller, origin) {
            (Caller::Key, _) => true,
            _ if !matters => true,
            (Caller::Cookie, None) => false,
            // Programs that were given a token send no origin.
            (Caller::View(_), None) => true,
            (_, Some(origin)) => self.hosts.is_own_page(origin, request.headers()),
        };
        if good {
            return Ok(());
        }
        Err(ApiError::forbidden("foreign_origin", "this call must come from a page of this daemon"))
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
    if access.hosts.is_own(request.headers()) {
        return Ok(next.run(request).await);
    }
    let message = "this daemon is not called that; add the name to the setting allowed_hosts if it should be";
    Err(ApiError::new(axum::http::StatusCode::MISDIRECTED_REQUEST, "foreign_host", message))
}

/// Lets key and cookie pass.
pub(super) async fn require_operator(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = access.caller(&request).ok_or_else(ApiError::unauthorized)?;
    access.check_origin(caller, &request)?;
    Ok(next.run(request).await)
}

/// Lets key, cookie, and the view token of the session in the path pass.
pub(super) async fn require_viewer(
    State(access): State<Arc<Access>>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let session = parameters.ok().and_then(|parameters| {
        let id = parameters.iter().find(|(name, _)| *name == "id")?.1;
        id.parse().ok()
    });
    let by_token = || session.filter(|session| access.has_view_token(&request, *session)).map(Caller::View);
    let caller = access.caller(&request).or_else(by_token).ok_or_else(ApiError::unauthorized)?;
    access.check_origin(caller, &request)?;
    Ok(next.run(request).await)
}

/// The API key that the daemon with this state directory asks for.
///
/// # Errors
/// When its file is readable by others, or cannot be read.
pub fn key_of(state_directory: &Path) -> Result<Option<Zeroizing<String>>, PrivateFileError> {
    private_file::read(&state_directory.join(Access::KEY_FILE))
}
