//! What the configuration asks of each part of the daemon.

use std::{fs, num::NonZeroUsize, path::PathBuf, sync::Arc, thread, time::Duration};

use anteroom_protocol::{VmId, agent::Surroundings};

use super::{DaemonError, capacity};
use crate::{
    config::{Config, NetworkSettings},
    host_memory::{self, Source},
    images::ResolvedImage,
    live::Live,
    net::Network,
    prompt::PromptSettings,
    session::{Admission, SessionSettings, VmTemplate},
    snapshots::Shelf,
    vm::{HibernateAfter, LaunchBounds, VmKind, VmRequest, VmSettings, VmStarter, keeper::Keeper},
    vmm::Capabilities,
};

pub(super) fn vm_settings(config: &Config) -> VmSettings {
    VmSettings {
        directory: config.state_dir.join("vms"),
        disk_templates: config.image_dir.join("disks"),
        snapshots: config.snapshots.is_some().then(|| Arc::new(shelf(config))),
        limits: None,
        launches: launch_bounds(config),
        vault: None,
        hibernate_after: hibernate_after(config),
    }
}

pub(super) fn hibernate_after(config: &Config) -> HibernateAfter {
    HibernateAfter { browser: config.hibernate_after, cli: config.prompt.hibernate_after }
}

pub(super) fn audit_keep(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.audit_keep_days) * 24 * 3600)
}

pub(super) fn launch_bounds(config: &Config) -> LaunchBounds {
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    LaunchBounds {
        at_once: capacity::launches_at_once(config.launch.at_once, processors),
        most_waiting: config.launch.waiting as usize,
    }
}

/// Beside the images: a snapshot holds nothing of anybody, and daemons of one user may share it.
pub(crate) fn shelf(config: &Config) -> Shelf {
    let beside_images = || config.image_dir.join("snapshots");
    Shelf::new(config.snapshot_dir.clone().unwrap_or_else(beside_images))
}

/// What guests can have of what is configured.
pub(super) fn guest_network(config: &Config, vmm: &Capabilities) -> Network {
    match &config.network.guest {
        Network::User(_) if !vmm.user_network => {
            tracing::warn!("the guests have no network: {} makes none for them", vmm.backend);
            Network::None
        }
        network => network.clone(),
    }
}

/// One for each kind of VM. Those without a desktop belong to somebody from their beginning, so none of them is kept ready.
pub(super) fn keepers(
    config: &Config,
    sessions: &SessionSettings,
    prompts: &PromptSettings,
    starter: &Arc<VmStarter>,
) -> Vec<Keeper> {
    let keeper = |template, pool| Keeper {
        template,
        snapshots: starter.shelf().zip(config.snapshots),
        pool,
        memory: Source::default(),
        most_vms: sessions.admission.now().most.get() as usize,
        starter: Arc::clone(starter),
    };
    let with_desktop = keeper(sessions.vm.request(VmId::random(), None), Some(config.pool));
    let without = prompts.vm.as_ref().ok().map(|vm| {
        let template = VmRequest { kind: VmKind::Cli, ..vm.request(VmId::random(), None) };
        keeper(template, None)
    });
    std::iter::once(with_desktop).chain(without).collect()
}

pub(super) fn session_settings(
    config: &Config,
    image: ResolvedImage,
    network: Network,
) -> Result<SessionSettings, DaemonError> {
    Ok(SessionSettings {
        limits: Live::new(config.session),
        admission: Live::new(admission(config)),
        vm: vm_template(config, image, network),
        surroundings: surroundings(&config.network)?,
    })
}

pub(super) fn admission(config: &Config) -> Admission {
    Admission {
        most: capacity::most_vms(config.vm_limit, config.browser_vm, host_memory::total_mib()),
        most_per_user: config.vm_limit_per_user,
        vm_mib: config.browser_vm.memory_mib,
    }
}

pub(crate) fn vm_template(config: &Config, image: ResolvedImage, network: Network) -> VmTemplate {
    VmTemplate {
        shape: config.browser_vm,
        disk_mib: config.vm_disk_mib,
        image,
        network,
        clipboard: config.clipboard,
    }
}

fn surroundings(network: &NetworkSettings) -> Result<Surroundings, DaemonError> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|source| DaemonError::ExtraCa { path: path.clone(), source })
    };
    let extra_ca_pem = network.extra_ca.as_ref().map(read).transpose()?;
    Ok(Surroundings { hosts: network.hosts.clone(), extra_ca_pem })
}
