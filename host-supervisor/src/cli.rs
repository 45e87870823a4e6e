//! The command line. Commands for people and programs: tables by default, `--json` where a program reads.
//!
//! Those that speak with a daemon do it over its HTTP API, as any other client.

mod api_key;
mod args;
mod audit;
mod client;
mod completion;
mod config;
mod copy;
mod debug;
mod doctor;
mod events;
mod exec;
mod exit;
mod forward;
mod gc;
mod image;
mod key;
mod logs;
mod man;
mod prompt;
mod provider;
mod record;
mod screenshot;
mod serve;
mod session;
mod show;
mod snapshot;
mod top;
mod vm;
mod vm_name;
mod vnc;
mod webhook;

use std::collections::BTreeMap;

use clap::Parser as _;

use crate::{
    config::{Config, ConfigError, Environment, Sources},
    failure::causes,
    relay,
};
use args::{Arguments, Command, Common, DaemonCommand};
use client::Client;
pub use exit::Exit;
use exit::Problem;

/// Runs the command line of this process and returns its exit code.
#[must_use]
pub fn main() -> Exit {
    completion::answer();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap knows whether this is help or a complaint, and where it goes; a closed pipe is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let environment = environment();
    match run(arguments, &environment) {
        Ok(exit) => exit,
        Err(problem) => {
            eprintln!("anteroom: {problem}");
            for line in &problem.detail_lines {
                eprintln!("    {line}");
            }
            problem.exit
        }
    }
}

fn run(arguments: Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let Arguments { common, command } = arguments;
    let load = |flags: &[(String, String)]| load(&common, environment, flags).map(with_warnings);
    // Standard error is the other program's.
    let load_quietly = || self::load(&common, environment, &[]);
    match command {
        Command::Up(up) => serve::up(&load(&up.flags())?, sources(&common, environment, &up.flags()), &up),
        Command::Serve(serve) => {
            serve::serve(&load(&serve.flags())?, sources(&common, environment, &serve.flags()))
        }
        Command::Doctor(arguments) => doctor::run(&arguments, &load(&[])?),
        Command::Image(command) => image::run(&command, &load(&command.flags())?),
        Command::Snapshot(command) => snapshot::run(&command, &load(&command.flags())?),
        Command::Key(command) => runtime()?.block_on(key::run(&command, &load(&[])?, environment)),
        Command::Gc(arguments) => runtime()?.block_on(gc::run(&arguments, &load(&[])?)),
        Command::Config(command) => config::run(&command, &common, environment),
        Command::Provider(command) => provider::run(&command, environment, || load(&[])),
        Command::Prompt(arguments) => {
            in_vm(&load_quietly()?, environment, async |client| prompt::run(&arguments, &client).await)
        }
        Command::Shell(arguments) => {
            in_vm(&load_quietly()?, environment, async |client| exec::shell(&arguments, &client).await)
        }
        Command::Exec(arguments) => {
            in_vm(&load_quietly()?, environment, async |client| exec::exec(&arguments, &client).await)
        }
        Command::Attach(arguments) => {
            in_vm(&load_quietly()?, environment, async |client| exec::attach(&arguments, &client).await)
        }
        Command::Proxy(arguments) => with_client(&load_quietly()?, environment, async |client| {
            forward::proxy(&arguments, &client).await
        }),
        Command::Man { directory } => man::write(&directory),
        Command::OfDaemon(command) => {
            with_client(&load(&[])?, environment, async |client| ask(&command, &client).await)
        }
        Command::Relay { address } => {
            let runtime = runtime()?;
            runtime.block_on(relay::run(address))?;
            // Whoever reads our standard input does so on a thread that nothing can wake.
            runtime.shutdown_background();
            Ok(Exit::Ok)
        }
    }
}

async fn ask(command: &DaemonCommand, client: &Client) -> Result<Exit, Problem> {
    match command {
        DaemonCommand::Session(command) => session::run(command, client).await,
        DaemonCommand::Vm(command) => vm::run(command, client).await,
        DaemonCommand::Ps(arguments) => exec::ps(arguments, client).await,
        DaemonCommand::Top(arguments) => top::run(arguments, client).await,
        DaemonCommand::Cp(arguments) => copy::run(arguments, client).await,
        DaemonCommand::Forward(arguments) => forward::run(arguments, client).await,
        DaemonCommand::Vnc(arguments) => vnc::run(arguments, client).await,
        DaemonCommand::Logs(arguments) => logs::run(arguments, client).await,
        DaemonCommand::Events(arguments) => events::run(arguments, client).await,
        DaemonCommand::Screenshot(arguments) => screenshot::run(arguments, client).await,
        DaemonCommand::Record(arguments) => record::run(arguments, client).await,
        DaemonCommand::Debug(arguments) => debug::run(arguments, client).await,
        DaemonCommand::Webhook(command) => webhook::run(command, client).await,
        DaemonCommand::ApiKey(command) => api_key::run(command, client).await,
        DaemonCommand::Audit(arguments) => audit::run(arguments, client).await,
    }
}

fn load(common: &Common, environment: &Environment, flags: &[(String, String)]) -> Result<Config, Problem> {
    Ok(sources(common, environment, flags).load()?)
}

fn sources(common: &Common, environment: &Environment, flags: &[(String, String)]) -> Sources {
    let flags = common.settings.iter().chain(flags).cloned().collect();
    Sources { environment: environment.clone(), file: common.config.clone(), flags }
}

fn with_warnings(config: Config) -> Config {
    for warning in config.warnings() {
        eprintln!("anteroom: warning: {warning}");
    }
    config
}

/// Of one thread: a command does one thing at a time.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn with_client<T>(
    config: &Config,
    environment: &Environment,
    command: impl AsyncFnOnce(Client) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let client = Client::new(config, environment)?;
    runtime()?.block_on(command(client))
}

/// As [`with_client`], for a program in a VM: its exit codes are its own, and what fails here has another one.
fn in_vm(
    config: &Config,
    environment: &Environment,
    command: impl AsyncFnOnce(Client) -> Result<Exit, Problem>,
) -> Result<Exit, Problem> {
    with_client(config, environment, command).map_err(Problem::not_run)
}

/// Variables that are not UTF-8 are none of ours.
fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect::<BTreeMap<_, _>>()
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, causes(&error))
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}
