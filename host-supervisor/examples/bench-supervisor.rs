//! What the supervisor itself costs: the start of a VM beside 0, 1, 10 and 100 others, and how long a daemon that comes after
//! another one needs to take so many over, or to clear away as many that are dead.
//!
//! The VMM is a program that sleeps, the guest never answers: everything else is real (store, directory, disk, processes, pipes,
//! sockets). Times are from the request to the process that runs and is written down.

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
        AgentAddress, BootFiles, Capabilities, KernelFile, LaunchError, ProcessId, Survivor, Vm, VmExit,
        VmSpec, Vmm,
        console::Console,
        process::{Invocation, Process},
    },
};
use anteroom_protocol::{VmId, desk::Directions};
use async_trait::async_trait;
use tokio::sync::mpsc;

const ROUNDS: usize = 50;
const PROGRAM: &str = "/bin/sleep";

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[derive(Debug)]
struct Sleeper;

#[derive(Debug)]
struct Asleep {
    process: Process,
    console: Arc<Console>,
}

#[async_trait]
impl Vmm for Sleeper {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: "sleeper",
            version: "1".into(),
            acceleration: None,
            kernel: KernelFile::BzImage,
            user_network: true,
            snapshots: false,
            hibernation: false,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let invocation = Invocation::of(Path::new(PROGRAM), vec!["3600".into()], &spec.directory);
        let mut process = Process::start(invocation)?;
        let console = process.console(&spec.directory).await?;
        Ok(Box::new(Asleep { process, console }))
    }

    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        let &[process] = &survivor.processes[..] else { return Err(io::ErrorKind::InvalidData.into()) };
        let mut process = Process::adopt(process, Path::new(PROGRAM), &survivor.directory)?;
        let console = process.console(&survivor.directory).await.map_err(io::Error::other)?;
        Ok(Box::new(Asleep { process, console }))
    }
}

#[async_trait]
impl Vm for Asleep {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.process.id()]
    }

    async fn wait(&mut self) -> VmExit {
        self.process.wait().await
    }

    async fn kill(&mut self) -> VmExit {
        self.process.kill().await
    }
}

#[tokio::main]
async fn main() -> Outcome {
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
    println!("| other VMs | start, ms: p50 / p95 / max | end, ms: p50 / p95 / max |\n|---:|---|---|");
    let mut others = Vec::new();
    for count in [0, 1, 10, 100] {
        while others.len() < count {
            others.push(start(&first).await?);
        }
        let (mut started, mut ended) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let vm = start(&first).await?;
            started.push(begin.elapsed());
            let begin = Instant::now();
            vm.stop(StopReason::Completed);
            vm.ended().await;
            ended.push(begin.elapsed());
        }
        println!("| {count} | {} | {} |", quantiles(started), quantiles(ended));
    }

    let second = starter();
    let begin = Instant::now();
    let taken = second.recover().await?.taken.len();
    println!("\n{taken} living VMs taken over by another daemon: {:.1} ms", ms(begin.elapsed()));
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
    println!("{swept} dead VMs cleared away: {:.1} ms", ms(begin.elapsed()));
    Ok(())
}

async fn start(starter: &VmStarter) -> Outcome<anteroom::vm::VmHandle> {
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
    if state == VmStatus::Booting { Ok(vm) } else { Err(format!("the VM is {state:?}").into()) }
}

/// As a daemon leaves a VM whose processes were killed with it.
async fn leave_dead(store: &Store, scratch: &Path) -> Outcome {
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

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| ms(times[(times.len() - 1) * percent / 100]);
    format!("{:.1} / {:.1} / {:.1}", at(50), at(95), at(100))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
