//! The one task that owns all services. Everybody else holds this handle: asks, and reads the last known state.

mod reports;
mod running;
mod task;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anteroom_protocol::agent::{ServiceState, ServiceStatus};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Groups, ServiceSet};
use crate::{
    journal::Journal,
    process::{Children, LogRing},
    timeline::Timeline,
};

/// How many of a service's last lines go into an event about its failure.
const LAST_LINES: usize = 20;

#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    ask: mpsc::UnboundedSender<Ask>,
    board: Arc<Board>,
}

/// What can be asked of the task.
#[derive(Debug)]
enum Ask {
    Start(String),
    Restart(String),
    TellAgain(oneshot::Sender<()>),
    StopAll,
}

/// What everybody may read.
#[derive(Debug)]
struct Board {
    statuses: Mutex<BTreeMap<String, ServiceStatus>>,
    logs: BTreeMap<String, Arc<LogRing>>,
    changed: watch::Sender<()>,
    /// Services that are started when somebody connects to their port.
    on_demand: BTreeMap<u16, String>,
}

impl Supervisor {
    /// Starts the task; services begin as soon as what they need is ready.
    pub(crate) fn start(
        services: ServiceSet,
        children: Arc<Children>,
        groups: Groups,
        journal: Arc<Journal>,
        timeline: Arc<Timeline>,
    ) -> Self {
        let specs: Vec<_> = services.into_specs().collect();
        let board = Arc::new(Board {
            statuses: Mutex::default(),
            logs: specs.iter().map(|spec| (spec.name.clone(), Arc::new(LogRing::new()))).collect(),
            changed: watch::Sender::new(()),
            on_demand: specs
                .iter()
                .filter_map(|spec| Some((spec.on_demand_port()?, spec.name.clone())))
                .collect(),
        });
        let (ask, asked) = mpsc::unbounded_channel();
        let reports = reports::Reports { board: Arc::clone(&board), journal, timeline };
        tokio::spawn(task::Task::new(specs, children, groups, reports).run(asked));
        Self { ask, board }
    }

    /// All services, by name.
    pub(crate) fn statuses(&self) -> Vec<ServiceStatus> {
        self.board.statuses().values().cloned().collect()
    }

    /// What a service said, when there is one of that name.
    pub(crate) fn log(&self, name: &str) -> Option<Arc<LogRing>> {
        self.board.logs.get(name).cloned()
    }

    /// Starts the service that listens on this port, if it is one that waits to be asked for, and waits until it is ready.
    pub(crate) async fn wake(&self, port: u16) {
        if let Some(name) = self.board.on_demand.get(&port) {
            self.tell(Ask::Start(name.clone()));
            // Whoever connects finds out whether it worked.
            self.wait(|statuses| match statuses.get(name).map(|status| &status.state) {
                Some(ServiceState::Ready | ServiceState::Failed { .. }) | None => Some(()),
                Some(_) => None,
            })
            .await;
        }
    }

    /// Ends a service with everything that it started, and starts it again.
    pub(crate) fn restart_service(&self, name: &str) {
        self.tell(Ask::Restart(name.to_owned()));
    }

    /// Waits until a service is ready.
    ///
    /// # Errors
    /// With its state, when it has failed or was stopped, or when there is no such service.
    pub(crate) async fn wait_ready(&self, name: &str) -> Result<(), Option<ServiceState>> {
        self.wait(|statuses| match statuses.get(name).map(|status| &status.state) {
            Some(ServiceState::Ready) => Some(Ok(())),
            None => Some(Err(None)),
            Some(state @ (ServiceState::Failed { .. } | ServiceState::Stopped)) => {
                Some(Err(Some(state.clone())))
            }
            Some(_) => None,
        })
        .await
    }

    /// Waits until every service is ready or, being a one-shot or one that waits to be asked for, at rest.
    ///
    /// # Errors
    /// The name of one that has failed.
    pub(crate) async fn wait_settled(&self) -> Result<(), String> {
        self.wait(|statuses| {
            let failed = |status: &&ServiceStatus| matches!(status.state, ServiceState::Failed { .. });
            if let Some(failed) = statuses.values().find(failed) {
                return Some(Err(failed.name.clone()));
            }
            statuses.values().all(is_settled).then_some(Ok(()))
        })
        .await
    }

    /// Names of the services that [`Self::wait_settled`] waits for.
    pub(crate) fn unsettled(&self) -> Vec<String> {
        let statuses = self.board.statuses();
        statuses.values().filter(|status| !is_settled(status)).map(|status| status.name.clone()).collect()
    }

    /// Tells the journal the state of each service again, and the desktop's: it has begun anew.
    pub(crate) async fn tell_again(&self) {
        let (told, heard) = oneshot::channel();
        self.tell(Ask::TellAgain(told));
        let _ = heard.await;
    }

    /// Stops everything, those first that others do not need, and waits until nothing runs. Bound it: a process may hang.
    pub(crate) async fn stop_all(&self) {
        self.tell(Ask::StopAll);
        self.wait(|statuses| {
            let idle = |status: &ServiceStatus| {
                status.pid.is_none()
                    && matches!(status.state, ServiceState::Stopped | ServiceState::Failed { .. })
            };
            statuses.values().all(idle).then_some(())
        })
        .await;
    }

    async fn wait<T>(&self, done: impl Fn(&BTreeMap<String, ServiceStatus>) -> Option<T>) -> T {
        let mut changes = self.board.changed.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(result) = done(&self.board.statuses()) {
                return result;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn tell(&self, ask: Ask) {
        // The task lives as long as PID 1; without it there is nobody to complain to.
        let _ = self.ask.send(ask);
    }
}

fn is_settled(status: &ServiceStatus) -> bool {
    matches!(status.state, ServiceState::Ready | ServiceState::Stopped)
}

impl Board {
    fn statuses(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ServiceStatus>> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
