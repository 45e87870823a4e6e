//! What the supervisor itself costs: the start of a VM beside 0, 1, 10 and 100 others, and how long a daemon that comes after
//! another one needs to take so many over, or to clear away as many that are dead.
//!
//! The VMM is a program that sleeps, the guest never answers: everything else is real (store, directory, disk, processes, pipes,
//! sockets). Times are from the request to the process that runs and is written down, and from the wish to nothing being left.

use std::{
    io,
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anteroom::{
    images::ResolvedImage,
    net::Network,
    store::Store,
    vm::{
        HibernateAfter, LaunchBounds, Limits, StopReason, VmKind, VmRequest, VmSettings, VmStarter, VmStatus,
        WAITING_EVENTS,
    },
    vmm::{
        AgentAddress, BootFiles, Capabilities, LaunchError, ProcessId, Survivor, Vm, VmSpec, Vmm,
        process::Process,
    },
};
use anteroom_protocol::{VmId, desk::Directions};
use anyhow::{Result, ensure};
use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{
    OTHERS,
    asleep::{self, Asleep},
};
use crate::report::{Figure, Report, milliseconds};

const PROGRAM: &str = "/bin/sleep";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many are started and ended beside the others.
    #[arg(default_value_t = 50)]
    rounds: usize,
}

#[derive(Debug)]
struct Sleeper;

#[async_trait]
impl Vmm for Sleeper {
    fn capabilities(&self) -> Capabilities {
        asleep::capabilities()
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        Ok(Box::new(Asleep::start(PROGRAM, &["3600"], spec).await?))
    }

    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        let &[process] = &survivor.processes[..] else { return Err(io::ErrorKind::InvalidData.into()) };
        let mut process = Process::adopt(process, Path::new(PROGRAM), &survivor.directory)?;
        let console = process.console(&survivor.directory).await.map_err(io::Error::other)?;
        Ok(Box::new(Asleep { process, console, agent: None }))
    }
}

pub(crate) async fn measure(Arguments { rounds }: Arguments) -> Result<Report> {
    let mut report = Report::new("supervisor");
    let scratch = tempfile::tempdir()?;
    let store = Store::open(scratch.path()).await?;
    let starter = || {
        let settings = VmSettings {
            directory: scratch.path().join("vms"),
            disk_templates: scratch.path().join("disks"),
            snapshots: None,
            limits: Some(Limits { boot: Duration::from_secs(3600), ..Limits::ACCELERATED }),
            // None of these guests ever has a desktop.
            launches: LaunchBounds { at_once: NonZeroUsize::MAX, most_waiting: 0 },
            vault: None,
            hibernate_after: HibernateAfter::default(),
        };
        VmStarter::new(Arc::new(Sleeper), store.clone(), None, settings)
    };
    let first = starter();
    let (mut others, mut figures) = (Vec::new(), Vec::new());
    for count in OTHERS {
        while others.len() < count {
            others.push(start(&first).await?);
        }
        let (mut started, mut ended) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let begin = Instant::now();
            let vm = start(&first).await?;
            started.push(milliseconds(begin));
            let begin = Instant::now();
            vm.stop(StopReason::Completed);
            vm.ended().await;
            ended.push(milliseconds(begin));
        }
        let of = format!("beside {count}");
        figures.push(Figure::new("start", "ms", started).of(&of));
        figures.push(Figure::new("end", "ms", ended).of(&of));
    }
    report.spreads("a VM", figures);

    let second = starter();
    let begin = Instant::now();
    let taken = second.recover().await?.taken.len();
    let took_over = Figure::new(format!("{taken} living VMs taken over"), "ms", vec![milliseconds(begin)]);
    for vm in store.vm_living().await? {
        vm.processes.iter().for_each(ProcessId::kill);
    }
    second.close().await;
    first.close().await;

    for _ in 0..taken {
        leave_dead(&store, scratch.path()).await?;
    }
    let begin = Instant::now();
    let swept = starter().recover().await?.swept.vms;
    let cleared = Figure::new(format!("{swept} dead VMs cleared away"), "ms", vec![milliseconds(begin)]);
    report.spreads("a daemon that comes after another one", vec![took_over, cleared]);
    Ok(report)
}

async fn start(starter: &VmStarter) -> Result<anteroom::vm::VmHandle> {
    let image = ResolvedImage {
        profile: "none".into(),
        digest: "sha256:0".into(),
        boot: BootFiles { kernel: PROGRAM.into(), initrd: None, agent: None },
        layers: Vec::new(),
    };
    let request = VmRequest {
        id: VmId::random(),
        session: None,
        user: None,
        kind: VmKind::Browser,
        vcpus: 1,
        memory_mib: 512,
        disk_mib: 64,
        image,
        network: Network::None,
        golden: false,
        clipboard: Directions::BOTH,
    };
    let (events, _) = mpsc::channel(WAITING_EVENTS);
    let vm = starter.start(request, events);
    let state = vm.state().wait_for(|state| state.status != VmStatus::Creating).await?.status;
    ensure!(state == VmStatus::Booting, "the VM is {state:?}");
    Ok(vm)
}

/// As a daemon leaves a VM whose processes were killed with it.
async fn leave_dead(store: &Store, scratch: &Path) -> Result<()> {
    let id = VmId::random();
    let directory = scratch.join("vms").join(id.to_string());
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("disk.img"), "")?;
    let record = anteroom::store::VmRecord {
        id,
        session_id: None,
        user_id: None,
        kind: VmKind::Browser,
        status: VmStatus::Running,
        directory,
        vcpus: 1,
        memory_mib: 512,
        image_digest: String::new(),
        created_at: time::OffsetDateTime::now_utc(),
        ended_at: None,
        failure: None,
        processes: Vec::new(),
        timeline: None,
        machine: None,
        used_at: None,
    };
    Ok(store.vm_create(&record).await?)
}
