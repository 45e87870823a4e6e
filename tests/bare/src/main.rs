//! The daemon, but its guests are no VMs: the agent is PID 1 of namespaces of this machine, on the same layers, with the same
//! services. What is measured with it is measured without emulation, and without a kernel's boot.
//!
//! ```text
//!  anteroom-bare ──unshare──▶ anteroom-agent (PID 1) on an overlay of the image's layers
//!        └── v.sock (CONNECT 1024) ──bridge──▶ /anteroom-vsock/1024, in place of vsock
//! ```
//! For the benchmarks: `ANTEROOM_BIN=target/release/anteroom-bare` makes any of them run on it. Of `serve` it understands the
//! settings of the environment only, it needs root, and isolates nothing that one could rely on: root in such a guest is root here.
//! Every other command is the command line's own.

mod bridge;
mod group;
mod guest;

use std::{process::ExitCode, sync::Arc};

use anteroom::{
    config::{Config, Environment, Layers},
    daemon::{self, Machine, ServiceManager, Stop},
    log,
};
use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use group::QuickMoves;
use guest::Bare;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|command| command != "serve") {
        return anteroom::cli::main().into();
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("anteroom-bare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve() -> Result<()> {
    let named = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment: Environment = std::env::vars_os().filter_map(named).collect();
    let config = Config::load(&Layers::gather(&environment, None, &[])?)?;
    log::begin(&config, &environment);
    // Without it a program waits for its group, which no guest of a VM does.
    let _quick_moves = QuickMoves::begin()
        .inspect_err(|error| tracing::warn!("moves into control groups wait, as in no VM: {error}"));
    let manager = ServiceManager::of(&environment)?;
    let agent = config.agent.clone().context("the setting `agent` has to name the agent")?;
    let machine = Machine::running(Arc::new(Bare { agent }), &config).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stopped = async move {
        terminate.recv().await;
        Stop::End
    };
    daemon::run(&config, &environment, manager, machine, |_| {}, stopped, None).await?;
    Ok(())
}
