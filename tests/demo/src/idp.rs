//! An OAuth 2.1 identity provider for one made-up person: authorization code with PKCE, device codes (RFC 8628), nothing that
//! the draft dropped.
//!
//! What it is like towards its clients is a [`Profile`]; what happened is in its [`Log`]; the secrets it handed out are in
//! [`Idp::secrets`], so that a test can look for them where they must not be. State lives in memory and dies with it. It
//! protects nothing: the tokens open no door.
//!
//! ```text
//!   GET authorize ──▶ asked ──Allow──▶ code issued ──POST token, PKCE verified──▶ tokens ──refresh──▶ tokens ...
//!        │              └──Deny──▶ error=access_denied         └──anything wrong──▶ code burnt
//!        └── (client that need not ask) ──▶ code issued, to a listener or shown on a page
//! ```

mod access;
mod answer;
mod authorize;
mod code_page;
mod consent;
mod device;
mod error;
mod exchange;
mod ledger;
mod log;
mod mint;
mod model;
mod params;
pub mod profile;
mod redirect;
mod resource;
mod tickets;
#[cfg(feature = "tls")]
pub mod tls;
mod token;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::Value;

pub use ledger::{Entry, SecretKind};
pub use log::{Endpoint, Event, GrantType, Log};
pub(crate) use params::Params;
pub use profile::{Consent, Mishap, Profile};
pub use tickets::SignInNumber;

use access::AccessTokens;
use authorize::{Granted, SignIn};
use consent::Asked;
use device::Devices;
use ledger::Ledger;
use profile::{DeviceDialect, Strangers};
use tickets::Tickets;

use crate::serve::serve;

/// Open consent pages, live codes, device codes, access tokens and refresh tokens are bounded by this number each.
const MOST_TICKETS: usize = 1024;
/// Of a path that goes into the log.
const LONGEST_PATH_CHARS: usize = 200;

/// A handle on the one provider; clones share its state, so it can be served on several listeners.
#[derive(Clone)]
pub struct Idp(Arc<Shared>);

struct Shared {
    profile: Profile,
    log: Log,
    ledger: Ledger,
    tables: Mutex<Tables>,
}

struct Tables {
    sign_ins: SignInNumber,
    consents: Tickets<Asked>,
    codes: Tickets<SignIn>,
    devices: Devices,
    refresh_tokens: Tickets<Renewable>,
    access_tokens: AccessTokens,
    /// Refresh tokens of other processes.
    strangers: Strangers,
}

/// What a refresh token stands for.
#[derive(Debug, Clone)]
pub(crate) struct Renewable {
    client_id: &'static str,
    scope: Granted,
}

impl Idp {
    pub fn new(profile: Profile) -> Self {
        let lifetimes = profile.lifetimes;
        let tables = Tables {
            sign_ins: 0,
            consents: Tickets::new(lifetimes.consent, MOST_TICKETS),
            codes: Tickets::new(lifetimes.code, MOST_TICKETS),
            devices: Devices::new(profile.device, MOST_TICKETS),
            refresh_tokens: Tickets::new(lifetimes.refresh_token, MOST_TICKETS),
            access_tokens: AccessTokens::new(profile.strangers, MOST_TICKETS),
            strangers: profile.strangers,
        };
        let (log, ledger) = (Log::default(), Ledger::default());
        Self(Arc::new(Shared { profile, log, ledger, tables: Mutex::new(tables) }))
    }

    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Every secret that was issued or shown here, oldest first (the last few thousand).
    pub fn secrets(&self) -> Vec<Entry> {
        self.0.ledger.all()
    }

    /// Refuses every access token that was issued so far. Who has a refresh token gets another one for it.
    pub fn revoke_access_tokens(&self) {
        self.tables().access_tokens.revoke_all();
    }

    /// Refuses every access token and every refresh token that was issued so far.
    pub fn revoke_everything(&self) {
        let mut tables = self.tables();
        tables.access_tokens.revoke_all();
        tables.refresh_tokens.forget_all();
        tables.strangers = Strangers::Refused;
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// When the listener is lost.
    pub async fn run<L>(self, listener: L, shutdown: impl Future<Output = ()>) -> io::Result<()>
    where
        L: axum::serve::Listener,
        L::Addr: fmt::Debug,
    {
        serve(listener, self.router(), shutdown).await
    }

    pub fn router(&self) -> Router {
        let profile = self.profile();
        let mut router = Router::new();
        for resource in &profile.resources {
            router = router.route(resource.path, any(resource::resource));
        }
        for model in profile.models {
            let limit = DefaultBodyLimit::max(model::LARGEST_BODY_BYTES);
            router = router.route(model.path, any(model::answer).layer(limit));
        }
        for landing in profile.landings {
            router = router.route(landing, get(resource::landing));
        }
        for page in profile.clients.iter().filter_map(|client| client.code_page) {
            router = router.route(page.path(), get(code_page::code_page));
        }
        if let Some(flow) = &profile.device {
            router = router
                .route(flow.start_path, post(device::endpoint::start))
                .route(flow.page_path(), get(device::page::ask_for_code).post(device::page::take_code));
            if let DeviceDialect::CodeAndVerifier { poll_path, .. } = flow.dialect {
                router = router.route(poll_path, post(device::endpoint::poll));
            }
        }
        router
            .route(profile.authorize_path, get(consent::authorize))
            .route(&profile.decision_path(), post(consent::decide))
            .route(profile.token_path, post(exchange::token))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .fallback(not_found)
            .layer(DefaultBodyLimit::max(params::LARGEST_BYTES))
            .with_state(self.clone())
    }

    /// Whether this is what goes wrong with this sign-in.
    fn meets(&self, number: SignInNumber, mishap: Mishap) -> bool {
        number == 1 && self.profile().mishap == Some(mishap)
    }

    fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the profile only: the tables are full of secrets.
impl fmt::Debug for Idp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idp").field("profile", self.profile()).finish_non_exhaustive()
    }
}

async fn metadata(State(idp): State<Idp>) -> Json<Value> {
    Json(idp.profile().metadata())
}

async fn not_found(State(idp): State<Idp>, method: Method, uri: Uri) -> Response {
    // Without the query, in which a secret may be.
    let path = uri.path().chars().take(LONGEST_PATH_CHARS).collect();
    idp.log().record(Event::NotFound { method: method.to_string(), path });
    StatusCode::NOT_FOUND.into_response()
}
