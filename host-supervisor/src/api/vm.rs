//! VMs, for operators: what there is, what happened in it, what is wrong with it.

use std::{collections::BTreeMap, io, sync::Arc};

use anteroom_protocol::{
    VmId,
    agent::{LOG_LINES_HEADER, LogWanted, ServiceState},
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api,
    body::{InPath, InQuery, unknown_vm},
    error::ApiError,
    page::Wanted,
    seen::{Acting, Seen},
    session::LONGEST_WAIT_S,
    tenant::{self, Tenant},
    words::{Done, VmWords, vm_word},
};
use crate::{
    failure::Failure,
    store::{VmKind, VmRecord, VmStatus},
    vm::{LaunchCounts, Origin, PoolView, StopReason, VmHandle, VmState},
};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VmList {
    vms: Vec<VmWords>,
    /// What to go on after.
    #[schemars(with = "Option<Uuid>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<VmId>,
}

/// Everybody's, or those of the user in whose name the call is made.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Json<VmList>, ApiError> {
    let mut records = api.store.vm_list(acting.user(), wanted.page()).await?;
    let next = wanted.cut(&mut records, |record| record.id);
    Ok(Json(VmList { vms: records.into_iter().map(VmWords::of).collect(), next }))
}

/// The VM in the path, when the caller may see it; as a handler's argument.
#[derive(Debug)]
pub(super) struct SeenVm(pub(super) VmRecord);

impl FromRequestParts<Arc<Api>> for SeenVm {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let acting = Acting::from_request_parts(parts, api).await?;
        let InPath(id) = InPath::<VmId>::from_request_parts(parts, api).await?;
        let record = find(api, id).await?;
        match record.session_id {
            None if record.user_id.is_some() => {
                acting.may_see(record.user_id.as_deref().unwrap_or_default())?
            }
            Some(session) => match Seen::find(api, session).await {
                Ok(seen) => acting.may_see(&seen.record().user_id)?,
                // Whose it was is forgotten.
                Err(_) => acting.must_be_nobody()?,
            },
            None => acting.must_be_nobody()?,
        }
        Ok(Self(record))
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VmDetails")]
struct Detailed {
    #[serde(flatten)]
    vm: VmWords,
    /// What it began with, and why; of a VM that lives, and was not taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    origin: Option<Origin>,
    /// Why no VM was ready for whoever came for it, where something was short.
    #[serde(skip_serializing_if = "Option::is_none")]
    none_ready: Option<String>,
    /// While it waits to be launched: how many launches come before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_ahead: Option<usize>,
    /// When what happened, in milliseconds since the request.
    timeline: Value,
    services: Value,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ShownVm {
    vm: Detailed,
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    SeenVm(record): SeenVm,
) -> Result<Json<ShownVm>, ApiError> {
    Ok(Json(ShownVm::of(&api, record)))
}

impl ShownVm {
    /// As it is now.
    pub(super) fn of(api: &Api, record: VmRecord) -> Self {
        let id = record.id;
        let stored = record.timeline.clone().unwrap_or_else(|| json!([]));
        let vm = VmWords::of(record);
        let vm = match living(api, id) {
            Some((_, state)) => Detailed {
                vm,
                origin: state.origin,
                none_ready: state.none_ready,
                starts_ahead: state.starts_ahead,
                timeline: json!(state.timeline),
                services: json!(state.services),
            },
            None => Detailed {
                vm,
                origin: None,
                none_ready: None,
                starts_ahead: None,
                timeline: stored,
                services: json!([]),
            },
        };
        Self { vm }
    }
}

pub(super) async fn summary(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Value>, ApiError> {
    acting.must_be_nobody()?;
    let mut by_status = BTreeMap::<&str, u64>::new();
    let mut by_type = BTreeMap::<&str, u64>::new();
    let (mut total, mut living) = (0, 0);
    for (kind, status, count) in api.store.vm_counts().await? {
        *by_status.entry(vm_word(status)).or_default() += count;
        *by_type.entry(kind_word(kind)).or_default() += count;
        total += count;
        living += if status.is_final() { 0 } else { count };
    }
    let LaunchCounts { launching, waiting } = api.vms.launch_counts();
    let PoolView { ready, wanted, shortage } = api.vms.pool();
    Ok(Json(json!({
        "total": total,
        "living": living,
        "launching": launching,
        "waiting": waiting,
        "limit": api.sessions.settings().admission.now().most,
        "pool": { "ready": ready, "wanted": wanted, "because": shortage.map(|why| why.to_string()) },
        "byStatus": by_status,
        "byType": by_type,
    })))
}

fn kind_word(kind: VmKind) -> &'static str {
    match kind {
        VmKind::Browser => "browser",
        VmKind::Cli => "cli",
    }
}

/// What is wrong with one VM, in the order in which somebody should look at it.
pub(super) async fn diagnostics(
    State(api): State<Arc<Api>>,
    SeenVm(record): SeenVm,
) -> Result<Json<Value>, ApiError> {
    let id = record.id;
    let living = living(&api, id);
    let mut problems: Vec<Failure> = record.failure.iter().cloned().collect();
    if let Some((_, state)) = &living {
        problems.extend(troubled_services(state));
    }
    let console = match &living {
        Some((vm, _)) => vm.console_tail(),
        None => last_lines(&api.vms.console_log(id).await.unwrap_or_default()),
    };
    // A guest in trouble may not answer; everything else is worth showing all the same.
    let memory = match living.as_ref().and_then(|(vm, _)| vm.agent()) {
        Some(agent) => agent.memory().await.ok(),
        None => None,
    };
    Ok(Json(json!({
        "vmId": id,
        "status": vm_word(record.status),
        "healthy": problems.is_empty() && !matches!(record.status, VmStatus::Failed),
        "problems": problems,
        "memory": memory,
        "console": console,
    })))
}

fn troubled_services(state: &VmState) -> impl Iterator<Item = Failure> {
    state.services.iter().filter_map(|service| match &service.state {
        ServiceState::Failed { cause, last_lines } => {
            let message = format!("the service {} has given up: {cause}", service.name);
            Some(Failure::new("service_failed", message).with_lines(last_lines))
        }
        ServiceState::BackOff { cause, delay_ms } => {
            let message =
                format!("the service {} ended and is started again in {delay_ms} ms: {cause}", service.name);
            Some(Failure::new("service_restarting", message))
        }
        ServiceState::Waiting | ServiceState::Starting | ServiceState::Ready | ServiceState::Stopped => None,
    })
}

fn last_lines(log: &str) -> Vec<String> {
    Failure::new("", "").with_lines(log.lines()).detail_lines
}

pub(super) async fn heartbeat(
    State(api): State<Arc<Api>>,
    SeenVm(VmRecord { id, .. }): SeenVm,
) -> Result<Json<Done>, ApiError> {
    let (vm, tenant) = tenant::living(&api, id).ok_or_else(gone)?;
    match tenant {
        Some(Tenant::Session(session)) if !session.view().record.status.is_final() => session.touch(),
        Some(Tenant::User(_)) => vm.touch(),
        Some(Tenant::Session(_)) | None => return Err(gone()),
    }
    Ok(Done::json())
}

/// Ends the VM, and with it its session; what it left on the disk is removed too.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    SeenVm(VmRecord { id, .. }): SeenVm,
) -> Result<Json<Done>, ApiError> {
    match tenant::living(&api, id) {
        Some((vm, Some(Tenant::Session(session)))) => {
            session.cancel(Failure::new("vm_removed", "the VM was removed")).await;
            vm.ended().await;
        }
        Some((vm, Some(Tenant::User(_)))) => {
            vm.stop(StopReason::Cancelled);
            vm.ended().await;
        }
        Some((_, None)) | None => {}
    }
    if let Some(spare) = api.vms.dismiss(id) {
        spare.ended().await;
    }
    api.vms.forget(id).await.map_err(|error| {
        ApiError::internal("vm_left", "what the VM has left on the disk cannot be removed", &error)
    })?;
    Ok(Done::json())
}

/// The serial console's log.
pub(super) async fn console(
    State(api): State<Arc<Api>>,
    SeenVm(VmRecord { id, .. }): SeenVm,
) -> Result<Response, ApiError> {
    match api.vms.console_log(id).await {
        Ok(log) => Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], log).into_response()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ApiError::gone("console_gone", "the console log was removed with the VM"))
        }
        Err(error) => Err(ApiError::internal("console_unread", "the console log cannot be read", &error)),
    }
}

/// `?known=N&wait=S`: answers as soon as there ever were other than N lines, after S seconds at the latest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    known: Option<u64>,
    #[serde(default)]
    wait: u64,
}

/// The last lines of one service, and in a header how many there ever were.
pub(super) async fn service_log(
    State(api): State<Arc<Api>>,
    SeenVm(VmRecord { id, .. }): SeenVm,
    Path((_, name)): Path<(String, String)>,
    InQuery(LogQuery { known, wait }): InQuery<LogQuery>,
) -> Result<Response, ApiError> {
    let (vm, _) = living(&api, id).ok_or_else(gone)?;
    let wanted = LogWanted { known, wait: wait.min(LONGEST_WAIT_S) };
    let (log, lines) = vm.visit().await?.service_log(&name, wanted).await?;
    let mut response = ([(CONTENT_TYPE, "text/plain; charset=utf-8")], log).into_response();
    if let Some(lines) = lines {
        response.headers_mut().insert(LOG_LINES_HEADER, lines.into());
    }
    Ok(response)
}

pub(super) fn gone() -> ApiError {
    ApiError::gone("vm_gone", "the VM is gone")
}

pub(super) async fn find(api: &Api, id: VmId) -> Result<VmRecord, ApiError> {
    api.store.vm_get(id).await?.ok_or_else(unknown_vm)
}

fn living(api: &Api, id: VmId) -> Option<(VmHandle, VmState)> {
    let (vm, _) = tenant::living(api, id)?;
    let state = vm.state().borrow().clone();
    Some((vm, state))
}
