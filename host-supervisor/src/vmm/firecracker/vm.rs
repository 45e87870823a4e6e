//! A living Firecracker.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Firecracker,
    api::{Api, ApiError},
    jail::{Jail, Jailer},
    plan::{self, GUEST_SOCKET, Transport},
};
use crate::{
    failure::causes,
    socket_directory::SocketDirectory,
    vmm::{
        LaunchError, ProcessId, Survivor, Vm, VmExit, VmSpec,
        console::Console,
        process::{Invocation, Mounts, Process, socket},
    },
};

/// Relative to the VM's directory.
const API_SOCKET: &str = "firecracker.sock";
/// What Firecracker says itself: apart, because its standard output is the guest's console.
pub(super) const LOG: &str = "firecracker.log";
/// From its start to its socket it takes some ten milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of its log is repeated when it refuses to start a guest, or ends.
const LAST_LINES: usize = 5;
const LAST_BYTES: u64 = 8 * 1024;

#[derive(Debug)]
pub(super) struct FirecrackerVm {
    process: Process,
    console: Arc<Console>,
    /// What it says itself.
    log: PathBuf,
    /// Its user is given back when nobody runs as that any more.
    jail: Option<Jail>,
}

impl FirecrackerVm {
    pub(super) async fn start(firecracker: &Firecracker, spec: &VmSpec) -> Result<Self, LaunchError> {
        let (settings, directory) = (&firecracker.settings, spec.directory.as_path());
        socket::remove_stale(directory, &[API_SOCKET, GUEST_SOCKET])?;
        let (jail, inside, mounts) = match &firecracker.jailer {
            Some(jailer) => {
                let (jail, inside, mounts) = jailer.furnish(&firecracker.program, spec)?;
                (Some(jail), inside, mounts)
            }
            None => (None, spec.clone(), Mounts::default()),
        };
        let requests = plan::requests(&inside, settings.transport, settings.rates)?;
        // Where it makes its sockets and looks for its log.
        let place = jail.as_ref().map_or(directory, Jail::root);
        make_log(&place.join(LOG), jail.as_ref())?;
        let arguments = arguments(spec, settings.transport, jail.is_some());
        let (program, arguments) = match (&firecracker.jailer, &jail) {
            (Some(jailer), Some(jail)) => (jailer.program(), jail.arguments(&firecracker.program, arguments)),
            _ => (firecracker.program.as_path(), arguments),
        };
        let mut process =
            Process::start(Invocation { mounts, ..Invocation::of(program, arguments, directory) })?;
        let console = process.console(directory).await?;
        socket::accepted_by(&mut process, place, API_SOCKET, PATIENCE).await?;
        process.has_become(&firecracker.program);
        let sockets = SocketDirectory::open(place)
            .map_err(|source| LaunchError::Io { path: place.to_owned(), source })?;
        let path = sockets.short_path(API_SOCKET);
        let api = Api { socket: &path };
        for request in &requests {
            if let Err(error) = api.put(request).await {
                return Err(refused(&mut process, place, error).await);
            }
        }
        if let Some(jail) = &jail {
            jail.show_guest_socket()?;
        }
        Ok(Self { process, console, log: place.join(LOG), jail })
    }

    pub(super) async fn adopt(firecracker: &Firecracker, survivor: &Survivor) -> io::Result<Self> {
        let directory = survivor.directory.as_path();
        let [process] = survivor.processes[..] else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the process of a Firecracker"));
        };
        // Its output has the name of the program that it was started as.
        let started_as = firecracker.jailer.as_ref().map_or(firecracker.program.as_path(), Jailer::program);
        let mut process = Process::adopt(process, started_as, directory)?;
        process.has_become(&firecracker.program);
        let jailer = firecracker.jailer.as_ref();
        let jail = jailer.map(|jailer| jailer.adopt(&firecracker.program, survivor)).transpose()?;
        let console = process.console(directory).await.map_err(io::Error::other)?;
        let log = jail.as_ref().map_or(directory, Jail::root).join(LOG);
        Ok(Self { process, console, log, jail })
    }
}

/// Firecracker does not make it.
fn make_log(log: &Path, jail: Option<&Jail>) -> Result<(), LaunchError> {
    let made = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(log);
    let owned = made.and_then(|_| jail.map_or(Ok(()), |jail| jail.own(log)));
    owned.map_err(|source| LaunchError::Io { path: log.to_owned(), source })
}

/// Firecracker's own; under the jailer it gets its id from there.
fn arguments(spec: &VmSpec, transport: Transport, jailed: bool) -> Vec<OsString> {
    let id = spec.id.to_string();
    let mut arguments = vec!["--api-sock", API_SOCKET, "--log-path", LOG, "--level", "Info"];
    if !jailed {
        arguments.extend(["--id", &id]);
    }
    if transport == Transport::Pci {
        arguments.push("--enable-pci");
    }
    arguments.into_iter().map(Into::into).collect()
}

/// Together with what it has written into its log: after a panic there is no answer.
async fn refused(process: &mut Process, directory: &Path, error: ApiError) -> LaunchError {
    let ended = process.ended().await;
    let exit = process.kill().await;
    let mut words = causes(&error);
    for line in last_lines(&directory.join(LOG)).iter().chain(&exit.stderr) {
        words.push_str("; ");
        words.push_str(line.trim());
    }
    let code = ended.and_then(|exit| exit.code).unwrap_or(0);
    LaunchError::Died { program: exit.program, code, stderr: words }
}

/// Of its log, which a guest can make long.
fn last_lines(log: &Path) -> Vec<String> {
    let read = || {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LAST_BYTES).read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| line.trim().to_owned()).collect()
}

#[async_trait]
impl Vm for FirecrackerVm {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.process.id()]
    }

    /// A guest that resets ends Firecracker with 0.
    async fn wait(&mut self) -> VmExit {
        let mut exit = self.process.wait().await;
        exit.stderr.splice(..0, last_lines(&self.log));
        exit.out_of_memory = self.jail.as_ref().and_then(Jail::out_of_memory);
        exit
    }

    async fn kill(&mut self) -> VmExit {
        self.process.kill().await;
        self.wait().await
    }
}
