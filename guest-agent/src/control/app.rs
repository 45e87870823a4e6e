//! The table of calls.

use anteroom_protocol::{
    ProtocolVersion,
    agent::{Hello, LOG_LINES_HEADER, LogWanted, ServiceStatus},
    event::Acknowledge,
    timeline::Mark,
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};

use tokio::time::timeout;

use super::{
    Control, Refusal, clock, connect, doze, events, exec, freeze, memory, problem, request_id, reverse,
    sign_in, stream, version,
};
use crate::{
    boottime,
    init::{EndReason, boot_id},
};

/// No body of the API is larger: a provider definition is the largest part of any.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// The whole API. Everything but `/hello` wants the caller's protocol version.
pub(super) fn router(control: Control) -> Router {
    Router::new()
        .route("/clock", put(clock::set))
        .route("/services", get(services))
        .route("/services/{name}/log", get(service_log))
        .route("/timeline", get(timeline))
        .route("/memory", get(memory::show))
        .route("/events", get(follow_events))
        .route("/events/ack", post(acknowledge))
        .route("/connect/{port}", get(connect::open))
        .route("/reverse/{port}", get(reverse::listen))
        .route("/reverse/{port}/{number}", get(reverse::take))
        .route("/exec", get(exec::open))
        .route("/exec/list", get(exec::list))
        .merge(sign_in::router())
        .merge(stream::router())
        .route("/freeze", post(freeze::freeze))
        .route("/resume", put(freeze::resume))
        .route("/doze", post(doze::doze))
        .route("/wake", put(doze::wake))
        .route("/power-off", post(power_off))
        .route_layer(middleware::from_fn(version::check))
        .route("/hello", get(say_hello))
        .fallback(|| async { Refusal::unknown("there is no such call") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this call has another method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(problem::in_json))
        .layer(middleware::from_fn(request_id::note))
        .with_state(control)
}

async fn say_hello(State(control): State<Control>) -> Json<Hello> {
    Json(hello(&control))
}

pub(super) fn hello(control: &Control) -> Hello {
    let boot_id = std::fs::read_to_string(boot_id::FILE).unwrap_or_default();
    Hello {
        protocol: ProtocolVersion::CURRENT,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        vm: control.0.life.vm(),
        boot_id: boot_id.trim().to_owned(),
        uptime_ns: boottime::now_ns(),
    }
}

async fn services(State(control): State<Control>) -> Result<Json<Vec<ServiceStatus>>, Refusal> {
    Ok(Json(control.supervisor()?.statuses()))
}

async fn service_log(
    State(control): State<Control>,
    Path(name): Path<String>,
    Query(wanted): Query<LogWanted>,
) -> Result<impl IntoResponse, Refusal> {
    let log = control.supervisor()?.log(&name);
    let log = log.ok_or_else(|| Refusal::unknown("there is no service of that name"))?;
    if let Some(known) = wanted.known {
        // Whoever has waited in vain sees that nothing is new.
        let _ = timeout(wanted.patience(), log.moved_on_from(known)).await;
    }
    // Before the text, so that what comes in between is told twice rather than never.
    let lines = log.position().to_string();
    Ok(([(LOG_LINES_HEADER, lines)], log.text()))
}

async fn timeline(State(control): State<Control>) -> Json<Vec<Mark>> {
    Json(control.0.timeline.marks())
}

async fn follow_events(
    State(control): State<Control>,
    Query(after): Query<events::After>,
) -> Result<Response, Refusal> {
    if control.0.life.is_frozen() {
        return Err(Refusal::conflict("this machine is frozen: nothing happens in it any more"));
    }
    Ok(events::stream(control.0.journal.clone(), &after))
}

async fn acknowledge(State(control): State<Control>, Json(ack): Json<Acknowledge>) -> StatusCode {
    control.0.journal.acknowledge(ack.through);
    StatusCode::NO_CONTENT
}

async fn power_off(State(control): State<Control>) -> StatusCode {
    // A full channel means that the end is on its way already.
    let _ = control.0.end.try_send(EndReason::Asked);
    StatusCode::ACCEPTED
}
