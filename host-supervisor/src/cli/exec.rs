//! `anteroom exec` and `anteroom shell`: programs in VMs, as if they were here.
//!
//! ```text
//!  keyboard, pipe ──▶ [standard input] ──▶ attach ══frames══ daemon ══ agent ══ program
//!  screen, pipe   ◀── [outlet]         ◀──
//! ```

pub(super) mod attach;
mod escape;
pub(super) mod keyboard;
pub(super) mod outlet;
mod sent;
pub(super) mod tool;

use std::io::IsTerminal as _;

use anteroom_protocol::exec::{Ended, ExecSpec, TerminalSpec};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    args::{AttachArguments, ExecArguments, ProcessArguments, PsArguments, ShellArguments},
    client::Client,
    exit::{Exit, Problem},
    show, vm_name,
};
use attach::{Begin, Local};
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
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    if arguments.detach {
        let id = attach::start(client, &vm, ExecSpec { detached: true, ..spec }).await?;
        show::line(id);
        return Ok(Exit::Ok);
    }
    run(&vm, Begin::Program(Box::new(spec)), terminal, Input::unless(arguments.no_stdin), client).await
}

pub(super) async fn shell(arguments: &ShellArguments, client: &Client) -> Result<Exit, Problem> {
    let terminal = std::io::stdin().is_terminal();
    let spec = spec(&arguments.process, terminal)?;
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    run(&vm, Begin::Program(Box::new(spec)), terminal, Input::Ours, client).await
}

pub(super) async fn attach(arguments: &AttachArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let programs = programs(client, &vm).await?;
    let id = show::unique(&programs, "id", &arguments.id, "program")?;
    let found = programs.as_array().into_iter().flatten().find(|program| show::text(program, "id") == id);
    let terminal = found.is_some_and(|program| program["terminal"] == true);
    let running = id.parse().map_err(|_| Problem::failed("the VM has a program without an id"))?;
    run(&vm, Begin::Running(running), terminal, Input::unless(arguments.no_stdin), client).await
}

pub(super) async fn ps(arguments: &PsArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let programs = programs(client, &vm).await?;
    if arguments.json {
        show::json(&programs)?;
        return Ok(Exit::Ok);
    }
    let mut table =
        show::table(&["ID", "PROGRAM", "USER", "PID", "TERMINAL", "ATTACHED", "SECONDS", "ENDED"]);
    for program in programs.as_array().into_iter().flatten() {
        let yes = |field: &str| if program[field] == true { "yes" } else { "" }.to_owned();
        table.add_row([
            show::text(program, "id").chars().take(8).collect(),
            show::clipped(&show::text(program, "program")),
            show::text(program, "user"),
            program["pid"].to_string(),
            yes("terminal"),
            yes("attached"),
            (program["age_ms"].as_u64().unwrap_or_default() / 1000).to_string(),
            program["ended"]["code"].as_i64().map(|code| format!("with code {code}")).unwrap_or_default(),
        ]);
    }
    show::line(table);
    Ok(Exit::Ok)
}

async fn programs(client: &Client, vm: &str) -> Result<Value, Problem> {
    Ok(client.get(&format!("/api/vms/{vm}/programs")).await?["programs"].take())
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

impl Input {
    fn unless(nothing: bool) -> Self {
        if nothing { Self::Nothing } else { Self::Ours }
    }
}

async fn run(vm: &str, begin: Begin, terminal: bool, input: Input, client: &Client) -> Result<Exit, Problem> {
    let (tell, control) = mpsc::channel(16);
    let outlet = Outlet::ours();
    let raw = if terminal { RawTerminal::take()? } else { None };
    let escape = raw.as_ref().map(|_| Escape::default());
    let input = match input {
        Input::Ours => keyboard::read(escape, tell.clone()),
        Input::Nothing => mpsc::channel(1).1,
    };
    keyboard::tell_signals(tell, raw.is_some())?;
    let ended = attach::run(client, vm, begin, Local { input, control }, outlet).await;
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
