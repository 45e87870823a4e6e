//! A process that belongs to a VM: named beyond its pid's reuse, its last words kept, ended when its value is dropped.
//!
//! Children get the VM's directory as working directory (their sockets have relative names), a process group of their
//! own (Ctrl-C in the daemon's terminal is for the daemon) and an almost empty environment (the daemon's may hold
//! secrets). Their limits are the daemon's: no core files, see [`crate::core_file`].

mod id;
mod mounts;
pub(super) mod socket;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    task::JoinHandle,
};

use super::{LaunchError, VmExit, console::Console};
pub use id::ProcessId;
pub(super) use mounts::Mounts;

/// How much of a child's standard error is kept.
const STDERR_LINES: usize = 40;
const STDERR_LINE_BYTES: u64 = 1000;
/// How long the last words of an ended child may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to start.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    pub(super) directory: &'a Path,
    /// What it sees there besides; needs root when it is not empty.
    pub(super) mounts: Mounts,
}

impl<'a> Invocation<'a> {
    pub(super) fn of(program: &'a Path, arguments: Vec<OsString>, directory: &'a Path) -> Self {
        Self { program, arguments, directory, mounts: Mounts::default() }
    }
}

/// A running child, or an ended one whose exit is known.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    id: ProcessId,
    name: String,
    stderr: Option<JoinHandle<Vec<String>>>,
    exit: Option<VmExit>,
}

impl Process {
    pub(super) fn start(invocation: Invocation<'_>) -> Result<Self, LaunchError> {
        let name = name_of(invocation.program);
        let cannot = |source| LaunchError::Start { program: name.clone(), source };
        let mut command = Command::new(invocation.program);
        command
            .args(invocation.arguments)
            .current_dir(invocation.directory)
            .process_group(0)
            .kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(["PATH", "HOME", "LD_LIBRARY_PATH"].into_iter().filter_map(variable));
        if !invocation.mounts.is_empty() {
            enter_between_fork_and_exec(&mut command, invocation.mounts);
        }
        let mut child = command.spawn().map_err(cannot)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        // The child cannot have been reaped yet, so its entry in /proc exists even if it has ended.
        let id = ProcessId::of(pid).map_err(cannot)?;
        let stderr = child.stderr.take().map(|stderr| tokio::spawn(last_lines(stderr)));
        Ok(Self { child, id, name, stderr, exit: None })
    }

    pub(super) fn id(&self) -> ProcessId {
        self.id
    }

    /// The program that it has replaced itself by.
    pub(super) fn has_become(&mut self, program: &Path) {
        self.name = name_of(program);
    }

    /// Makes its standard output the guest's console, kept in the VM's directory; once.
    pub(super) async fn console(&mut self, directory: &Path) -> Result<Arc<Console>, LaunchError> {
        let cannot_log = |source| LaunchError::Io { path: directory.join(Console::FILE_NAME), source };
        let stdout = self.take_stdout().ok_or_else(|| cannot_log(io::ErrorKind::BrokenPipe.into()))?;
        Console::capture(stdout, directory).await.map_err(cannot_log)
    }

    /// The child's standard output; once.
    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end and the last words.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub(super) async fn wait(&mut self) -> VmExit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let code = self.child.wait().await.map_or(-1, exit_code);
        let stderr = match &mut self.stderr {
            // A grandchild may hold the pipe open; then there are no last words.
            Some(reader) => match tokio::time::timeout(LAST_WORDS, reader).await {
                Ok(lines) => lines.unwrap_or_default(),
                Err(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        let by_guest = code == 0;
        self.exit.insert(VmExit { program: self.name.clone(), code, stderr, by_guest }).clone()
    }

    /// The exit, if there is one by now.
    pub(super) async fn ended(&mut self) -> Option<VmExit> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => Some(self.wait().await),
        }
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    pub(super) async fn kill(&mut self) -> VmExit {
        if self.exit.is_none() {
            // An error means that it has ended already.
            let _ = self.child.start_kill();
        }
        self.wait().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(reader) = &self.stderr {
            reader.abort();
        }
    }
}

#[expect(unsafe_code, reason = "code between fork and exec")]
fn enter_between_fork_and_exec(command: &mut Command, mounts: Mounts) {
    // SAFETY: `enter` makes system calls and nothing else: it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(move || mounts.enter());
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
