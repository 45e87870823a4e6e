//! The HTTP API of the daemon, and the pages. Thin: it reads requests strictly, asks the sessions, and shows answers.
//!
//! ```text
//!  request ─▶ its id ─▶ panic guard ─▶ own host? ─▶ rate ─▶ audit ─▶ who calls? ─▶ time limit ─▶ handler
//!                                         421        429              401/403        503
//! ```
//! Paths and fields are those that the existing web application calls; what is ours beyond them is added, not changed:
//!
//! | call | what it is for |
//! |---|---|
//! | `POST /api/login` `{key}` | the page's cookie |
//! | `GET /api/auth/session/{id}?status=S&wait=N` | answers when the status is no longer S, or after N seconds (25 at most) |
//! | `POST /api/auth/session/{id}/callback` `{url}` | the last address of a browser outside, handed to the CLI |
//! | `POST /api/auth/session/{id}/code` `{code}` | a code of the sign-in page, typed into the terminal |
//! | `POST /api/auth/session/{id}/retry` | another attempt in the same VM |
//! | `POST /api/auth/session/{id}/token` `{role, expiresIn}` | a token that opens this session for a while |
//! | `GET /api/auth/session/{id}/events` | the session and its changes as server-sent events |
//! | `GET /api/auth/session/{id}/history?after=N&wait=S` | what was seen of it, in words |
//! | `POST /api/providers/test` `{provider}` or `{definition}` | a sign-in of which nothing is kept |
//! | `GET /api/auth/session/{id}/vm` | beside the VM `agentToken`, which the guest's port 8080 asks for |
//! | `GET /api/auth/session/{id}/vnc` | the desktop's RFB bytes in a WebSocket; with `?role=viewer` no input goes through |
//! | `GET /api/webrtc/session/{id}/ice-servers` | STUN and TURN servers, for whoever has the session's view token |
//! | `POST /api/webrtc/session/{id}/whep` | the desktop for players of WHEP |
//! | `DELETE /api/auth/session/{id}` | ends the session, forgets it and its credentials |
//! | `GET /api/auth/sessions` | everybody's sessions |
//! | `GET /api/vms/{id}/events?known=N&wait=S` | what was seen of a VM and its session, as soon as it is not N events |
//! | `GET /api/vms/{id}/live?log=NAME` | the VM and its changes as server-sent events, and what one of its services says |
//! | `GET /api/vms/{id}/exec` with `Upgrade: anteroom-exec`, or in a WebSocket | a program in the VM, as `anteroom_protocol::exec` says |
//! | `GET /api/vms/{id}/files?path=P` | a file, or a directory as tar; with `&about=true` only what it is, as JSON |
//! | `GET /api/vms/{id}/programs` | which of them run there |
//! | `GET /api/vms/{id}/ports/{port}` with `Upgrade: tcp` | the bytes of a port on the VM's loopback |
//! | `GET /api/vms/{id}/reverse/{port}` with `Upgrade: anteroom-reverse` | connections to a port of the VM's loopback: a number each |
//! | `GET /api/vms/{id}/reverse/{port}/{number}` with `Upgrade: tcp` | the bytes of one of them |
//! | `GET /api/vms/{id}/services/{name}/log` | the last lines of a service |
//! | `POST /api/vms/{id}/hibernate`, `.../wake` | puts the VM to disk; has it go on, as anything does that needs it |
//! | `DELETE /api/vms/{id}` | ends the VM and its session, removes what is left on the disk |
//! | `POST /api/prompts/execute` | asks a user's CLI something; the answer is server-sent events |
//! | `GET /api/prompts`, `GET /api/prompts/{id}` | what was asked, without the words, and what became of it |
//! | `GET /api/prompts/{id}/events` | its events again, from `Last-Event-ID` on |
//! | `DELETE /api/auth/credentials/{user}/{provider}` | a sign-out: forgets them, in the user's VM, too |
//! | `POST /api/webhook/test` | sends an event that says nothing, and tells what the receiver answered |
//! | `GET /api/webhook/deliveries` | what was told or has to be: tries, next try, last answer |
//! | `GET`, `POST /api/admin/keys`, `DELETE /api/admin/keys/{id}` | keys that call the API |
//! | `GET /api/admin/audit?after=N&limit=M&wait=S` | who did what |
//! | `GET /api/me` | who the caller is, and what it may do |
//! | `GET /api/live` | what changes, as server-sent events: sessions, VMs, prompts, lists of operators |
//! | `GET /api/admin/snapshots`, `.../settings`, `.../providers` | what VMs begin with; which settings count; every definition |
//! | `GET /api/docs`, `GET /api/openapi.json` | what the API is, for people and for programs |
//! | `GET /api/providers`, `GET /api/image` | what can be signed in to, and in which image |

pub mod access;
mod admin;
mod audit;
mod body;
mod cors;
mod credentials;
mod decisions;
mod definitions;
mod describe;
mod desktop;
mod docs;
mod error;
mod event_stream;
mod events;
mod exec;
mod files;
mod follow;
mod health;
mod hibernation;
mod idempotency;
mod keys;
mod live;
mod login;
mod metrics;
mod myself;
mod names;
mod page;
mod prompts;
mod rate;
mod routes;
mod seen;
mod session;
mod settings;
mod sign_in;
mod snapshots;
mod start;
mod tenant;
mod token;
mod vm;
mod vm_live;
mod webhook;
mod webrtc;
mod websocket;
mod whep;
mod words;

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{RequestId, TraceParent, desk::Directions};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use tracing::{Instrument as _, field};
use url::Url;

use self::{access::Access, error::ApiError};
pub use self::{decisions::Decisions, rate::RateLimit};
pub(crate) use self::{rate::one_household, routes::Reach};
use crate::{
    audit::Audit,
    config::{self, Config, Shown},
    images::ResolvedImage,
    live::Live,
    media::Media,
    prompt::Prompts,
    providers::Providers,
    request_id,
    session::Sessions,
    store::Store,
    traces::{self, Traces},
    vault::Vault,
    vm::VmStarter,
    webhook::Webhook,
};

/// How long an ordinary call may take. Ending a VM in order is the slowest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Callers that listen to events at once; each costs a connection and a task.
const MOST_LISTENERS: usize = 4096;

/// What the API speaks for; made by the daemon.
#[derive(Debug)]
pub struct Api {
    pub sessions: Sessions,
    pub prompts: Prompts,
    pub store: Store,
    pub vault: Arc<Vault>,
    pub vms: Arc<VmStarter>,
    /// Those that the image can run.
    pub providers: Providers,
    pub image: ResolvedImage,
    pub access: Arc<Access>,
    pub media: Media,
    pub webhook: Option<Arc<Webhook>>,
    pub audit: Audit,
    pub traces: Traces,
    pub settings: Arc<Live<ApiSettings>>,
    pub rate: Arc<RateLimit>,
    pub started: Instant,
    pub state: ApiState,
}

/// What the API itself remembers between calls.
#[derive(Debug)]
pub struct ApiState {
    /// Places for callers that listen to events.
    listeners: Arc<Semaphore>,
    turns: idempotency::Turns,
    /// Streams that have no end of their own end with it.
    over: CancellationToken,
}

impl ApiState {
    /// Ends them when it is cancelled.
    #[must_use]
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }
}

impl Default for ApiState {
    fn default() -> Self {
        Self {
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
            turns: idempotency::Turns::default(),
            over: CancellationToken::new(),
        }
    }
}

/// The operator's decisions that concern the API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    pub public_url: Option<Url>,
    pub frame_ancestors: Vec<String>,
    pub cors_origins: Vec<String>,
    pub trusted_proxies: Vec<std::net::IpAddr>,
    pub rate_limit: config::RateLimit,
    pub clipboard: Directions,
    /// All settings, for operators to see.
    pub shown: Vec<Shown>,
}

impl ApiSettings {
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            public_url: config.public_url.clone(),
            frame_ancestors: config.frame_ancestors.clone(),
            cors_origins: config.cors_origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            rate_limit: config.rate_limit,
            clipboard: config.clipboard,
            shown: config.shown().to_vec(),
        }
    }
}

/// Marks a request that came over TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// What is served to those within this reach. Each request needs its peer's address
/// ([`ConnectInfo`](axum::extract::ConnectInfo)).
pub(crate) fn router(api: &Arc<Api>, reach: Reach) -> Router {
    let access = Arc::clone(&api.access);
    let settings = Arc::clone(&api.settings);
    let (routes, description) = routes::all(api, reach);
    let (page, description) = (Bytes::from(docs::page(&description)), Bytes::from(description));
    routes
        .route(
            "/api/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], description) }),
        )
        .route("/api/docs", get(|| async { docs::answer(page) }))
        .route(docs::STYLE_ADDRESS, get(docs::style))
        .fallback(|| async { ApiError::not_found("not_found", "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            let message = "this address does not take that method";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(DefaultBodyLimit::max(body::MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(settings, cors::tell))
        .layer(middleware::from_fn_with_state(access, access::require_own_host))
        .layer(header_unless_set(header::CACHE_CONTROL, "no-store"))
        .layer(header_unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Addresses of pages can hold session tokens.
        .layer(header_unless_set(header::REFERRER_POLICY, "no-referrer"))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a request handler panicked");
            let message = "the daemon met a fault of its own; its log says more";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).into_response()
        }))
        .layer(middleware::from_fn_with_state(api.traces.clone(), note))
        .with_state(Arc::clone(api))
}

fn header_unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Gives the request its name. In the log without the query, which can hold a session's token.
async fn note(State(traces): State<Traces>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(RequestId::HEADER).and_then(|value| value.to_str().ok());
    let id = sent.and_then(|text| text.parse().ok()).unwrap_or_else(RequestId::random);
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = id.as_str(), trace = field::Empty);
    let mut traced = traces.request(trace_parent(&request), metrics::word(&method), route, &id);
    let trace = traced.as_ref().map(|traced| traced.trace().clone());
    if let Some(trace) = &trace {
        span.record("trace", format!("{:032x}", trace.parent().trace));
    }
    let work = traces::during(trace, request_id::during(id.clone(), next.run(request)));
    let mut response = work.instrument(span.clone()).await;
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1e3);
    if let Some(traced) = &mut traced {
        traced.answered(status);
    }
    crate::metrics::answered(metrics::word(&method), route, status, began.elapsed());
    span.in_scope(|| tracing::debug!(%method, path, status, ms, "request"));
    // Of letters and digits.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, value);
    }
    response
}

fn trace_parent(request: &Request) -> Option<TraceParent> {
    request.headers().get(TraceParent::HEADER)?.to_str().ok()?.parse().ok()
}

async fn within_patience(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(PATIENCE, next.run(request)).await.map_err(|_| {
        let message = format!("the daemon did not answer within {} seconds", PATIENCE.as_secs());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message)
    })
}
