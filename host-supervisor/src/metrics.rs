//! What is counted and measured, for Prometheus. [`FAMILIES`] is the only place that names it; docs/metrics.md is made of it.
//!
//! Labels are words of ours: what a guest or a caller says never becomes one, because each value costs memory for good.

use std::{sync::OnceLock, time::Duration};

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use time::OffsetDateTime;

use crate::{
    store::{PromptStatus, SessionStatus},
    vm::{PoolView, Shortage},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One family of series.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub meaning: &'static str,
}

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Family {
    Family { name, kind, labels, meaning }
}

const REQUESTS: Family = family(
    "anteroom_http_requests_total",
    Kind::Counter,
    &["method", "route", "status"],
    "Requests that were answered",
);
const REQUEST_SECONDS: Family = family(
    "anteroom_http_request_seconds",
    Kind::Histogram,
    &["method", "route"],
    "From a request to the head of its answer; of long polls and upgrades, too",
);
const CONNECTIONS_REFUSED: Family = family(
    "anteroom_http_connections_refused_total",
    Kind::Counter,
    &[],
    "Connections that were closed at once, because their client, or all of them, had too many",
);
const SESSION_STAGE: Family = family(
    "anteroom_session_stage_seconds",
    Kind::Histogram,
    &["stage"],
    "From the request for a session to each of its statuses",
);
const SESSIONS_ENDED: Family =
    family("anteroom_sessions_ended_total", Kind::Counter, &["status"], "Sessions that have ended, and how");
const SESSIONS: Family = family("anteroom_sessions", Kind::Gauge, &["status"], "Sessions that live");
const VM_STAGE: Family = family(
    "anteroom_vm_stage_seconds",
    Kind::Histogram,
    &["stage"],
    "From the request for a VM to each of its marks, of VMs whose desktop stands; `vm show` explains them",
);
const VMS: Family = family("anteroom_vms", Kind::Gauge, &["status"], "VMs that live");
const LAUNCHING: Family =
    family("anteroom_vm_launches", Kind::Gauge, &["state"], "Launches under way, and waiting for their turn");
const VM_LIMIT: Family = family("anteroom_vm_limit", Kind::Gauge, &[], "Most VMs at once");
const POOL: Family = family(
    "anteroom_pool_vms",
    Kind::Gauge,
    &["state"],
    "VMs that wait for somebody: `ready`, and `wanted` as long as nothing is short",
);
const POOL_SHORT: Family = family(
    "anteroom_pool_short",
    Kind::Gauge,
    &["of"],
    "1 while fewer wait than are wanted, for want of `memory`, because programs wait for memory (`stalls`), or by `vm.max` (`vms`)",
);
const VIEWERS: Family =
    family("anteroom_viewers", Kind::Gauge, &[], "Viewers over WebRTC that have an offer open");
const PACKETS: Family = family(
    "anteroom_media_packets",
    Kind::Gauge,
    &["direction"],
    "Packets of the relay since the daemon has started; `forbidden` are what guests tried to send to others",
);
const PROMPT_STAGE: Family = family(
    "anteroom_prompt_stage_seconds",
    Kind::Histogram,
    &["stage"],
    "From a prompt to the start of its CLI (`running`), to the first thing that this says (`first_byte`), and to the end",
);
const PROMPTS_ENDED: Family =
    family("anteroom_prompts_ended_total", Kind::Counter, &["status"], "Prompts that have ended, and how");
const WEBHOOK_PENDING: Family =
    family("anteroom_webhook_pending", Kind::Gauge, &[], "Events that wait for their delivery");
const AUDIT_LOST: Family =
    family("anteroom_audit_lost_total", Kind::Counter, &[], "Audit entries that the database did not take");
const CERTIFICATE: Family = family(
    "anteroom_certificate_end_timestamp_seconds",
    Kind::Gauge,
    &[],
    "When the certificate of the API, or one above it, expires (Unix time); only with `tls.certificate`",
);
const UPTIME: Family = family("anteroom_uptime_seconds", Kind::Gauge, &[], "Since the daemon has started");
const BUILD: Family = family("anteroom_build_info", Kind::Gauge, &["version"], "Always 1");

/// Everything that there is.
pub const FAMILIES: &[Family] = &[
    REQUESTS,
    REQUEST_SECONDS,
    CONNECTIONS_REFUSED,
    SESSION_STAGE,
    SESSIONS_ENDED,
    SESSIONS,
    VM_STAGE,
    VMS,
    LAUNCHING,
    VM_LIMIT,
    POOL,
    POOL_SHORT,
    VIEWERS,
    PACKETS,
    PROMPT_STAGE,
    PROMPTS_ENDED,
    WEBHOOK_PENDING,
    AUDIT_LOST,
    CERTIFICATE,
    UPTIME,
    BUILD,
];

/// In seconds; from an answer out of memory to a person who takes their time.
const BUCKETS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 90.0, 300.0,
    1200.0,
];

/// The series of this process.
fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS);
    let handle = builder.and_then(|builder| builder.install_recorder());
    for Family { name, kind, meaning, .. } in FAMILIES.iter().copied() {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, meaning),
        }
    }
    handle.inspect_err(|error| tracing::error!(%error, "nothing is measured")).ok()
}

/// From now on everything is counted.
pub fn start() {
    recorder();
    gauge!(BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// The text of Prometheus (exposition format 0.0.4).
#[must_use]
pub fn text() -> String {
    recorder().map(PrometheusHandle::render).unwrap_or_default()
}

/// Forgets what has grown old in the buffers of histograms, for as long as the daemon runs.
pub async fn keep_small() {
    const EVERY: Duration = Duration::from_secs(5);
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(recorder) = recorder() {
            recorder.run_upkeep();
        }
    }
}

/// `route` as the router has it.
pub(crate) fn answered(method: &'static str, route: &str, status: u16, took: Duration) {
    let (route, status) = (route.to_owned(), status.to_string());
    counter!(REQUESTS.name, "method" => method, "route" => route.clone(), "status" => status).increment(1);
    histogram!(REQUEST_SECONDS.name, "method" => method, "route" => route).record(took);
}

pub(crate) fn connection_refused() {
    counter!(CONNECTIONS_REFUSED.name).increment(1);
}

pub(crate) fn session_reached(status: SessionStatus, after: Duration) {
    histogram!(SESSION_STAGE.name, "stage" => status.as_str()).record(after);
    if status.is_final() {
        counter!(SESSIONS_ENDED.name, "status" => status.as_str()).increment(1);
    }
}

pub(crate) fn vm_reached(stage: &'static str, after: Duration) {
    histogram!(VM_STAGE.name, "stage" => stage).record(after);
}

pub(crate) fn prompt_reached(stage: &'static str, after: Duration) {
    histogram!(PROMPT_STAGE.name, "stage" => stage).record(after);
}

pub(crate) fn prompt_ended(status: PromptStatus) {
    counter!(PROMPTS_ENDED.name, "status" => status.as_str()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "exact for as long as there are certificates")]
pub(crate) fn certificate_ends(at: OffsetDateTime) {
    gauge!(CERTIFICATE.name).set(at.unix_timestamp() as f64);
}

pub(crate) fn audit_lost(entries: usize) {
    counter!(AUDIT_LOST.name).increment(entries as u64);
}

/// What is looked up when somebody asks.
#[derive(Debug, Clone)]
pub(crate) struct Now<'a> {
    pub(crate) sessions: Vec<(&'static str, usize)>,
    pub(crate) vms: Vec<(&'static str, usize)>,
    pub(crate) launching: usize,
    pub(crate) waiting: usize,
    pub(crate) vm_limit: u32,
    pub(crate) pool: PoolView,
    pub(crate) viewers: usize,
    pub(crate) packets: &'a [(&'static str, u64)],
    pub(crate) webhook_pending: u64,
    pub(crate) uptime: Duration,
}

/// Counts are exact in a gauge up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "nothing here is as many")]
pub(crate) fn set(now: &Now<'_>) {
    for (status, count) in &now.sessions {
        gauge!(SESSIONS.name, "status" => *status).set(*count as f64);
    }
    for (status, count) in &now.vms {
        gauge!(VMS.name, "status" => *status).set(*count as f64);
    }
    gauge!(LAUNCHING.name, "state" => "launching").set(now.launching as f64);
    gauge!(LAUNCHING.name, "state" => "waiting").set(now.waiting as f64);
    gauge!(VM_LIMIT.name).set(f64::from(now.vm_limit));
    gauge!(POOL.name, "state" => "ready").set(now.pool.ready as f64);
    gauge!(POOL.name, "state" => "wanted").set(now.pool.wanted as f64);
    for word in Shortage::WORDS {
        let is_short = now.pool.shortage.is_some_and(|shortage| shortage.word() == word);
        gauge!(POOL_SHORT.name, "of" => word).set(if is_short { 1.0 } else { 0.0 });
    }
    gauge!(VIEWERS.name).set(now.viewers as f64);
    for (direction, count) in now.packets {
        gauge!(PACKETS.name, "direction" => *direction).set(*count as f64);
    }
    gauge!(WEBHOOK_PENDING.name).set(now.webhook_pending as f64);
    gauge!(UPTIME.name).set(now.uptime.as_secs_f64());
}
