//! `anteroom exec` and `anteroom shell`: programs in VMs, as if they were here.
//!
//! ```text
//!  keyboard, pipe ──▶ [standard input] ──▶ attach ══frames══ daemon ══ agent ══ program
//!  screen, pipe   ◀── [outlet]         ◀──
//! ```

pub(super) mod attach;
mod escape;
mod keyboard;
pub(super) mod outlet;
mod sent;

use std::io::IsTerminal as _;

use anteroom_protocol::exec::{Ended, ExecSpec, TerminalSpec};
use tokio::{
    io::{stderr, stdout},
    sync::mpsc,
};

use super::{
    args::{ExecArguments, ProcessArguments, ShellArguments},
    client::Client,
    exit::{Exit, Problem},
    vm_name,
};
use attach::Local;
use escape::Escape;
use keyboard::RawTerminal;
use outlet::Outlet;

/// What shells know as the code of a program whose time was over, as timeout(1) has it.
const TIMED_OUT: u8 = 124;

pub(super) async fn exec(arguments: &ExecArguments, client: &Client) -> Result<Exit, Problem> {
    let terminal = arguments.tty;
    let spec = ExecSpec {
        argv: arguments.argv.clone(),
        timeout_ms: arguments.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        ..spec(&arguments.process, terminal)?
    };
    let input = if arguments.no_stdin { Input::Nothing } else { Input::Ours };
    run(&arguments.vm, spec, input, client).await
}

pub(super) async fn shell(arguments: &ShellArguments, client: &Client) -> Result<Exit, Problem> {
    let terminal = std::io::stdin().is_terminal();
    let spec = spec(&arguments.process, terminal)?;
    run(&arguments.vm, spec, Input::Ours, client).await
}

fn spec(process: &ProcessArguments, terminal: bool) -> Result<ExecSpec, Problem> {
    let terminal = terminal.then(|| {
        let (rows, columns) = keyboard::size();
        TerminalSpec { term: std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned()), rows, columns }
    });
    let spec = ExecSpec {
        user: process.user.clone(),
        directory: process.cwd.clone(),
        environment: process.env.iter().cloned().collect(),
        terminal,
        ..ExecSpec::default()
    };
    spec.check().map_err(|error| Problem::new(Exit::Usage, error.to_string()))?;
    Ok(spec)
}

/// What the program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Ours,
    Nothing,
}

async fn run(vm: &str, spec: ExecSpec, input: Input, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, vm).await?;
    let (tell, control) = mpsc::channel(16);
    let outlet = Outlet::new(stdout(), stderr());
    let raw = match &spec.terminal {
        Some(_) => RawTerminal::take().map_err(|error| Problem::failed(format!("the terminal: {error}")))?,
        None => None,
    };
    let escape = raw.as_ref().map(|_| Escape::default());
    let input = match input {
        Input::Ours => keyboard::read(escape, tell.clone()),
        Input::Nothing => mpsc::channel(1).1,
    };
    keyboard::tell_signals(tell, raw.is_some())?;
    let ended = attach::run(client, &vm, spec, Local { input, control }, outlet).await;
    drop(raw);
    let ended = ended?;
    if let Some(cause) = &ended.cause {
        eprintln!("anteroom: the program has ended: {cause}");
    }
    Ok(exit_of(&ended))
}

fn exit_of(ended: &Ended) -> Exit {
    if ended.timed_out {
        return Exit::Program(TIMED_OUT);
    }
    // Only the lowest eight bits reach a parent (wait(2)).
    Exit::Program(u8::try_from(ended.code & 0xff).unwrap_or(u8::MAX))
}
