//! The VMM that is none: `unshare` and `chroot`.

use std::{
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anteroom::vmm::{
    AgentAddress, Capabilities, KernelFile, LaunchError, ProcessId, Survivor, Vm, VmExit, VmSpec, Vmm,
    console::Console,
    process::{Invocation, Process},
};
use anteroom_protocol::{
    VmId,
    cmdline::{IpConfig, KernelCommandLine},
    ports::HOST_KNOCK,
};
use async_trait::async_trait;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{bridge, group::Group};

const START: &str = include_str!("start.sh");
const SHELL: &str = "/bin/sh";

#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) agent: PathBuf,
}

#[derive(Debug)]
struct Guest {
    process: Process,
    console: Arc<Console>,
    bridges: [JoinHandle<()>; 2],
    group: Group,
}

/// What a guest has outside of its VM's directory, by the VM's id.
struct Place(PathBuf);

impl Place {
    /// Short: sockets in a VM's directory can have names that are too long for a kernel.
    fn of(vm: VmId) -> Self {
        Self(std::env::temp_dir().join(format!("anteroom-bare-{}", vm.short())))
    }

    fn sockets(&self) -> PathBuf {
        self.0.join("s")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
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
            hibernation: false,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn clear(&self, id: VmId) {
        if let Some(group) = Group::of(id) {
            group.end();
        }
        let _ = fs::remove_dir_all(Place::of(id).0);
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LaunchError::Io { path, source }
        };
        let place = Place::of(spec.id);
        let (script, line, sockets, staging) =
            (place.file("start.sh"), place.file("cmdline"), place.sockets(), place.file("staging"));
        for directory in [&place.0, &sockets, &staging] {
            fs::DirBuilder::new().mode(0o711).create(directory).map_err(io(directory))?;
        }
        fs::write(&script, START).map_err(io(&script))?;
        let words = KernelCommandLine {
            vm: Some(spec.id),
            clipboard: spec.clipboard,
            ip: Some(address()),
            ..Default::default()
        };
        let words = words.render()?;
        fs::write(&line, words).map_err(io(&line))?;
        // Roles that are not root listen there too.
        fs::set_permissions(&sockets, fs::Permissions::from_mode(0o1777)).map_err(io(&sockets))?;
        let bridges = self.bridges(spec.id, &spec.directory).map_err(io(&sockets))?;
        let group = Group::make(spec.id)?;
        let own = [&script, group.path(), &staging, &self.agent, &line, &sockets];
        let arguments = own.into_iter().chain(&spec.layers).map(Into::into).collect();
        let mut process =
            Process::start(Invocation::of(Path::new(SHELL), arguments, spec.directory.as_path()))?;
        let console = process.console(&spec.directory).await?;
        Ok(Box::new(Guest { process, console, bridges, group }))
    }

    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        let (&[process], Some(group)) = (&survivor.processes[..], Group::of(survivor.id)) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut process = Process::adopt(process, Path::new(SHELL), &survivor.directory)?;
        let bridges = self.bridges(survivor.id, &survivor.directory)?;
        let console = process.console(&survivor.directory).await.map_err(io::Error::other)?;
        Ok(Box::new(Guest { process, console, bridges, group }))
    }
}

impl Bare {
    /// What a VMM does for vsock, in this process.
    fn bridges(&self, vm: VmId, directory: &Path) -> io::Result<[JoinHandle<()>; 2]> {
        let (sockets, address) = (Place::of(vm).sockets(), self.agent_address(directory));
        let listen = |path: PathBuf| {
            // Of a daemon that is gone.
            let _ = fs::remove_file(&path);
            UnixListener::bind(path)
        };
        let host = listen(directory.join(&address.socket))?;
        let knocked = listen(sockets.join(HOST_KNOCK.to_string()))?;
        Ok([
            tokio::spawn(bridge::serve(host, Arc::new(sockets))),
            tokio::spawn(pass_on(knocked, directory.join(address.host_socket(HOST_KNOCK)))),
        ])
    }
}

/// The guest's knock, to where the daemon waits for it.
async fn pass_on(knocked: UnixListener, to: PathBuf) {
    while knocked.accept().await.is_ok() {
        drop(UnixStream::connect(&to).await);
    }
}

impl Guest {
    /// A PID 1 that powers off is ended by the kernel with SIGINT (reboot(2), PID namespaces).
    fn told(exit: VmExit) -> VmExit {
        VmExit { by_guest: exit.by_guest || exit.code == Some(130), ..exit }
    }
}

#[async_trait]
impl Vm for Guest {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.process.id()]
    }

    async fn wait(&mut self) -> VmExit {
        Self::told(self.process.wait().await)
    }

    async fn kill(&mut self) -> VmExit {
        self.group.kill();
        Self::told(self.process.kill().await)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.bridges.iter().for_each(JoinHandle::abort);
        self.group.kill();
    }
}

/// Of its device, as the first VM of a bridge has it; nobody is at its other end.
fn address() -> IpConfig {
    IpConfig {
        client: Some(Ipv4Addr::new(192, 168, 100, 2)),
        gateway: Some(Ipv4Addr::new(192, 168, 100, 1)),
        prefix_len: Some(24),
        ..IpConfig::default()
    }
}
