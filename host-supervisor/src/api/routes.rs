//! Every route: what it is for, and what it asks of its callers.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, patch_with, post_with},
};
use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use schemars::SchemaGenerator;

use super::{
    Api,
    access::{self, Gate, Needs, TokenRole},
    admin, audit, credentials, definitions,
    describe::{self, Events, gives, says, tells},
    desktop, events, exec, files, follow, health, hibernation, keys, live, login, metrics, myself, prompts,
    rate::{self, Class, Counted},
    session, settings, sign_in, snapshots, start, token, vm, vm_live, webhook, webrtc, whep, within_patience,
    words,
};
use crate::{prompt::PromptEvent, store::Scope};

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const READINESS: &[(u16, &str)] = &[(200, JSON), (503, JSON)];
const EVENTS: &[(u16, &str)] = &[(200, "text/event-stream")];
const EVENTS_OR_NONE: &[(u16, &str)] = &[(200, "text/event-stream"), (204, "")];
const OF_A_SESSION: Events = &[
    ("session", SchemaGenerator::subschema_for::<session::Shown>),
    ("moment", SchemaGenerator::subschema_for::<sign_in::MomentWords>),
];
const OF_EVERYTHING: Events = &[
    ("begin", SchemaGenerator::subschema_for::<live::Begun>),
    ("session", SchemaGenerator::subschema_for::<words::SessionWords>),
    ("vm", SchemaGenerator::subschema_for::<words::VmWords>),
    ("prompt", SchemaGenerator::subschema_for::<prompts::PromptWords>),
    ("gone", SchemaGenerator::subschema_for::<live::Gone>),
    ("changed", SchemaGenerator::subschema_for::<live::Changed>),
    ("stats", SchemaGenerator::subschema_for::<admin::Stats>),
];
const OF_A_VM: Events = &[
    ("vm", SchemaGenerator::subschema_for::<vm::ShownVm>),
    ("log", SchemaGenerator::subschema_for::<vm_live::LogWords>),
];
const OF_A_PROMPT: Events = &[("message", SchemaGenerator::subschema_for::<PromptEvent>)];
const UPGRADED: &[(u16, &str)] = &[(101, "")];

/// Who can send requests to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Everybody,
    /// Operators have a socket of their own, where everything is.
    AllButOperators,
}

/// With everything that stands before their handlers; and what describes them, as JSON.
pub(super) fn all(api: &Arc<Api>, reach: Reach) -> (Router<Arc<Api>>, String) {
    let behind = |needs, tag, routes: ApiRouter<Arc<Api>>| {
        let gate = Gate { access: Arc::clone(&api.access), needs };
        describe::needs(routes, tag, needs).route_layer(middleware::from_fn_with_state(gate, access::admit))
    };
    let counted = |class, routes: ApiRouter<Arc<Api>>| {
        let counted = Counted { rate: Arc::clone(&api.rate), class };
        routes.route_layer(middleware::from_fn_with_state(counted, rate::limit))
    };
    let soon = |routes: ApiRouter<Arc<Api>>| routes.route_layer(middleware::from_fn(within_patience));
    let audited = |routes: ApiRouter<Arc<Api>>| {
        routes.route_layer(middleware::from_fn_with_state(api.audit.clone(), audit::note))
    };
    let scoped = |scope, tag, routes| behind(Needs::Scope(scope), tag, soon(routes));

    let with_keys = behind(Needs::Key, "Sessions", soon(of_everybody()))
        .merge(scoped(Scope::Sessions, "Sessions", of_sessions()))
        .merge(counted(Class::Start, scoped(Scope::Sessions, "Sessions", starts())))
        .merge(scoped(Scope::CredentialsRead, "Credentials", of_credentials()))
        .merge(scoped(Scope::Prompts, "Prompts", of_prompts()))
        .merge(behind(Needs::Scope(Scope::Prompts), "Prompts", asks()))
        .merge(behind(Needs::Scope(Scope::Prompts), "Prompts", answers()))
        .merge(scoped(Scope::Vms, "VMs", of_vms()))
        .merge(behind(Needs::Scope(Scope::Vms), "VMs", follows_vms()))
        .merge(scoped(Scope::Exec, "Ways into a VM", into_vms()));
    let for_operators = scoped(Scope::Metrics, "Operators", of_watchers())
        .merge(scoped(Scope::Vms, "VMs", consoles()))
        .merge(scoped(Scope::Admin, "Operators", of_operators()))
        .merge(behind(Needs::Key, "Operators", follows()));
    let with_keys = match reach {
        Reach::Everybody => with_keys.merge(for_operators),
        Reach::AllButOperators => with_keys,
    };
    let with_tokens = behind(Needs::Session(TokenRole::View), "Sessions", soon(looks()).merge(streams()))
        .merge(behind(Needs::Session(TokenRole::Control), "Sessions", soon(helps())));
    let connecting = behind(Needs::Session(TokenRole::View), "Desktop over WebRTC", soon(connects()));
    let requests = counted(Class::Request, audited(with_keys.merge(with_tokens)).merge(logins()));
    let described = requests.merge(counted(Class::Signalling, audited(connecting))).merge(healths());
    let (described, description) = describe::finish(described);
    (described.merge(pages()), description)
}

/// Needs no key: says nothing about anybody.
fn pages() -> Router<Arc<Api>> {
    Router::new()
        .route("/", get(desktop::start_page))
        .route("/login", get(desktop::start_page))
        .route("/console", get(desktop::console_page))
        .route("/console/{*place}", get(desktop::console_page))
        .route("/vm/{id}/terminal", get(desktop::terminal_page))
        .route("/session/{id}", get(desktop::session_page))
        .route("/session/{id}/terminal", get(desktop::terminal_page))
        .route("/assets/{name}", get(desktop::asset))
        .route("/api/auth/session/{id}/novnc", get(desktop::desktop_page))
}

/// Needs no key, either.
fn healths() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route("/health", get_with(health::health, says("Whether the daemon is there")))
        .api_route(
            "/health/ready",
            get_with(
                health::ready,
                gives("Whether it can begin a session, and what is in the way", READINESS),
            ),
        )
        .api_route("/api/auth/health", get_with(health::health, says("The same, at the address of old")))
}

fn logins() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/login",
            post_with(login::log_in, gives("A cookie for whoever has a key", &[(200, JSON)])),
        )
        .api_route(
            "/api/logout",
            post_with(login::log_out, gives("Has the browser forget that cookie", &[(200, JSON)])),
        )
}

/// What whoever has a token of the session sees.
fn looks() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/auth/session/{id}",
            get_with(session::show, says("One session, at once or when something about it changes")),
        )
        .api_route(
            "/api/auth/session/{id}/oauth-url",
            get_with(sign_in::oauth_url, says("The sign-in page, or 202 until it is known")),
        )
}

/// Lives as long as its viewer, or listener.
fn streams() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/auth/session/{id}/vnc",
            get_with(
                desktop::stream,
                gives("The desktop's RFB bytes in a WebSocket; with role=viewer no input", UPGRADED),
            ),
        )
        .api_route(
            "/api/auth/session/{id}/events",
            get_with(
                follow::stream,
                tells("The session and its changes as server-sent events", EVENTS_OR_NONE, OF_A_SESSION),
            ),
        )
}

/// What a viewer's connection is made with. Of those who may only look, nothing but looking comes of it.
fn connects() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route("/api/webrtc/session/{id}", delete_with(webrtc::remove, says("The viewer has gone")))
        .api_route("/api/webrtc/session/{id}/offer", post_with(webrtc::offer, says("A viewer's offer")))
        .api_route(
            "/api/webrtc/session/{id}/answer",
            get_with(webrtc::answer, says("Its answer, or `retry` until there is one")),
        )
        .api_route(
            "/api/webrtc/session/{id}/candidate",
            post_with(webrtc::trickle, says("A candidate of the viewer")),
        )
        .api_route(
            "/api/webrtc/session/{id}/candidates/vm",
            get_with(webrtc::our_candidates, says("Candidates of the desktop")),
        )
        .api_route(
            "/api/webrtc/session/{id}/ice-servers",
            get_with(webrtc::ice_servers_of, says("STUN and TURN servers for the session's viewers")),
        )
        .api_route(
            "/api/webrtc/session/{id}/whep",
            post_with(
                whep::create,
                gives(
                    "The desktop for players of WHEP: an offer as application/sdp",
                    &[(201, "application/sdp")],
                ),
            )
            .options_with(whep::options, gives("What is taken there", &[(204, "")])),
        )
        .api_route(
            "/api/webrtc/session/{id}/whep/{peer}",
            patch_with(
                whep::patch,
                gives(
                    "Candidates of a player, or an ICE restart",
                    &[(200, "application/trickle-ice-sdpfrag"), (204, "")],
                ),
            )
            .delete_with(whep::remove, gives("The player has gone", &[(200, "")])),
        )
}

/// What the person of the session does.
fn helps() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/auth/session/{id}/open-url",
            post_with(sign_in::open_url, says("Opens an address in the VM's browser")),
        )
        .api_route(
            "/api/auth/session/{id}/callback",
            post_with(sign_in::callback, says("Hands the last address of a browser outside to the CLI")),
        )
        .api_route(
            "/api/auth/session/{id}/code",
            post_with(sign_in::code, says("Types a code of the sign-in page into the terminal")),
        )
        .api_route(
            "/api/auth/session/{id}/retry",
            post_with(sign_in::retry, says("Another attempt after a failed one, in the same VM")),
        )
        .api_route(
            "/api/auth/session/{id}/heartbeat",
            post_with(session::heartbeat, says("Keeps the session from its idle limit")),
        )
}

fn starts() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route("/api/auth/start", post_with(start::start, says("Starts a sign-in, and a VM for it")))
        .api_route(
            "/api/auth/rotate",
            post_with(start::rotate, says("Starts one whose credentials replace the older ones")),
        )
}

fn of_sessions() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/auth/sessions",
            get_with(session::list_all, says("Everybody's sessions, newest first")),
        )
        .api_route(
            "/api/auth/sessions/{user}",
            get_with(session::list_of_user, says("One user's sessions, newest first")),
        )
        .api_route(
            "/api/auth/session/{id}",
            delete_with(session::remove, says("Ends the session, forgets it and its credentials")),
        )
        .api_route("/api/auth/session/{id}/vm", get_with(session::vm, says("Its VM; 410 when that is gone")))
        .api_route(
            "/api/auth/session/{id}/token",
            post_with(token::make, says("A token that opens this session for a while")),
        )
        .api_route(
            "/api/auth/session/{id}/history",
            get_with(sign_in::history, says("What was seen of it, in words")),
        )
        .api_route(
            "/api/auth/session/{id}/cancel",
            post_with(session::cancel, says("Ends the session and its VM")),
        )
        .api_route(
            "/api/auth/credentials/{user}",
            get_with(credentials::list, says("Which credentials there are, without their contents")),
        )
        .api_route(
            "/api/auth/credentials/{user}/{provider}",
            delete_with(credentials::sign_out, says("Forgets them, and takes them out of the user's VM")),
        )
        .api_route(
            "/api/auth/validate/{user}/{provider}",
            get_with(credentials::validate, says("Whether the newest ones open and are complete")),
        )
        .api_route("/api/providers", get_with(health::providers, says("What can be signed in to")))
        .api_route("/api/webrtc/ice-servers", get_with(webrtc::ice_servers, says("STUN and TURN servers")))
}

/// What was captured.
fn of_credentials() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/api/auth/session/{id}/credentials/status",
        get_with(
            credentials::status,
            gives("Whether there are credentials, and at the end the credentials", &[(200, JSON)]),
        ),
    )
}

/// What was asked, and what became of it.
fn of_prompts() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/prompts",
            get_with(prompts::list, says("Prompts, newest first, without their words")),
        )
        .api_route("/api/prompts/{id}", get_with(prompts::show, says("One prompt, and how it stands")))
        .api_route(
            "/api/prompts/{id}/cancel",
            post_with(prompts::cancel, says("Ends the CLI and everything that it has started")),
        )
}

/// Answered for as long as the CLI takes.
fn asks() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/prompts/execute",
            post_with(
                prompts::execute,
                tells(
                    "Asks a user's CLI something; the answer comes as server-sent events",
                    EVENTS,
                    OF_A_PROMPT,
                ),
            ),
        )
        .layer(DefaultBodyLimit::max(prompts::MAX_BODY_BYTES))
}

fn answers() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/api/prompts/{id}/events",
        get_with(
            prompts::events,
            tells("The events of a prompt, from `Last-Event-ID` on", EVENTS_OR_NONE, OF_A_PROMPT),
        ),
    )
}

fn of_vms() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route("/api/vms", get_with(vm::list, says("VMs, newest first")))
        .api_route(
            "/api/vms/statistics/summary",
            get_with(vm::summary, says("How many there are of which kind")),
        )
        .api_route(
            "/api/vms/{id}",
            get_with(vm::show, says("One VM with its services and its timeline"))
                .delete_with(vm::remove, says("Ends the VM and its session")),
        )
        .api_route("/api/vms/{id}/heartbeat", post_with(vm::heartbeat, says("Keeps it from its idle limit")))
        .api_route(
            "/api/vms/{id}/events",
            get_with(events::list, says("What was seen of it and of its session, in the order of time")),
        )
        .api_route(
            "/api/vms/{id}/hibernate",
            post_with(hibernation::hibernate, says("Puts it to disk, sealed; answered when it is there")),
        )
        .api_route(
            "/api/vms/{id}/wake",
            post_with(hibernation::wake, says("Has it go on; answered when it does")),
        )
        .api_route("/api/vms/{id}/diagnostics", get_with(vm::diagnostics, says("What is wrong with it")))
        .api_route(
            "/api/vms/{id}/services/{name}/log",
            get_with(vm::service_log, gives("The last lines of a service", &[(200, TEXT)])),
        )
}

/// For as long as somebody listens.
fn follows_vms() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/api/vms/{id}/live",
        get_with(
            vm_live::stream,
            tells(
                "One VM and its changes as server-sent events; with `log`, what that service says, too",
                EVENTS_OR_NONE,
                OF_A_VM,
            ),
        ),
    )
}

fn consoles() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/api/admin/vm/{id}/console",
        get_with(vm::console, gives("The log of its serial console", &[(200, TEXT)])),
    )
}

fn into_vms() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/vms/{id}/exec",
            get_with(exec::open, gives("A program: `Upgrade: anteroom-exec`, or a WebSocket", UPGRADED)),
        )
        .api_route(
            "/api/vms/{id}/files",
            get_with(
                files::fetch,
                gives("A file, or a directory as a tar archive", &[(200, "application/octet-stream")]),
            ),
        )
        .api_route("/api/vms/{id}/programs", get_with(exec::list, says("Which programs run there")))
        .api_route(
            "/api/vms/{id}/ports/{port}",
            get_with(exec::forward, gives("The bytes of a port on its loopback: `Upgrade: tcp`", UPGRADED)),
        )
        .api_route(
            "/api/vms/{id}/reverse/{port}",
            get_with(
                exec::listen,
                gives("Connections to a port of its loopback: `Upgrade: anteroom-reverse`", UPGRADED),
            ),
        )
        .api_route(
            "/api/vms/{id}/reverse/{port}/{number}",
            get_with(exec::accept, gives("The bytes of one of them: `Upgrade: tcp`", UPGRADED)),
        )
}

/// What every key may ask.
fn of_everybody() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route("/api/me", get_with(myself::show, says("Who the caller is, and what it may do")))
}

/// For as long as somebody listens.
fn follows() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/api/live",
        get_with(
            live::stream,
            tells("What changes, as far as the key may see it, as server-sent events", EVENTS, OF_EVERYTHING),
        ),
    )
}

/// What watches the daemon.
fn of_watchers() -> ApiRouter<Arc<Api>> {
    ApiRouter::new().api_route(
        "/metrics",
        get_with(metrics::show, gives("What is counted and measured", &[(200, PROMETHEUS)])),
    )
}

fn of_operators() -> ApiRouter<Arc<Api>> {
    ApiRouter::new()
        .api_route(
            "/api/providers/test",
            post_with(start::test, says("A sign-in of which nothing is kept, of a definition or a provider")),
        )
        .api_route("/api/image", get_with(health::image, says("Which image the VMs boot")))
        .api_route("/api/webhook/test", post_with(webhook::test, says("Sends an event that says nothing")))
        .api_route(
            "/api/webhook/deliveries",
            get_with(webhook::deliveries, says("What was told, or has to be, newest first")),
        )
        .api_route("/api/webrtc/stats", get_with(webrtc::stats, says("Viewers, and what they are sent")))
        .api_route(
            "/api/admin/keys",
            get_with(keys::list, says("Keys of the API, oldest first"))
                .post_with(keys::make, says("Another key; its text is told here and never again")),
        )
        .api_route("/api/admin/keys/{id}", delete_with(keys::revoke, says("Ends a key")))
        .api_route(
            "/api/admin/system/stats",
            get_with(admin::stats, says("What runs, and what the host has left")),
        )
        .api_route("/api/admin/health/system", get_with(admin::health, says("What is wrong with the whole")))
        .api_route(
            "/api/admin/cleanup/orphaned-resources",
            post_with(admin::clean_up, says("Removes what VMs have left that are gone")),
        )
        .api_route(
            "/api/admin/providers",
            get_with(
                definitions::list,
                says("Every definition, offered or not, and what is wrong with files"),
            ),
        )
        .api_route(
            "/api/admin/settings",
            get_with(settings::list, says("Which settings count, and where they come from")),
        )
        .api_route(
            "/api/admin/snapshots",
            get_with(snapshots::list, says("What VMs begin with, and how many are ready")),
        )
        .api_route("/api/admin/audit", get_with(audit::list, says("Who did what")))
}

#[cfg(test)]
mod tests {
    /// Only pages are no part of the API.
    #[test]
    fn every_route_is_described() {
        let (code, _) = include_str!("routes.rs").split_once("#[cfg(test)]").unwrap();
        let (before, pages) = code.split_once("fn pages()").unwrap();
        let (pages, after) = pages.split_once("\n}\n").unwrap();
        assert_eq!(pages.matches(".route(").count(), 9);
        assert!(!before.contains(".route(") && !after.contains(".route("), "use api_route");
    }
}
