//! Every route, by what it asks of its callers.

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{delete, get, patch, post},
};

use super::{
    Api,
    access::{self, Gate, Needs, TokenRole},
    audit, credentials, desktop, events, exec, health, keys, login,
    rate::{self, Class, Counted, RateLimit},
    session, sign_in, start, token, vm, webhook, webrtc, whep, within_patience,
};
use crate::store::Scope;

/// With everything that stands before their handlers.
pub(super) fn all(api: &Arc<Api>, rate: &Arc<RateLimit>) -> Router<Arc<Api>> {
    let behind = |needs, routes: Router<Arc<Api>>| {
        let gate = Gate { access: Arc::clone(&api.access), needs };
        routes.route_layer(middleware::from_fn_with_state(gate, access::admit))
    };
    let counted = |class, routes: Router<Arc<Api>>| {
        let counted = Counted { rate: Arc::clone(rate), class };
        routes.route_layer(middleware::from_fn_with_state(counted, rate::limit))
    };
    let soon = |routes: Router<Arc<Api>>| routes.route_layer(middleware::from_fn(within_patience));
    let audited = |routes: Router<Arc<Api>>| {
        routes.route_layer(middleware::from_fn_with_state(api.audit.clone(), audit::note))
    };

    let scoped = behind(Needs::Scope(Scope::Sessions), soon(of_sessions()))
        .merge(counted(Class::Start, behind(Needs::Scope(Scope::Sessions), soon(starts()))))
        .merge(behind(Needs::Scope(Scope::CredentialsRead), soon(of_credentials())))
        .merge(behind(Needs::Scope(Scope::Vms), soon(of_vms())))
        .merge(behind(Needs::Scope(Scope::Exec), soon(into_vms())))
        .merge(behind(Needs::Scope(Scope::Admin), soon(of_operators())));
    let of_a_session = behind(Needs::Session(TokenRole::View), soon(looks()).merge(streams()))
        .merge(behind(Needs::Session(TokenRole::Control), soon(helps())));
    let requests = counted(Class::Request, audited(scoped.merge(of_a_session)).merge(logins()));
    let connecting = behind(Needs::Session(TokenRole::View), soon(connects()));
    requests.merge(counted(Class::Signalling, audited(connecting))).merge(open())
}

/// Needs no key: says nothing about anybody.
fn open() -> Router<Arc<Api>> {
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

fn logins() -> Router<Arc<Api>> {
    Router::new().route("/api/login", post(login::log_in))
}

/// What whoever has a token of the session sees.
fn looks() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/session/{id}", get(session::show))
        .route("/api/auth/session/{id}/oauth-url", get(sign_in::oauth_url))
}

/// Lives as long as its viewer, or listener.
fn streams() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/session/{id}/vnc", get(desktop::stream))
        .route("/api/auth/session/{id}/events", get(events::stream))
}

/// What a viewer's connection is made with. Of those who may only look, nothing but looking comes of it.
fn connects() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/webrtc/session/{id}", delete(webrtc::remove))
        .route("/api/webrtc/session/{id}/offer", post(webrtc::offer))
        .route("/api/webrtc/session/{id}/answer", get(webrtc::answer))
        .route("/api/webrtc/session/{id}/candidate", post(webrtc::trickle))
        .route("/api/webrtc/session/{id}/candidates/vm", get(webrtc::our_candidates))
        .route("/api/webrtc/session/{id}/ice-servers", get(webrtc::ice_servers_of))
        .route("/api/webrtc/session/{id}/whep", post(whep::create).options(whep::options))
        .route("/api/webrtc/session/{id}/whep/{peer}", patch(whep::patch).delete(whep::remove))
}

/// What the person of the session does.
fn helps() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/session/{id}/open-url", post(sign_in::open_url))
        .route("/api/auth/session/{id}/callback", post(sign_in::callback))
        .route("/api/auth/session/{id}/code", post(sign_in::code))
        .route("/api/auth/session/{id}/retry", post(sign_in::retry))
        .route("/api/auth/session/{id}/heartbeat", post(session::heartbeat))
}

fn starts() -> Router<Arc<Api>> {
    Router::new().route("/api/auth/start", post(start::start)).route("/api/auth/rotate", post(start::rotate))
}

fn of_sessions() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/auth/sessions", get(session::list_all))
        .route("/api/auth/sessions/{user}", get(session::list_of_user))
        .route("/api/auth/session/{id}", delete(session::remove))
        .route("/api/auth/session/{id}/vm", get(session::vm))
        .route("/api/auth/session/{id}/token", post(token::make))
        .route("/api/auth/session/{id}/history", get(sign_in::history))
        .route("/api/auth/session/{id}/cancel", post(session::cancel))
        .route("/api/auth/credentials/{user}", get(credentials::list))
        .route("/api/auth/validate/{user}/{provider}", get(credentials::validate))
        .route("/api/providers", get(health::providers))
        .route("/api/webrtc/ice-servers", get(webrtc::ice_servers))
}

/// What was captured.
fn of_credentials() -> Router<Arc<Api>> {
    Router::new().route("/api/auth/session/{id}/credentials/status", get(credentials::status))
}

fn of_vms() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/vms", get(vm::list))
        .route("/api/vms/statistics/summary", get(vm::summary))
        .route("/api/vms/{id}", get(vm::show).delete(vm::remove))
        .route("/api/vms/{id}/heartbeat", post(vm::heartbeat))
        .route("/api/vms/{id}/diagnostics", get(vm::diagnostics))
        .route("/api/vms/{id}/services/{name}/log", get(vm::service_log))
        .route("/api/admin/vm/{id}/console", get(vm::console))
}

fn into_vms() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/vms/{id}/exec", get(exec::open))
        .route("/api/vms/{id}/programs", get(exec::list))
        .route("/api/vms/{id}/ports/{port}", get(exec::forward))
        .route("/api/vms/{id}/reverse/{port}", get(exec::listen))
        .route("/api/vms/{id}/reverse/{port}/{number}", get(exec::accept))
}

fn of_operators() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/providers/test", post(start::test))
        .route("/api/image", get(health::image))
        .route("/api/webhook/test", post(webhook::test))
        .route("/api/webhook/deliveries", get(webhook::deliveries))
        .route("/api/webrtc/stats", get(webrtc::stats))
        .route("/api/admin/keys", get(keys::list).post(keys::make))
        .route("/api/admin/keys/{id}", delete(keys::revoke))
        .route("/api/admin/audit", get(audit::list))
}
