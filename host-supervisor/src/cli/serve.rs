//! `anteroom serve` and `anteroom up`: the daemon, plainly and with everything that a first start needs.

use std::net::SocketAddr;

use tokio::signal::unix::{SignalKind, signal};

use super::{
    args::UpArguments,
    doctor::{self, Consent},
    exit::{Exit, Problem},
    image, show,
};
use crate::{
    api::access,
    config::{Config, Sources},
    core_file,
    daemon::{self, DaemonError, Machine, Rereading, ServiceManager, Stop},
    failure::causes,
    log,
};

pub(super) fn serve(config: &Config, sources: Sources) -> Result<Exit, Problem> {
    run(config, sources, |_| {})
}

/// Checks, builds what is missing, serves, and says where.
pub(super) fn up(config: &Config, sources: Sources, arguments: &UpArguments) -> Result<Exit, Problem> {
    doctor::ensure(config, Consent::given_if(arguments.yes))?;
    image::ensure(config)?;
    let ready = |address: SocketAddr| match access::key_of(&config.state_dir) {
        Ok(Some(key)) => announce(config, address, &key),
        Ok(None) | Err(_) => show::line(format_args!("\nAnteroom serves on {}", base(config, address))),
    };
    run(config, sources, ready)
}

/// Where people find it.
fn base(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    config.public_url.as_ref().map_or_else(
        || format!("{scheme}://{}", daemon::reachable(address)),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    )
}

/// The fragment of an address is not sent to any server: the page takes the key out of it and logs in.
fn announce(config: &Config, address: SocketAddr, key: &str) {
    let base = base(config, address);
    show::line(format_args!(
        "\nAnteroom is ready. Open this address; it holds your key:\n\n    {base}/#key={key}\n"
    ));
    show::line("Ctrl+C stops it.\n");
}

fn run(config: &Config, sources: Sources, ready: impl FnOnce(SocketAddr)) -> Result<Exit, Problem> {
    let log = log::begin(config, &sources.environment);
    forbid_core_files(config)?;
    let manager = ServiceManager::of(&sources.environment)
        .map_err(|error| Problem::new(Exit::Failed, causes(&error)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stopped = runtime.block_on(async {
        let shutdown = stop_signal()?;
        let environment = sources.environment.clone();
        let rereading = Rereading { sources, log, hangups: signal(SignalKind::hangup())? };
        let machine = Machine::find(config).await.map_err(DaemonError::from)?;
        let how =
            daemon::run(config, &environment, manager, machine, ready, shutdown, Some(rereading)).await?;
        if how == Stop::HandOver {
            // As if it were killed, but after the last answer: whatever is dropped from here on would end its VMs.
            std::process::exit(0);
        }
        Ok::<(), Problem>(())
    });
    // What still blocks, for example the reading of an image, is not waited for.
    runtime.shutdown_background();
    stopped.map(|()| Exit::Ok)
}

/// Before there is a secret in memory.
pub(super) fn forbid_core_files(config: &Config) -> Result<(), Problem> {
    if config.core_files {
        return Ok(());
    }
    core_file::forbid()
        .map_err(|error| Problem::new(Exit::Failed, format!("core files stay possible: {error}")))
}

/// Resolves with SIGTERM or SIGINT, which end everything, or with SIGUSR2, which leaves the VMs to the next daemon.
fn stop_signal() -> Result<impl Future<Output = Stop> + Send + 'static, Problem> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hand_over = signal(SignalKind::user_defined2())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => Stop::End,
            _ = interrupt.recv() => Stop::End,
            _ = hand_over.recv() => Stop::HandOver,
        }
    })
}

impl From<DaemonError> for Problem {
    fn from(error: DaemonError) -> Self {
        let exit = match &error {
            DaemonError::ExtraCa { .. }
            | DaemonError::Providers(_)
            | DaemonError::Webhook(_)
            | DaemonError::Traces(_)
            | DaemonError::Tls(_) => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, causes(&error))
    }
}
