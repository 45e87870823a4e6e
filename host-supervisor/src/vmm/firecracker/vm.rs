//! A living Firecracker.

use std::{fs, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    Firecracker,
    api::{Api, ApiError},
    plan::{self, GUEST_SOCKET, Transport},
};
use crate::{
    failure::causes,
    socket_directory::SocketDirectory,
    vmm::{
        LaunchError, ProcessId, Vm, VmExit, VmSpec,
        console::Console,
        process::{Invocation, Process, socket},
    },
};

/// Relative to the VM's directory.
const API_SOCKET: &str = "firecracker.sock";
/// What Firecracker says itself: apart, because its standard output is the guest's console.
pub(super) const LOG: &str = "firecracker.log";
/// From its start to its socket it takes some ten milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of its log is repeated when it refuses to start a guest.
const LAST_LINES: usize = 5;

#[derive(Debug)]
pub(super) struct FirecrackerVm {
    process: Process,
    console: Arc<Console>,
}

impl FirecrackerVm {
    pub(super) async fn start(firecracker: &Firecracker, spec: &VmSpec) -> Result<Self, LaunchError> {
        let directory = spec.directory.as_path();
        let requests = plan::requests(spec, firecracker.settings.transport)?;
        socket::remove_stale(directory, &[API_SOCKET, GUEST_SOCKET])?;
        let log = directory.join(LOG);
        // It does not make the file.
        let made = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&log);
        made.map_err(|source| LaunchError::Io { path: log.clone(), source })?;
        let id = spec.id.to_string();
        let mut arguments =
            vec!["--id", &id, "--api-sock", API_SOCKET, "--log-path", LOG, "--level", "Warning"];
        if firecracker.settings.transport == Transport::Pci {
            arguments.push("--enable-pci");
        }
        let arguments = arguments.into_iter().map(Into::into).collect();
        let program = firecracker.program.as_path();
        let mut process = Process::start(Invocation { program, arguments, directory })?;
        let console = process.console(directory).await?;
        socket::made_by(&mut process, directory, API_SOCKET, PATIENCE).await?;
        let place = SocketDirectory::open(directory)
            .map_err(|source| LaunchError::Io { path: directory.to_owned(), source })?;
        let path = place.short_path(API_SOCKET);
        let api = Api { socket: &path };
        for request in &requests {
            if let Err(error) = api.put(request).await {
                return Err(refused(&mut process, directory, error).await);
            }
        }
        Ok(Self { process, console })
    }
}

/// Together with what it has written into its log: after a panic there is no answer.
async fn refused(process: &mut Process, directory: &Path, error: ApiError) -> LaunchError {
    let ended = process.ended().await;
    let exit = process.kill().await;
    let log = fs::read_to_string(directory.join(LOG)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
    let said = lines.into_iter().rev().chain(exit.stderr.iter().map(String::as_str));
    let mut words = causes(&error);
    for line in said {
        words.push_str("; ");
        words.push_str(line.trim());
    }
    let code = ended.map_or(0, |exit| exit.code);
    LaunchError::Died { program: exit.program, code, stderr: words }
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
        self.process.wait().await
    }

    async fn kill(&mut self) -> VmExit {
        self.process.kill().await
    }
}
