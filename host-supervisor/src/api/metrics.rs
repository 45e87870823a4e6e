//! `GET /metrics`, for Prometheus.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    http::{Method, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};

use super::{Api, error::ApiError, seen::Acting, words::vm_word};
use crate::{
    metrics::{self, Now},
    store::SessionStatus,
    vm::LaunchCounts,
};

/// Those that live.
const SESSIONS: [SessionStatus; 4] = [
    SessionStatus::Initializing,
    SessionStatus::VmCreated,
    SessionStatus::Ready,
    SessionStatus::AwaitingUserAuth,
];
const VMS: [&str; 4] = ["creating", "running", "hibernated", "stopping"];
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn show(State(api): State<Arc<Api>>, acting: Acting) -> Result<Response, ApiError> {
    acting.must_be_nobody()?;
    // Every word is there, so that a series that falls to zero says so.
    let mut sessions = BTreeMap::from(SESSIONS.map(|status| (status.as_str(), 0)));
    for session in api.sessions.all_living() {
        if let Some(count) = sessions.get_mut(session.view().record.status.as_str()) {
            *count += 1;
        }
    }
    let mut vms = BTreeMap::from(VMS.map(|word| (word, 0)));
    for (_, status, count) in api.store.vm_counts().await? {
        if let Some(known) = vms.get_mut(vm_word(status)) {
            *known += usize::try_from(count).unwrap_or(usize::MAX);
        }
    }
    let LaunchCounts { launching, waiting } = api.vms.launch_counts();
    let viewing = api.media.signalling.viewing();
    metrics::set(&Now {
        sessions: sessions.into_iter().collect(),
        vms: vms.into_iter().collect(),
        launching,
        waiting,
        vm_limit: api.sessions.settings().admission.now().most.get(),
        pool: api.vms.pool(),
        viewers: viewing.viewers.values().sum(),
        packets: &[
            ("from_viewers", viewing.packets_from_viewers),
            ("to_viewers", viewing.packets_to_viewers),
            ("of_strangers", viewing.packets_of_strangers),
            ("too_many", viewing.packets_too_many),
            ("forbidden", viewing.packets_forbidden),
        ],
        webhook_pending: api.store.outbox_pending().await?,
        uptime: api.started.elapsed(),
    });
    Ok(([(CONTENT_TYPE, TEXT)], metrics::text()).into_response())
}

/// Methods are the callers', and a label must not be.
pub(super) fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
