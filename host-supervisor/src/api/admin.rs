//! The operator's view of the whole: the host, what runs on it, whether it is well, and what VMs have left.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, thread};

use anteroom_protocol::VmId;
use axum::{Json, extract::State};
use nix::sys::statvfs::statvfs;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    Api,
    error::ApiError,
    health::{Check, Readiness},
    seen::Acting,
    words::vm_word,
};
use crate::{host_memory, store::StoreError, vm::LaunchCounts};

/// Below this, in MiB, the host is in trouble whatever else is well.
const LEAST_MEMORY_MIB: u64 = 512;
const LEAST_DISK_MIB: u64 = 1024;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HostStats")]
struct Host {
    processors: usize,
    /// Runnable tasks, on average over 1, 5 and 15 minutes (proc_loadavg(5)).
    load: Vec<f64>,
    memory_mib: Option<u64>,
    memory_available_mib: Option<u64>,
    /// Of the file system with the VMs' directories.
    disk_available_mib: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    /// Seconds.
    uptime: f64,
    /// Those that live, by status.
    sessions: BTreeMap<&'static str, usize>,
    /// Those that live, by status.
    vms: BTreeMap<&'static str, u64>,
    vm_limit: u32,
    launching: usize,
    launches_waiting: usize,
    /// VMs that are ready and wait for somebody.
    pool_ready: usize,
    /// Over WebRTC.
    viewers: usize,
    host: Host,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SystemStats {
    success: bool,
    stats: Stats,
}

pub(super) async fn stats(
    State(api): State<Arc<Api>>,
    acting: Acting,
) -> Result<Json<SystemStats>, ApiError> {
    acting.must_be_nobody()?;
    Ok(Json(SystemStats { success: true, stats: stats_of(&api).await? }))
}

pub(super) async fn stats_of(api: &Api) -> Result<Stats, StoreError> {
    let mut sessions = BTreeMap::<_, usize>::new();
    for session in api.sessions.all_living() {
        *sessions.entry(session.view().record.status.as_str()).or_default() += 1;
    }
    let mut vms = BTreeMap::<_, u64>::new();
    for (_, status, count) in api.store.vm_counts().await? {
        if !status.is_final() {
            *vms.entry(vm_word(status)).or_default() += count;
        }
    }
    let LaunchCounts { launching, waiting } = api.vms.launch_counts();
    Ok(Stats {
        uptime: api.started.elapsed().as_secs_f64(),
        sessions,
        vms,
        vm_limit: api.sessions.settings().admission.now().most.get(),
        launching,
        launches_waiting: waiting,
        pool_ready: api.vms.spares(),
        viewers: api.media.signalling.viewing().viewers.values().sum(),
        host: host(api),
    })
}

fn host(api: &Api) -> Host {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let disk = statvfs(api.vms.directory()).ok();
    Host {
        processors: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        load: load.split(' ').take(3).filter_map(|word| word.parse().ok()).collect(),
        memory_mib: host_memory::total_mib(),
        memory_available_mib: host_memory::available_mib(),
        disk_available_mib: disk.map(|disk| disk.blocks_available() * disk.fragment_size() / (1024 * 1024)),
    }
}

/// As `/health/ready`, and whether the host has room; always 200, because a person reads it.
pub(super) async fn health(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Readiness>, ApiError> {
    acting.must_be_nobody()?;
    let host = host(&api);
    let scarce = |what: &str, left: Option<u64>, least: u64| {
        let left = left.filter(|left| *left < least)?;
        Some(format!("only {left} MiB of {what} are left"))
    };
    let mut checks = super::health::checks(&api).await;
    checks.push(Check::of("memory", scarce("memory", host.memory_available_mib, LEAST_MEMORY_MIB)));
    checks.push(Check::of("disk", scarce("the VMs' disk", host.disk_available_mib, LEAST_DISK_MIB)));
    Ok(Json(Readiness::of(checks)))
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CleanedUp {
    success: bool,
    /// VMs of which something was left.
    #[schemars(with = "Vec<Uuid>")]
    removed: Vec<VmId>,
}

/// Most is removed by the daemon itself, at the end of a VM and at its own start.
pub(super) async fn clean_up(
    State(api): State<Arc<Api>>,
    acting: Acting,
) -> Result<Json<CleanedUp>, ApiError> {
    acting.must_be_nobody()?;
    let removed = api.vms.forget_strays().await?;
    Ok(Json(CleanedUp { success: true, removed }))
}
