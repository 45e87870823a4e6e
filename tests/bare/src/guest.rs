//! The VMM that is none: `unshare` and `chroot`.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use anteroom::vmm::{
    AgentAddress, Capabilities, KernelFile, LaunchError, ProcessId, Vm, VmExit, VmSpec, Vmm, console::Console,
};
use anteroom_protocol::{cmdline::KernelCommandLine, ports::HOST_KNOCK};
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::{
    net::{UnixListener, UnixStream},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::bridge;

const START: &str = include_str!("start.sh");
/// Where the kernel's second hierarchy of control groups is, alone or beside the first.
const CGROUP2: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) agent: PathBuf,
}

#[derive(Debug)]
struct Guest {
    child: Child,
    id: ProcessId,
    console: Arc<Console>,
    tasks: [JoinHandle<()>; 2],
    group: PathBuf,
    _place: TempDir,
}

#[async_trait]
impl Vmm for Bare {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: "bare",
            version: "1".into(),
            acceleration: None,
            kernel: KernelFile::BzImage,
            user_network: true,
            snapshots: false,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LaunchError::Io { path, source }
        };
        // Its own short path: sockets in a VM's directory can have names that are too long for a kernel.
        let place = tempfile::tempdir().map_err(io(Path::new("/tmp")))?;
        let (script, line, sockets, staging) = (
            place.path().join("start.sh"),
            place.path().join("cmdline"),
            place.path().join("s"),
            place.path().join("staging"),
        );
        fs::write(&script, START).map_err(io(&script))?;
        let words = KernelCommandLine { vm: Some(spec.id), clipboard: spec.clipboard, ..Default::default() }
            .render()?;
        fs::write(&line, words).map_err(io(&line))?;
        for directory in [&sockets, &staging] {
            fs::create_dir(directory).map_err(io(directory))?;
        }
        // Roles that are not root listen there too.
        fs::set_permissions(&sockets, fs::Permissions::from_mode(0o1777)).map_err(io(&sockets))?;
        let address = self.agent_address(&spec.directory);
        let host = spec.directory.join(&address.socket);
        let host = UnixListener::bind(&host).map_err(io(&host))?;
        let knocked = sockets.join(HOST_KNOCK.to_string());
        let knocked = UnixListener::bind(&knocked).map_err(io(&knocked))?;
        let tasks = [
            tokio::spawn(bridge::serve(host, Arc::new(sockets.clone()))),
            tokio::spawn(pass_on(knocked, spec.directory.join(address.host_socket(HOST_KNOCK)))),
        ];
        let group = control_group(spec)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh"]).arg(&script).arg(&group).arg(&staging);
        command.arg(&self.agent).arg(&line).arg(&sockets).args(&spec.layers);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let cannot = |source| LaunchError::Start { program: "setpriv".into(), source };
        let mut child = command.spawn().map_err(cannot)?;
        let output = child.stdout.take().ok_or_else(|| cannot(io::ErrorKind::BrokenPipe.into()))?;
        let console = Console::capture(output, &spec.directory).await.map_err(io(&spec.directory))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let id = ProcessId::of(pid).map_err(cannot)?;
        Ok(Box::new(Guest { child, id, console, tasks, group, _place: place }))
    }
}

/// The guest's knock, to where the daemon waits for it.
async fn pass_on(knocked: UnixListener, to: PathBuf) {
    while knocked.accept().await.is_ok() {
        drop(UnixStream::connect(&to).await);
    }
}

fn control_group(spec: &VmSpec) -> Result<PathBuf, LaunchError> {
    let root = CGROUP2.into_iter().map(Path::new).find(|root| root.join("cgroup.procs").exists());
    let root = root.ok_or_else(|| LaunchError::Missing {
        what: "control groups",
        path: CGROUP2[1].into(),
        remedy: "mount cgroup2 there".into(),
    })?;
    let group = root.join(format!("anteroom-bare-{}", spec.id.short()));
    fs::create_dir(&group).map_err(|source| LaunchError::Io { path: group.clone(), source })?;
    Ok(group)
}

impl Guest {
    async fn ended(&mut self) -> VmExit {
        let status = self.child.wait().await.unwrap_or_default();
        let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        // A PID 1 that powers off is ended by the kernel with SIGINT (reboot(2), PID namespaces).
        let by_guest = status.success() || code == 130;
        VmExit { program: "anteroom-agent".into(), code, stderr: Vec::new(), by_guest }
    }
}

#[async_trait]
impl Vm for Guest {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.id]
    }

    async fn wait(&mut self) -> VmExit {
        self.ended().await
    }

    async fn kill(&mut self) -> VmExit {
        let _ = fs::write(self.group.join("cgroup.kill"), "1");
        let _ = self.child.start_kill();
        self.ended().await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let _ = fs::write(self.group.join("cgroup.kill"), "1");
        remove_groups(&self.group);
    }
}

/// The processes in it are gone, or about to be: what cannot be removed yet stays empty.
fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}
