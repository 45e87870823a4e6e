//! A program to start: everything that its process gets, as one value.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, pipe},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use nix::{
    sys::resource::{Resource, setrlimit},
    unistd::{geteuid, setgid, setgroups, setsid, setuid, write},
};
use rustix::process::{ioctl_tiocsctty, setpriority_process};
use serde::Deserialize;

use crate::account::Account;

/// What a process gets, and nothing else: no inherited environment, no inherited user.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// With the program first; a path with a slash, or a name to look up in the environment's `PATH`.
    pub(crate) argv: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Who to run as; the caller itself when `None`.
    pub(crate) account: Option<Account>,
    pub(crate) directory: PathBuf,
    pub(crate) limits: Limits,
    /// The directory of the control group to join.
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) output: Output,
}

/// Where stdout and stderr go.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// Into one pipe, whose other end is [`super::Child::output`].
    Pipe,
    /// Into a pipe each, and standard input from a third: [`super::Child`] has our ends.
    Apart,
    Null,
    /// To this pseudo-terminal, which becomes the controlling one and standard input as well.
    Terminal(Arc<OwnedFd>),
}

/// The other ends of a process's pipes, where there are pipes.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) input: Option<OwnedFd>,
    pub(super) output: Option<OwnedFd>,
    pub(super) errors: Option<OwnedFd>,
}

/// What a process may use: setrlimit(2), soft and hard alike, and its share of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// `RLIMIT_NOFILE`. libvncserver walks over all descriptors that the limit allows: a million takes minutes.
    pub(crate) open_files: u64,
    /// Scheduling priority, -20 (first) to 19 (last), see nice(2).
    pub(crate) nice: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_files: 4096, nice: 0 }
    }
}

impl Program {
    /// What to call it in messages.
    pub(crate) fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// The command, and our ends of its pipes.
    pub(super) fn command(&self) -> io::Result<(Command, Ends)> {
        let (program, arguments) =
            self.argv.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.environment).current_dir(&self.directory);
        command.stdin(Stdio::null());
        let ends = match &self.output {
            Output::Terminal(terminal) => {
                command.stdin(terminal.try_clone()?);
                command.stdout(terminal.try_clone()?).stderr(terminal.try_clone()?);
                Ends::default()
            }
            Output::Null => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
                Ends::default()
            }
            Output::Pipe => {
                let (read, write) = pipe()?;
                command.stdout(write.try_clone()?).stderr(write);
                Ends { output: Some(read.into()), ..Ends::default() }
            }
            Output::Apart => {
                let ((stdin, input), (output, stdout), (errors, stderr)) = (pipe()?, pipe()?, pipe()?);
                command.stdin(stdin).stdout(stdout).stderr(stderr);
                Ends { input: Some(input.into()), output: Some(output.into()), errors: Some(errors.into()) }
            }
        };
        self.prepare(&mut command)?;
        Ok((command, ends))
    }

    /// What has to happen in the child, between fork and exec.
    fn prepare(&self, command: &mut Command) -> io::Result<()> {
        // Whoever is not root can only stay who it is.
        let account = self.account.clone().filter(|account| account.uid != geteuid() || geteuid().is_root());
        let limits = self.limits;
        let terminal = match &self.output {
            Output::Terminal(terminal) => Some(Arc::clone(terminal)),
            Output::Pipe | Output::Apart | Output::Null => None,
        };
        let cgroup =
            self.cgroup.as_ref().map(|path| File::options().write(true).open(path.join("cgroup.procs")));
        let cgroup = cgroup.transpose()?;
        let in_child = move || {
            if let Some(group) = &cgroup {
                // cgroup_v2: "0" stands for the writer.
                write(group, b"0")?;
            }
            setsid()?;
            if let Some(terminal) = &terminal {
                ioctl_tiocsctty(terminal)?;
            }
            setrlimit(Resource::RLIMIT_NOFILE, limits.open_files, limits.open_files)?;
            // A CLI that crashes with tokens in its memory leaves them in no file; nothing in a guest may.
            setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
            setpriority_process(None, limits.nice)?;
            if let Some(account) = &account {
                setgroups(&account.groups)?;
                setgid(account.gid)?;
                setuid(account.uid)?;
            }
            Ok(())
        };
        #[expect(
            unsafe_code,
            reason = "CommandExt has no safe way to set groups, limits and the control group"
        )]
        // SAFETY: the closure makes system calls on values that were made before the fork, and allocates nothing.
        unsafe {
            command.pre_exec(in_child);
        }
        Ok(())
    }
}
