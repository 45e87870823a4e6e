//! Sign-in sessions: watch, list, end.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{SessionId, VmId};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Api,
    body::{InPath, InQuery, UserId},
    error::{ApiError, finished},
    page::Wanted,
    seen::{Acting, Base, Seen},
    words::{Done, SessionWords, vm_ip, vm_word},
};
use crate::{
    failure::Failure,
    store::{SessionRecord, SessionStatus},
};

/// Longest wait for news that a caller can ask for, in seconds.
pub(super) const LONGEST_WAIT_S: u64 = 25;

/// `GET /api/auth/session/{id}?status=ready&wait=20` answers when the status is another, or after 20 seconds; with
/// `revision=3` in place of the status when anything is another than it was in that revision.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Watch {
    status: Option<SessionStatus>,
    revision: Option<u64>,
    /// In seconds.
    wait: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ShownSession")]
pub(super) struct Shown {
    session: SessionWords,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SessionList")]
pub(super) struct Listed {
    sessions: Vec<SessionWords>,
    /// What to go on after.
    #[schemars(with = "Option<Uuid>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<SessionId>,
}

/// What the guest's own HTTP endpoint is reached with.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VmOfSession {
    #[schemars(with = "Option<Uuid>")]
    vm_id: Option<VmId>,
    #[serde(rename = "vmIP")]
    vm_ip: Option<String>,
    status: &'static str,
    agent_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cancelled {
    success: bool,
    status: SessionStatus,
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    base: Base,
    InQuery(watch): InQuery<Watch>,
    seen: Seen,
) -> Result<Json<Shown>, ApiError> {
    if let (Some(wait), Some(session)) = (watch.wait, seen.living()) {
        let wait = Duration::from_secs(wait.min(LONGEST_WAIT_S));
        match (watch.revision, watch.status) {
            (Some(revision), _) => session.change_since(revision, wait).await,
            (None, Some(known)) => session.change_from(known, wait).await,
            (None, None) => {}
        }
        let seen = seen.renewed(&api).await?;
        return Ok(Json(Shown { session: seen.words(&api, &base) }));
    }
    Ok(Json(Shown { session: seen.words(&api, &base) }))
}

/// Of everybody, so not for somebody.
pub(super) async fn list_all(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Json<Listed>, ApiError> {
    acting.must_be_nobody()?;
    let records = api.store.session_list(None, wanted.page()).await?;
    Ok(Json(listed(&api, &base, &wanted, records)))
}

pub(super) async fn list_of_user(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    InPath(user): InPath<UserId>,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Json<Listed>, ApiError> {
    acting.may_see(user.as_str())?;
    let records = api.store.session_list(Some(user.as_str()), wanted.page()).await?;
    Ok(Json(listed(&api, &base, &wanted, records)))
}

fn listed(api: &Api, base: &Base, wanted: &Wanted, mut records: Vec<SessionRecord>) -> Listed {
    let next = wanted.cut(&mut records, |record| record.id);
    let words = records.into_iter().map(|record| Seen::of(api, record).words(api, base));
    Listed { sessions: words.collect(), next }
}

/// With what the guest's own HTTP endpoint asks for: this is an operator's call.
pub(super) async fn vm(State(api): State<Arc<Api>>, seen: Seen) -> Result<Json<VmOfSession>, ApiError> {
    let vm_id = seen.record().vm_id;
    let vm = seen.living().map(|session| (session, session.vm().state().borrow().status));
    match vm.filter(|(_, status)| !status.is_final()) {
        Some((session, status)) => Ok(Json(VmOfSession {
            vm_id,
            vm_ip: vm_ip(&api.sessions.settings().vm.network, session.vm()),
            status: vm_word(status),
            agent_token: session.agent_token().expose_str().map(str::to_owned),
        })),
        None => Err(ApiError::gone("vm_gone", "the VM of this session is gone").with("vmId", vm_id)),
    }
}

pub(super) async fn heartbeat(seen: Seen) -> Result<Json<Done>, ApiError> {
    seen.still_going()?.touch();
    Ok(Done::json())
}

pub(super) async fn cancel(seen: Seen) -> Result<Json<Cancelled>, ApiError> {
    let status = match seen.living() {
        Some(session) => {
            session.cancel(Failure::new("cancelled", "the session was cancelled")).await.record.status
        }
        None => seen.record().status,
    };
    Ok(Json(Cancelled { success: true, status }))
}

/// Ends the session, waits until its VM is gone, and forgets both with the credentials.
pub(super) async fn remove(State(api): State<Arc<Api>>, seen: Seen) -> Result<Json<Done>, ApiError> {
    if let Some(session) = seen.living() {
        session.cancel(Failure::new("removed", "the session was removed")).await;
        session.vm().ended().await;
    }
    if let Some(vm) = seen.record().vm_id {
        api.vms.forget(vm).await.map_err(|error| {
            ApiError::internal("vm_left", "what the VM has left on the disk cannot be removed", &error)
        })?;
    }
    let credentials = api.store.credentials_of_session(seen.record().id).await?;
    let definition = credentials.and_then(|credentials| api.providers.find(&credentials.provider));
    let record = seen.record().clone();
    // In a task of its own: a caller that hangs up must not leave in a VM what is forgotten here.
    finished(tokio::spawn(async move {
        api.store.session_delete(record.id).await?;
        if let Some(definition) = definition {
            api.prompts.clear_vm(&record.user_id, &definition).await;
        }
        Ok(Done::json())
    }))
    .await
}
