//! A living Firecracker.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::MutexGuard;

use super::{
    Firecracker,
    api::{Api, ApiError},
    body::SnapshotType,
    exit::as_a_shell_tells,
    hibernate::{self, Residence, Tmpfs},
    jail::{Jail, Jailer, OVERHEAD_MIB},
    plan::{self, GUEST_SOCKET, Transport},
    request::Request,
    surroundings::Surroundings,
    suspend::{self, Readers},
};
use crate::{
    blocking,
    failure::causes,
    socket_directory::SocketDirectory,
    vmm::{
        LaunchError, OutOfMemory, ProcessId, SnapshotError, SnapshotFiles, Survivor, Vm, VmExit, VmSpec,
        confine::group::Group,
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
/// Between a connection that is closed and the end of the process that had it: its memory is given back first.
const SAME_MOMENT: Duration = Duration::from_secs(2);
/// How much of its log is repeated when it refuses to start a guest, or ends.
const LAST_LINES: usize = 5;
const LAST_BYTES: u64 = 8 * 1024;

/// How a machine begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin<'a> {
    Boot,
    Restore(&'a SnapshotFiles),
    /// With what comes out of a pipe.
    Wake(BorrowedFd<'a>),
}

/// What its memory was at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Nothing: what is not resident of it is zero.
    Boot,
    /// A file on the disk.
    Snapshot,
    /// Perhaps a file in memory: it was woken, or another daemon knows.
    Other,
}

#[derive(Debug)]
pub(super) struct FirecrackerVm {
    process: Process,
    console: Arc<Console>,
    /// Its working directory as the host sees it: where its sockets and its log are.
    place: PathBuf,
    /// Its user is given back when nobody runs as that any more.
    jail: Option<Jail>,
    /// Where root runs it without a jail.
    group: Option<Group>,
    /// Of a machine that will be snapshotted: its memory, in MiB.
    golden: Option<u32>,
    origin: Origin,
    /// As long as its memory may be there twice, because it is on its way to the disk.
    turn: Option<MutexGuard<'static, ()>>,
}

impl FirecrackerVm {
    pub(super) async fn start(
        firecracker: &Firecracker,
        spec: &VmSpec,
        begin: Begin<'_>,
    ) -> Result<Self, LaunchError> {
        let (settings, directory) = (&firecracker.settings, spec.directory.as_path());
        plan::no_drive_twice(spec)?;
        socket::remove_stale(directory, &[API_SOCKET, GUEST_SOCKET])?;
        let surroundings = Surroundings::of(firecracker, spec, begin)?;
        let requests = surroundings.requests(settings)?;
        let Surroundings { jail, group, mounts, .. } = surroundings;
        let place = jail.as_ref().map_or(directory, Jail::root).to_owned();
        make_log(&place.join(LOG), jail.as_ref())?;
        let arguments = arguments(spec, settings.transport, jail.is_some());
        let (program, arguments) = match (&firecracker.jailer, &jail) {
            (Some(jailer), Some(jail)) => (jailer.program(), jail.arguments(&firecracker.program, arguments)),
            _ => (firecracker.program.as_path(), arguments),
        };
        let mut process =
            Process::start(Invocation { mounts, ..Invocation::of(program, arguments, directory) })?;
        let console = match begin {
            Begin::Boot | Begin::Restore(_) => process.console(directory).await?,
            Begin::Wake(_) => process.console_again(directory).await?,
        };
        if let Some(group) = &group {
            // Without a guest it has next to nothing yet. If it has ended already, what follows says so.
            if let Err(error) = group.admit(process.id()) {
                tracing::warn!(vm = %spec.id, "the VM is not in its control group: {error}");
            }
        }
        socket::accepted_by(&mut process, &place, API_SOCKET, PATIENCE)
            .await
            .map_err(|error| error.with_memory_of(|| out_of_memory(jail.as_ref(), group.as_ref())))?;
        process.has_become(&firecracker.program);
        let golden = spec.golden.then_some(spec.memory_mib);
        let origin = match begin {
            Begin::Boot => Origin::Boot,
            Begin::Restore(_) => Origin::Snapshot,
            Begin::Wake(_) => Origin::Other,
        };
        let mut vm = Self { process, console, place, jail, group, golden, origin, turn: None };
        if let Begin::Wake(from) = begin
            && let Err(error) = vm.take_in(from).await
        {
            vm.process.kill().await;
            return Err(LaunchError::Snapshot(error.to_string()));
        }
        vm.begin(&requests, begin).await?;
        Ok(vm)
    }

    async fn begin(&mut self, requests: &[Request], begin: Begin<'_>) -> Result<(), LaunchError> {
        self.ask_or_end(requests, begin).await?;
        if let Some(jail) = &self.jail {
            jail.show_guest_socket()?;
        }
        match begin {
            Begin::Boot => Ok(()),
            Begin::Restore(_) => self.ask_or_end(&[suspend::resuming()], begin).await,
            Begin::Wake(_) => {
                // What is left there would only be in the way of the next time.
                if let Err(error) = self.tmpfs().and_then(|tmpfs| tmpfs.empty()) {
                    self.process.kill().await;
                    return Err(LaunchError::Snapshot(error.to_string()));
                }
                Ok(())
            }
        }
    }

    async fn take_in(&self, from: BorrowedFd<'_>) -> io::Result<()> {
        self.tmpfs()?.carry_in(from.try_clone_to_owned()?).await
    }

    /// For what is on its way to the disk, or from there.
    fn tmpfs(&self) -> io::Result<Tmpfs> {
        let inside = if self.jail.is_some() { PathBuf::from("/") } else { std::path::absolute(&self.place)? };
        Tmpfs::of(self.process.id(), &inside)
    }

    /// A Firecracker that refuses something is of no use any more.
    async fn ask_or_end(&mut self, requests: &[Request], begin: Begin<'_>) -> Result<(), LaunchError> {
        let Err(error) = self.ask(requests).await else { return Ok(()) };
        let (has_died, exit) = match error.is_answer() {
            false => match tokio::time::timeout(SAME_MOMENT, self.wait()).await {
                Ok(exit) => (true, exit),
                Err(_) => (false, self.kill().await),
            },
            true => (false, self.kill().await),
        };
        if has_died && (exit.out_of_memory.is_some() || matches!(begin, Begin::Boot)) {
            return Err(LaunchError::Died { exit, console: self.console.tail() });
        }
        let mut words = causes(&error);
        // After a panic there is no answer.
        for line in &exit.stderr {
            words.push_str("; ");
            words.push_str(line.trim());
        }
        Err(match begin {
            Begin::Boot => LaunchError::Refused { program: exit.program, words },
            Begin::Restore(_) | Begin::Wake(_) => LaunchError::Snapshot(words),
        })
    }

    async fn ask(&self, requests: &[Request]) -> Result<(), ApiError> {
        let unreachable = |error| ApiError::Unreachable(self.place.display().to_string(), error);
        let sockets = SocketDirectory::open(&self.place).map_err(unreachable)?;
        let path = sockets.short_path(API_SOCKET);
        let api = Api { socket: &path };
        for request in requests {
            api.ask(request).await?;
        }
        Ok(())
    }

    /// For a guest of that size, and what may lie in the memory besides.
    fn limit_memory(&self, guest_mib: u64, besides_mib: u64) -> io::Result<()> {
        let limit = |group: &Group| group.limit_memory(guest_mib + OVERHEAD_MIB + besides_mib);
        self.jail.as_ref().map_or(Ok(()), |jail| jail.limit_memory(guest_mib, besides_mib))?;
        self.group.as_ref().map_or(Ok(()), limit)
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
        let place = jail.as_ref().map_or(directory, Jail::root).to_owned();
        let group = if jail.is_none() { Group::existing(survivor.id) } else { None };
        Ok(Self { process, console, place, jail, group, golden: None, origin: Origin::Other, turn: None })
    }
}

/// As long as its control group is there.
fn out_of_memory(jail: Option<&Jail>, group: Option<&Group>) -> Option<OutOfMemory> {
    jail.and_then(Jail::out_of_memory).or_else(|| group.and_then(Group::out_of_memory))
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
        exit.code = exit.code.map(as_a_shell_tells);
        exit.stderr.splice(..0, last_lines(&self.place.join(LOG)));
        exit.out_of_memory = out_of_memory(self.jail.as_ref(), self.group.as_ref());
        exit
    }

    async fn snapshot(&mut self, files: &SnapshotFiles) -> Result<(), SnapshotError> {
        let memory_mib = self.golden.take().ok_or(SnapshotError::Unsupported)?;
        suspend::quiet(&self.console).await;
        let made = self.ask(&suspend::making(suspend::files(), SnapshotType::Full)).await;
        made.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
        let readers = if self.jail.is_some() { Readers::Jailed } else { Readers::Owner };
        let (place, files) = (self.place.clone(), files.clone());
        blocking::run(move || suspend::bring_out(&place, memory_mib, &files, readers)).await
    }

    async fn hibernate(&mut self, into: OwnedFd) -> Result<(), SnapshotError> {
        let failed = |error: io::Error| SnapshotError::Vmm(causes(&error));
        let tmpfs = self.tmpfs().map_err(failed)?;
        let guest_mib = tmpfs.guest_mib().map_err(failed)?;
        let residence = || Residence::of(self.process.id()).map_err(failed);
        let before = residence()?;
        let (snapshot_type, needed_mib) = match self.origin {
            Origin::Boot if !before.is_swapped => (SnapshotType::Diff, before.resident_mib),
            Origin::Boot | Origin::Snapshot => (SnapshotType::Full, guest_mib),
            Origin::Other => (SnapshotType::Full, 2 * guest_mib),
        };
        self.turn = Some(hibernate::turn(needed_mib).await?);
        self.limit_memory(guest_mib, hibernate::room_mib(guest_mib)).map_err(failed)?;
        suspend::quiet(&self.console).await;
        let written = self.ask(&suspend::making(hibernate::files(), snapshot_type)).await;
        written.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
        if snapshot_type == SnapshotType::Diff && residence()?.is_swapped {
            return Err(SnapshotError::Vmm(
                "the host has begun to swap the VM's memory meanwhile".to_owned(),
            ));
        }
        tmpfs.carry_out(into).await.map_err(failed)
    }

    async fn go_on(&mut self) -> Result<(), SnapshotError> {
        let failed = |error: io::Error| SnapshotError::Vmm(causes(&error));
        if let Some(jail) = &self.jail {
            // Who listens for it may be another one.
            jail.let_the_knock_out().map_err(failed)?;
        }
        // Behind what may still be written for a daemon that is gone.
        let went_on = self.ask(&[suspend::resuming()]).await;
        went_on.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
        // One that was launched without a tmpfs has left nothing there.
        if let Ok(tmpfs) = self.tmpfs() {
            tmpfs.empty().map_err(failed)?;
            tmpfs.guest_mib().and_then(|guest_mib| self.limit_memory(guest_mib, 0)).map_err(failed)?;
        }
        self.turn = None;
        Ok(())
    }

    async fn kill(&mut self) -> VmExit {
        self.process.kill().await;
        self.wait().await
    }
}
