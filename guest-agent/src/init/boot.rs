//! From the agent's own disk to a running desktop, and on until the VM ends: everything that happens at the same time.

use std::{path::Path, sync::Arc, time::Duration};

use anteroom_protocol::{EventBody, cmdline::KernelCommandLine, timeline::mark};
use nix::sys::reboot::set_cad_enabled;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{BootError, early_marks::EarlyMarks, identity, identity::Identity, mount, network, root};
use crate::{
    account::{Account, DESKTOP},
    console,
    control::{self, Control},
    desktop,
    exec::Programs,
    journal::Journal,
    process::Children,
    service::{Groups, ServiceSet, Supervisor},
    timeline::Timeline,
};

/// Where the layers put what they bring.
const SERVICES: &str = "/usr/lib/anteroom/services";
/// How long a host gets to read why the VM ends.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long all services together get to end.
const STOP_PATIENCE: Duration = Duration::from_secs(4);

/// Why a VM ends that has come up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EndReason {
    /// The host asked for it through the control API.
    Asked,
    /// A signal, for example Ctrl-Alt-Del of the VMM.
    Signal,
}

/// Runs the VM until it is to end.
pub(super) async fn run(line: KernelCommandLine, early: EarlyMarks) -> Result<(), BootError> {
    let journal = Arc::new(Journal::new());
    let timeline = Arc::new(Timeline::new(Arc::clone(&journal)));
    timeline.mark_at(mark::PID1, early.started_ns);
    if let Some(loaded_ns) = early.modules_loaded_ns {
        timeline.mark_at(mark::MODULES_LOADED, loaded_ns);
    }
    let (end, mut ends) = mpsc::channel(1);
    let control = Control::new(line.vm, Arc::clone(&journal), Arc::clone(&timeline), end.clone());
    control::listen(&control, &timeline);
    configure_network(&line, &journal, &timeline);

    let started = start_desktop(&line, &control, &journal, &timeline).await;
    match started {
        Ok(supervisor) => {
            end_on_signals(end);
            let reason = ends.recv().await.unwrap_or(EndReason::Signal);
            tracing::info!("powering off: {reason:?}");
            if timeout(STOP_PATIENCE, supervisor.stop_all()).await.is_err() {
                tracing::warn!("some services did not stop in time");
            }
            Ok(())
        }
        Err(error) => {
            journal.publish(EventBody::BootFailed { cause: console::chain(&error) });
            sleep(LAST_WORDS).await;
            Err(error)
        }
    }
}

/// On a thread of its own, which ends with it: on the runtime's, each answer of the kernel would wait behind everything else that a
/// boot has to do.
fn configure_network(line: &KernelCommandLine, journal: &Arc<Journal>, timeline: &Arc<Timeline>) {
    let (line, for_thread) = (line.clone(), Arc::clone(journal));
    let timeline = Arc::clone(timeline);
    let configure = move || {
        timeline.mark(mark::NETWORK_BEGUN);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime.map(|runtime| runtime.block_on(network::configure(line.ip.as_ref(), line.ip6, None))) {
            Ok(Ok(true)) => timeline.mark(mark::NETWORK_CONFIGURED),
            Ok(Ok(false)) => tracing::info!("no address on the command line: loopback only"),
            Ok(Err(error)) => tell_no_network(&for_thread, &error),
            Err(error) => tell_no_network(&for_thread, &error),
        }
    };
    if let Err(error) = std::thread::Builder::new().name("network".to_owned()).spawn(configure) {
        tell_no_network(journal, &error);
    }
}

fn tell_no_network(journal: &Journal, error: &dyn std::error::Error) {
    let cause = console::chain(error);
    tracing::error!("no network: {cause}");
    journal.publish(EventBody::NetworkFailed { cause });
}

async fn start_desktop(
    line: &KernelCommandLine,
    control: &Control,
    journal: &Arc<Journal>,
    timeline: &Arc<Timeline>,
) -> Result<Supervisor, BootError> {
    let root = {
        let line = line.clone();
        // On a thread, so that network and control API go on; the root directory is shared by all threads.
        tokio::task::spawn_blocking(move || root::assemble(&line)).await
    };
    root.map_err(|error| BootError::Runtime(error.into()))??;
    mount::all(&mount::LATE)?;
    timeline.mark(mark::ROOT_MOUNTED);
    identity::assume(&Identity::of_boot(line));
    match Account::named(DESKTOP) {
        Ok(account) => identity::make_room_for(&account),
        Err(error) => tracing::error!("{}", console::chain(&error)),
    }
    let services = ServiceSet::load(Path::new(SERVICES))?.with_clipboard(line.clipboard);
    let children = Children::watch().map_err(BootError::Runtime)?;
    let groups = Groups::of_system();
    let programs = Programs::new(Arc::clone(&children), groups.clone());
    let supervisor = Supervisor::start(services, children, groups, Arc::clone(journal), Arc::clone(timeline));
    control.attach(supervisor.clone(), programs);
    tokio::spawn(desktop::mark_painted(supervisor.clone(), Arc::clone(timeline)));
    Ok(supervisor)
}

/// Ctrl-Alt-Del becomes SIGINT instead of a reset, and is an orderly end as SIGTERM is.
fn end_on_signals(end: mpsc::Sender<EndReason>) {
    if let Err(error) = set_cad_enabled(false) {
        tracing::warn!("Ctrl-Alt-Del stays a reset: {error}");
    }
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let Ok(mut signal) = signal(kind) else { continue };
        let end = end.clone();
        tokio::spawn(async move {
            if signal.recv().await.is_some() {
                let _ = end.send(EndReason::Signal).await;
            }
        });
    }
}
