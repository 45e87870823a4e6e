//! A process that belongs to a VM: named beyond its pid's reuse, its last words kept, ended when its value is dropped.
//!
//! ```text
//!  start ──▶ child ──────────────┬─▶ wait, kill
//!  adopt ──▶ somebody's orphan ──┘      what it writes comes through named pipes in its directory (`output`)
//! ```
//! A daemon that is killed takes none of them with it: the next one adopts them.
//!
//! Children get the VM's directory as working directory (their sockets have relative names), a process group of their
//! own (Ctrl-C in the daemon's terminal is for the daemon) and an almost empty environment (the daemon's may hold
//! secrets). Their limits are the daemon's: no core files, see [`crate::core_file`].

mod id;
mod identity;
mod mounts;
mod orphan;
mod output;
pub(super) mod socket;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    net::unix::pipe::Receiver,
    process::{Child, Command},
    task::JoinHandle,
};

use super::{LaunchError, VmExit, console::Console};
pub use id::ProcessId;
pub use identity::Identity;
pub use mounts::Mounts;
use orphan::Orphan;
use output::Output;

/// How much of a child's standard error is kept.
const STDERR_LINES: usize = 40;
const STDERR_LINE_BYTES: u64 = 1000;
/// How long the last words of an ended child may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to start.
#[derive(Debug)]
pub struct Invocation<'a> {
    pub program: &'a Path,
    pub arguments: Vec<OsString>,
    pub directory: &'a Path,
    /// What it sees there besides; needs root when it is not empty.
    pub mounts: Mounts,
    /// As whom it runs; as the daemon's user when unset. Needs root.
    pub identity: Option<Identity>,
    /// Files that it inherits under the numbers that they have here.
    pub inherits: Vec<OwnedFd>,
}

impl<'a> Invocation<'a> {
    #[must_use]
    pub fn of(program: &'a Path, arguments: Vec<OsString>, directory: &'a Path) -> Self {
        Self {
            program,
            arguments,
            directory,
            mounts: Mounts::default(),
            identity: None,
            inherits: Vec::new(),
        }
    }
}

/// A running process, or an ended one whose exit is known.
#[derive(Debug)]
pub struct Process {
    life: Life,
    id: ProcessId,
    name: String,
    stdout: Option<Receiver>,
    stderr: JoinHandle<Vec<String>>,
    exit: Option<VmExit>,
}

/// Whose child it is.
#[derive(Debug)]
enum Life {
    Ours(Child),
    /// A daemon's that is gone.
    Orphan(Orphan),
}

impl Process {
    /// # Errors
    /// When the program cannot be started, or its pipes cannot be made.
    pub fn start(invocation: Invocation<'_>) -> Result<Self, LaunchError> {
        let name = name_of(invocation.program);
        let cannot = |source| LaunchError::Start { program: name.clone(), source };
        let mut command = Command::new(invocation.program);
        command
            .args(invocation.arguments)
            .current_dir(invocation.directory)
            .process_group(0)
            .kill_on_drop(true);
        let (stdout, to_stdout) = Output::Words.make(invocation.directory, &name).map_err(cannot)?;
        let (stderr, to_stderr) = Output::Errors.make(invocation.directory, &name).map_err(cannot)?;
        command.stdin(Stdio::null()).stdout(to_stdout).stderr(to_stderr);
        command.env_clear().envs(["PATH", "HOME", "LD_LIBRARY_PATH"].into_iter().filter_map(variable));
        let Invocation { mounts, identity, inherits, .. } = invocation;
        if !mounts.is_empty() || identity.is_some() || !inherits.is_empty() {
            change_between_fork_and_exec(&mut command, mounts, identity, inherits);
        }
        let child = command.spawn().map_err(cannot)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        // The child cannot have been reaped yet, so its entry in /proc exists even if it has ended.
        let id = ProcessId::of(pid).map_err(cannot)?;
        Ok(Self::new(Life::Ours(child), id, name, stdout, stderr))
    }

    /// Takes over a process that another daemon has started, in that directory, as a program of that name.
    ///
    /// # Errors
    /// When it has ended.
    pub fn adopt(id: ProcessId, program: &Path, directory: &Path) -> io::Result<Self> {
        let name = name_of(program);
        let stdout = Output::Words.open(directory, &name)?;
        let stderr = Output::Errors.open(directory, &name)?;
        // Last: from here on it is ended when something fails.
        let orphan = Orphan::adopt(id)?;
        Ok(Self::new(Life::Orphan(orphan), id, name, stdout, stderr))
    }

    fn new(life: Life, id: ProcessId, name: String, stdout: Receiver, stderr: Receiver) -> Self {
        let stderr = tokio::spawn(last_lines(stderr));
        Self { life, id, name, stdout: Some(stdout), stderr, exit: None }
    }

    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// The program that it has replaced itself by.
    pub(super) fn has_become(&mut self, program: &Path) {
        self.name = name_of(program);
    }

    /// Makes its standard output the guest's console, kept in the VM's directory; once. That of an orphan goes on where its
    /// first daemon has left it.
    ///
    /// # Errors
    /// When the log cannot be written, or it has been taken already.
    pub async fn console(&mut self, directory: &Path) -> Result<Arc<Console>, LaunchError> {
        let cannot_log = |source| LaunchError::Io { path: directory.join(Console::FILE_NAME), source };
        let stdout = self.stdout.take().ok_or_else(|| cannot_log(io::ErrorKind::BrokenPipe.into()))?;
        let console = match self.life {
            Life::Ours(_) => Console::capture(stdout, directory).await,
            Life::Orphan(_) => Console::resume(stdout, directory).await,
        };
        console.map_err(cannot_log)
    }

    /// The same for a guest that another process has run before: its log goes on.
    ///
    /// # Errors
    /// As [`Process::console`].
    pub async fn console_again(&mut self, directory: &Path) -> Result<Arc<Console>, LaunchError> {
        let cannot_log = |source| LaunchError::Io { path: directory.join(Console::FILE_NAME), source };
        let stdout = self.stdout.take().ok_or_else(|| cannot_log(io::ErrorKind::BrokenPipe.into()))?;
        Console::resume(stdout, directory).await.map_err(cannot_log)
    }

    /// Waits for the end and the last words.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub async fn wait(&mut self) -> VmExit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let code = match &mut self.life {
            Life::Ours(child) => Some(child.wait().await.map_or(-1, exit_code)),
            Life::Orphan(orphan) => orphan.ended().await,
        };
        // Another process may hold the pipe open; then there are no last words.
        let stderr = match tokio::time::timeout(LAST_WORDS, &mut self.stderr).await {
            Ok(lines) => lines.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let by_guest = code == Some(0);
        let exit = VmExit { program: self.name.clone(), code, stderr, by_guest, out_of_memory: None };
        self.exit.insert(exit).clone()
    }

    /// The exit, if there is one by now.
    pub(super) async fn ended(&mut self) -> Option<VmExit> {
        let runs = match &mut self.life {
            Life::Ours(child) => matches!(child.try_wait(), Ok(None)),
            Life::Orphan(_) => self.id.is_alive(),
        };
        if runs { None } else { Some(self.wait().await) }
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    pub async fn kill(&mut self) -> VmExit {
        if self.exit.is_none() {
            match &mut self.life {
                // An error means that it has ended already.
                Life::Ours(child) => drop(child.start_kill()),
                Life::Orphan(orphan) => orphan.kill(),
            }
        }
        self.wait().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stderr.abort();
    }
}

#[expect(unsafe_code, reason = "code between fork and exec")]
fn change_between_fork_and_exec(
    command: &mut Command,
    mounts: Mounts,
    identity: Option<Identity>,
    inherits: Vec<OwnedFd>,
) {
    let change = move || {
        for file in &inherits {
            fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        if !mounts.is_empty() {
            mounts.enter()?;
        }
        identity.as_ref().map_or(Ok(()), Identity::assume)
    };
    // SAFETY: it makes system calls and nothing else: it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(change);
    }
}

fn name_of(program: &Path) -> String {
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn variable(name: &str) -> Option<(&str, OsString)> {
    std::env::var_os(name).map(|value| (name, value))
}

/// As a shell tells it: 128 + signal for a process that a signal ended.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

async fn last_lines(stream: impl AsyncRead + Unpin) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let (mut lines, mut line) = (VecDeque::new(), Vec::new());
    loop {
        line.clear();
        match (&mut stream).take(STDERR_LINE_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return lines.into(),
            Ok(_) => {
                if lines.len() == STDERR_LINES {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
    }
}

/// Where a program is: an absolute path as it is, a plain name by `PATH` and then in `more`.
#[must_use]
pub fn find_program(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    if name.contains('/') {
        return is_executable(Path::new(name)).then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().cloned())
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
