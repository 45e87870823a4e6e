//! From what the host asks for to a process.

use std::{io, os::fd::AsFd, path::PathBuf, sync::Arc};

use anteroom_protocol::exec::{ExecId, ExecSpec};
use nix::{
    fcntl::{FcntlArg, fcntl},
    unistd::{Gid, fchown},
};
use tokio::net::unix::pipe;

use crate::{
    account::{Account, AccountError, DESKTOP},
    process::{Child, Children, Limits, Output, Program, SpawnError},
    pty::{self, TerminalEnd},
    service::{Groups, cgroup, environment},
};

/// Which terminal it is, for whoever draws on it (terminfo(5)).
const TERM: &str = "TERM";
/// Of the pipes for standard input and output (pipe(7)).
const PIPE_BYTES: i32 = 256 * 1024;
/// Before the id of a program, in the name of its control group.
const GROUP_PREFIX: &str = "exec-";

/// A process, and our ends of what it reads and writes.
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) ends: Ends,
    pub(super) group: Option<PathBuf>,
    pub(super) user: String,
}

pub(super) enum Ends {
    Pipes { input: pipe::Sender, output: pipe::Receiver, errors: pipe::Receiver },
    Terminal(Arc<TerminalEnd>),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("{0:?} is no directory")]
    Directory(PathBuf),
    #[error("no terminal can be made")]
    Terminal(#[source] io::Error),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

pub(super) fn launch(
    spec: &ExecSpec,
    id: ExecId,
    children: &Children,
    groups: &Groups,
) -> Result<Launched, LaunchError> {
    let account = Account::named(spec.user.as_deref().unwrap_or(DESKTOP))?;
    let directory = spec.directory.as_ref().map_or_else(|| account.home.clone(), PathBuf::from);
    if !directory.is_dir() {
        return Err(LaunchError::Directory(directory));
    }
    let mut variables = environment::of_account(&account);
    let terminal = match &spec.terminal {
        Some(terminal) => {
            variables.insert(TERM.to_owned(), terminal.term.clone());
            let (ours, its) = pty::open(pty::size(terminal.rows, terminal.columns))
                .and_then(|(ours, its)| {
                    // Whoever works in it may open it again; its group stays the system's for terminals.
                    fchown(&its, Some(account.uid), None::<Gid>)?;
                    Ok((ours, its))
                })
                .map_err(LaunchError::Terminal)?;
            Some((Arc::new(ours), Arc::new(its)))
        }
        None => None,
    };
    variables.extend(spec.environment.clone());
    let group = groups.create(&format!("{GROUP_PREFIX}{id}"));
    let program = Program {
        argv: argv(spec),
        environment: variables,
        directory,
        limits: Limits::default(),
        cgroup: group.clone(),
        output: terminal.as_ref().map_or(Output::Apart, |(_, its)| Output::Terminal(Arc::clone(its))),
        account: Some(account.clone()),
    };
    let spawned = children.spawn(&program).map_err(LaunchError::Spawn).and_then(|mut child| {
        let ends = ends(&mut child, terminal.map(|(ours, _)| ours))?;
        Ok((child, ends))
    });
    match spawned {
        Ok((child, ends)) => Ok(Launched { child, ends, group, user: account.name }),
        Err(error) => {
            if let Some(group) = &group {
                cgroup::remove(group);
            }
            Err(error)
        }
    }
}

fn ends(child: &mut Child, terminal: Option<Arc<TerminalEnd>>) -> Result<Ends, LaunchError> {
    if let Some(terminal) = terminal {
        return Ok(Ends::Terminal(terminal));
    }
    match (child.input.take(), child.output.take(), child.errors.take()) {
        (Some(input), Some(output), Some(errors)) => {
            widen(&input);
            widen(&output);
            Ok(Ends::Pipes { input, output, errors })
        }
        _ => Err(LaunchError::Terminal(io::ErrorKind::BrokenPipe.into())),
    }
}

/// A pipe that holds more changes hands less often. One that stays as it is serves as well.
fn widen(pipe: &impl AsFd) {
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
}

/// A login shell is told so by a dash before its name only, which no command line of ours can give: by its option.
fn argv(spec: &ExecSpec) -> Vec<String> {
    if spec.argv.is_empty() {
        return [environment::SHELL, "-l"].map(str::to_owned).to_vec();
    }
    spec.argv.clone()
}

/// Removes the groups of programs whose children have outlived them, and have ended since.
pub(super) fn sweep(groups: &Groups) {
    for path in groups.paths() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(GROUP_PREFIX) {
            // Of those that live, somebody is in it.
            cgroup::remove(&path);
        }
    }
}
