//! The HTTP API of the daemon, and the pages. Thin: it reads requests strictly, asks the sessions, and shows answers.
//!
//! ```text
//!  request ─▶ panic guard ─▶ own host? ─▶ rate ─▶ who calls? ─▶ time limit ─▶ handler
//!                               421        429       401/403        503
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
//! | `GET /api/auth/session/{id}/history?after=N&wait=S` | what was seen of it, in words |
//! | `POST /api/providers/test` `{provider}` or `{definition}` | a sign-in of which nothing is kept |
//! | `GET /api/auth/session/{id}/vm` | beside the VM `agentToken`, which the guest's port 8080 asks for |
//! | `GET /api/auth/session/{id}/vnc` | the desktop's RFB bytes in a WebSocket; with `?role=viewer` no input goes through |
//! | `GET /api/webrtc/session/{id}/ice-servers` | STUN and TURN servers, for whoever has the session's view token |
//! | `POST /api/webrtc/session/{id}/whep` | the desktop for players of WHEP |
//! | `DELETE /api/auth/session/{id}` | ends the session, forgets it and its credentials |
//! | `GET /api/auth/sessions` | everybody's sessions |
//! | `GET /api/vms/{id}/exec` with `Upgrade: anteroom-exec`, or in a WebSocket | a program in the VM, as `anteroom_protocol::exec` says |
//! | `GET /api/vms/{id}/programs` | which of them run there |
//! | `GET /api/vms/{id}/ports/{port}` with `Upgrade: tcp` | the bytes of a port on the VM's loopback |
//! | `GET /api/vms/{id}/reverse/{port}` with `Upgrade: anteroom-reverse` | connections to a port of the VM's loopback: a number each |
//! | `GET /api/vms/{id}/reverse/{port}/{number}` with `Upgrade: tcp` | the bytes of one of them |
//! | `GET /api/vms/{id}/services/{name}/log` | the last lines of a service |
//! | `POST /api/vms/{id}/hibernate`, `.../wake` | puts the VM to disk; has it go on, as anything does that needs it |
//! | `DELETE /api/vms/{id}` | ends the VM and its session, removes what is left on the disk |
//! | `POST /api/webhook/test` | sends an event that says nothing, and tells what the receiver answered |
//! | `GET /api/webhook/deliveries` | what was told or has to be: tries, next try, last answer |
//! | `GET /api/providers`, `GET /api/image` | what can be signed in to, and in which image |

pub mod access;
mod body;
mod credentials;
mod desktop;
mod error;
mod exec;
mod health;
mod hibernation;
mod login;
mod rate;
mod seen;
mod session;
mod sign_in;
mod start;
mod vm;
mod webhook;
mod webrtc;
mod websocket;
mod whep;
mod words;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anteroom_protocol::desk::Directions;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, connect_info::IntoMakeServiceWithConnectInfo},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post},
};
use tokio::time::Instant;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use url::Url;

use self::{access::Access, error::ApiError, rate::RateLimit as RateLimiter};
use crate::{
    config::{Config, RateLimit},
    images::ResolvedImage,
    media::Media,
    providers::Providers,
    session::Sessions,
    store::Store,
    vault::Vault,
    vm::VmStarter,
    webhook::Webhook,
};

/// How long an ordinary call may take. Ending a VM in order is the slowest.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the API speaks for; made by the daemon.
#[derive(Debug)]
pub struct Api {
    pub sessions: Sessions,
    pub store: Store,
    pub vault: Arc<Vault>,
    pub vms: Arc<VmStarter>,
    /// Those that the image can run.
    pub providers: Providers,
    pub image: ResolvedImage,
    pub access: Arc<Access>,
    pub media: Media,
    pub webhook: Option<Arc<Webhook>>,
    pub settings: ApiSettings,
    pub started: Instant,
}

/// The operator's decisions that concern the API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    pub public_url: Option<Url>,
    pub frame_ancestors: Vec<String>,
    pub trusted_proxies: Vec<std::net::IpAddr>,
    pub rate_limit: RateLimit,
    pub clipboard: Directions,
}

impl ApiSettings {
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            public_url: config.public_url.clone(),
            frame_ancestors: config.frame_ancestors.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            rate_limit: config.rate_limit,
            clipboard: config.clipboard,
        }
    }
}

/// Everything that is served, to be used with connect information (the peer's [`SocketAddr`]).
#[must_use]
pub fn router(api: Api) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let api = Arc::new(api);
    let access = Arc::clone(&api.access);
    let rate = RateLimiter::new(&api.settings);
    rate.tidy();
    let operator = operator_routes()
        .route_layer(middleware::from_fn(within_patience))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&access), access::require_operator));
    let viewer = viewer_routes()
        .route_layer(middleware::from_fn(within_patience))
        .merge(stream_routes())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&access), access::require_viewer));
    let limited = operator
        .merge(viewer)
        .merge(login_routes())
        .route_layer(middleware::from_fn_with_state(rate, rate::limit));
    let polled = polled_routes()
        .route_layer(middleware::from_fn_with_state(Arc::clone(&access), access::require_viewer));
    let router = limited
        .merge(polled)
        .merge(open_routes())
        .fallback(|| async { ApiError::not_found("not_found", "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            let message = "this address does not take that method";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(DefaultBodyLimit::max(body::MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(access, access::require_own_host))
        .layer(header_unless_set(header::CACHE_CONTROL, "no-store"))
        .layer(header_unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Addresses of pages can hold view tokens.
        .layer(header_unless_set(header::REFERRER_POLICY, "no-referrer"))
        .layer(middleware::from_fn(note))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a request handler panicked");
            let message = "the daemon met a fault of its own; its log says more";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).into_response()
        }))
        .with_state(api);
    router.into_make_service_with_connect_info()
}

fn header_unless_set(name: header::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Needs no key: says nothing about anybody.
fn open_routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health::health))
        .route("/api/auth/health", get(health::health))
        .route("/", get(desktop::start_page))
        .route("/login", get(desktop::start_page))
        .route("/session/{id}", get(desktop::session_page))
        .route("/session/{id}/terminal", get(desktop::terminal_page))
        .route("/assets/{name}", get(desktop::asset))
        .route("/api/auth/session/{id}/novnc", get(desktop::desktop_page))
}

fn login_routes() -> Router<Arc<Api>> {
    Router::new().route("/api/login", post(login::log_in))
}

/// Needs the key, the cookie, or the view token of the session in the path.
fn viewer_routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/session/{id}", get(session::show))
        .route("/api/auth/session/{id}/oauth-url", get(sign_in::oauth_url))
        .route("/api/auth/session/{id}/open-url", post(sign_in::open_url))
        .route("/api/auth/session/{id}/callback", post(sign_in::callback))
        .route("/api/auth/session/{id}/code", post(sign_in::code))
        .route("/api/auth/session/{id}/retry", post(sign_in::retry))
        .route("/api/auth/session/{id}/heartbeat", post(session::heartbeat))
        .route("/api/webrtc/session/{id}", delete(webrtc::remove))
        .route("/api/webrtc/session/{id}/offer", post(webrtc::offer))
        .route("/api/webrtc/session/{id}/candidate", post(webrtc::trickle))
        .route("/api/webrtc/session/{id}/ice-servers", get(webrtc::ice_servers_of))
        .route("/api/webrtc/session/{id}/whep", post(whep::create).options(whep::options))
        .route("/api/webrtc/session/{id}/whep/{peer}", patch(whep::patch).delete(whep::remove))
}

/// Needs what the viewer's calls need, but has no limit: the existing page asks twice a second for as long as it waits, and
/// one minute of that would use up most of a quarter of an hour's calls. They read a word from memory.
fn polled_routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/webrtc/session/{id}/answer", get(webrtc::answer))
        .route("/api/webrtc/session/{id}/candidates/vm", get(webrtc::our_candidates))
}

/// Lives as long as its viewer.
fn stream_routes() -> Router<Arc<Api>> {
    Router::new().route("/api/auth/session/{id}/vnc", get(desktop::stream))
}

/// Needs the key or the cookie.
fn operator_routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/start", post(start::start))
        .route("/api/auth/rotate", post(start::rotate))
        .route("/api/auth/sessions", get(session::list_all))
        .route("/api/auth/sessions/{user}", get(session::list_of_user))
        .route("/api/auth/session/{id}/vm", get(session::vm))
        .route("/api/auth/session/{id}", delete(session::remove))
        .route("/api/auth/session/{id}/history", get(sign_in::history))
        .route("/api/auth/session/{id}/cancel", post(session::cancel))
        .route("/api/auth/session/{id}/credentials/status", get(credentials::status))
        .route("/api/auth/credentials/{user}", get(credentials::list))
        .route("/api/auth/validate/{user}/{provider}", get(credentials::validate))
        .route("/api/providers", get(health::providers))
        .route("/api/providers/test", post(start::test))
        .route("/api/image", get(health::image))
        .route("/api/vms", get(vm::list))
        .route("/api/vms/statistics/summary", get(vm::summary))
        .route("/api/vms/{id}", get(vm::show).delete(vm::remove))
        .route("/api/vms/{id}/heartbeat", post(vm::heartbeat))
        .route("/api/vms/{id}/hibernate", post(hibernation::hibernate))
        .route("/api/vms/{id}/wake", post(hibernation::wake))
        .route("/api/vms/{id}/diagnostics", get(vm::diagnostics))
        .route("/api/vms/{id}/exec", get(exec::open))
        .route("/api/vms/{id}/programs", get(exec::list))
        .route("/api/vms/{id}/ports/{port}", get(exec::forward))
        .route("/api/vms/{id}/reverse/{port}", get(exec::listen))
        .route("/api/vms/{id}/reverse/{port}/{number}", get(exec::accept))
        .route("/api/vms/{id}/services/{name}/log", get(vm::service_log))
        .route("/api/webhook/test", post(webhook::test))
        .route("/api/webhook/deliveries", get(webhook::deliveries))
        .route("/api/webrtc/ice-servers", get(webrtc::ice_servers))
        .route("/api/webrtc/stats", get(webrtc::stats))
        .route("/api/admin/vm/{id}/console", get(vm::console))
}

/// Without the query, which can hold a view token.
async fn note(request: Request, next: Next) -> Response {
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let response = next.run(request).await;
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1e3);
    tracing::debug!(%method, path, status, ms, "request");
    response
}

async fn within_patience(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(PATIENCE, next.run(request)).await.map_err(|_| {
        let message = format!("the daemon did not answer within {} seconds", PATIENCE.as_secs());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message)
    })
}
