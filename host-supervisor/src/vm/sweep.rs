//! What is left of VMs that cannot go on: found by the store and by the directories, ended and removed.

use std::{collections::HashSet, io, path::Path, time::Duration};

use anteroom_protocol::VmId;
use serde::Serialize;
use time::OffsetDateTime;

use super::{VmStatus, teardown};
use crate::{
    failure::{Failure, causes},
    net::HostNetwork,
    store::{Store, StoreError, VmRecord},
    vmm::{ProcessId, Vmm},
};

/// How long a killed process may take to disappear.
const DEATH: Duration = Duration::from_secs(5);

/// What was found and removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// VMs that the store took for living.
    pub vms: usize,
    pub processes: usize,
    /// Directories that belong to no VM of which anything should be left.
    pub directories: usize,
}

/// Removes everything of a VM that cannot go on, then says in the store that nothing of it is left.
pub(super) async fn remove(
    store: &Store,
    vmm: &dyn Vmm,
    network: Option<&HostNetwork>,
    vm: &VmRecord,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    swept.vms += 1;
    swept.processes += end_processes(vm).await;
    vmm.clear(vm.id).await;
    if let Some(network) = network
        && let Err(error) = network.detach(vm.id).await
    {
        tracing::error!(vm = %vm.id, "its network cannot be removed: {}", causes(&error));
    }
    report(vm.id, teardown::remove_all_but_log(&vm.directory).await);
    let failure = Failure::new("daemon_killed", "the daemon ended without warning while this VM was running");
    store.vm_end(vm.id, VmStatus::Failed, Some(&failure)).await
}

/// Ends what the store names, and what was started too late to be written down.
pub(super) async fn end_processes(vm: &VmRecord) -> usize {
    let found = ProcessId::unrecorded(vm.id, &vm.directory);
    let processes: HashSet<ProcessId> =
        vm.processes.iter().copied().chain(found).filter(ProcessId::is_alive).collect();
    processes.iter().for_each(ProcessId::kill);
    let deadline = tokio::time::Instant::now() + DEATH;
    while processes.iter().any(ProcessId::is_alive) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    processes.len()
}

/// Removes the directories of [`strays`].
pub(super) async fn remove_strays(
    store: &Store,
    directory: &Path,
    living: &[VmId],
) -> Result<usize, StoreError> {
    let strays = strays(store, directory, living).await?;
    for id in &strays {
        report(*id, teardown::remove_directory(&directory.join(id.to_string())).await);
    }
    Ok(strays.len())
}

/// How long the log of a failed VM stays that was no session's: a user's own, one that waited for somebody, or one to be copied.
const KEEP_LOG: time::Duration = time::Duration::days(7);

/// Whether what is left of a VM that has ended is of use to nobody. A failed one's log stays for its session.
fn is_stray(record: Option<&VmRecord>, now: OffsetDateTime) -> bool {
    match record {
        Some(vm) if vm.status == VmStatus::Failed => {
            vm.session_id.is_none() && vm.ended_at.is_some_and(|ended| now - ended > KEEP_LOG)
        }
        Some(_) | None => true,
    }
}

/// Directories named like VMs that are of use to nobody.
pub(super) async fn strays(
    store: &Store,
    directory: &Path,
    living: &[VmId],
) -> Result<Vec<VmId>, StoreError> {
    let Ok(mut entries) = tokio::fs::read_dir(directory).await else { return Ok(Vec::new()) };
    let mut strays = Vec::new();
    while let Ok(Some(entry)) = entries.next_entry().await {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<VmId>().ok()) else {
            continue;
        };
        if living.contains(&id) {
            continue;
        }
        if is_stray(store.vm_get(id).await?.as_ref(), OffsetDateTime::now_utc()) {
            strays.push(id);
        }
    }
    Ok(strays)
}

fn report(id: VmId, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(vm = %id, "what this VM has left cannot be removed: {error}");
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::SessionId;

    use super::*;
    use crate::vm::VmKind;

    #[test]
    fn a_failed_vms_log_stays_for_its_session_and_a_week_where_it_has_none() {
        let now = OffsetDateTime::now_utc();
        let failed = |session: Option<SessionId>, days| VmRecord {
            id: VmId::random(),
            session_id: session,
            user_id: None,
            kind: VmKind::Cli,
            status: VmStatus::Failed,
            directory: "/none".into(),
            vcpus: 1,
            memory_mib: 512,
            image_digest: String::new(),
            created_at: now,
            ended_at: Some(now - time::Duration::days(days)),
            failure: None,
            processes: Vec::new(),
            timeline: None,
            machine: None,
            used_at: None,
        };
        assert!(!is_stray(Some(&failed(Some(SessionId::random()), 100)), now));
        let of_user = |days| VmRecord { user_id: Some("ann".to_owned()), ..failed(None, days) };
        assert!(!is_stray(Some(&of_user(6)), now));
        assert!(is_stray(Some(&of_user(8)), now));
        assert!(is_stray(Some(&failed(None, 8)), now), "nobody's at all");
        assert!(is_stray(Some(&VmRecord { status: VmStatus::Destroyed, ..failed(None, 0) }), now));
        assert!(is_stray(None, now));
    }
}
