//! The control API: what the host asks for over vsock, as `anteroom_protocol::agent` lays it down.
//!
//! Only the host is answered. Other roles are reached through the same application.

mod app;
mod clock;
mod connect;
mod doze;
pub(crate) mod events;
mod exec;
mod freeze;
mod life;
mod memory;
mod problem;
mod request_id;
mod reverse;
mod sign_in;
mod sockets;
mod stream;
#[cfg(test)]
mod tests;
mod upgrade;
mod version;
pub(crate) mod vsock;

use std::sync::{Arc, OnceLock};

use anteroom_protocol::{VmId, ports::AGENT_VSOCK, timeline::mark};
use tokio::sync::{Mutex, mpsc};

use life::Life;
pub(crate) use problem::{Refusal, in_json};

use crate::{exec::Programs, init::EndReason, journal::Journal, service::Supervisor, timeline::Timeline};

/// What the calls work on.
#[derive(Debug, Clone)]
pub(crate) struct Control(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    life: Arc<Life>,
    /// Held by the resume that is being made: a host that is impatient makes another.
    resuming: Mutex<()>,
    journal: Arc<Journal>,
    timeline: Arc<Timeline>,
    asked: Arc<sign_in::Asked>,
    /// There is none until the root is mounted.
    supervisor: OnceLock<Supervisor>,
    reverse: Arc<reverse::Waiting>,
    /// Nor is there anything to run.
    programs: OnceLock<Programs>,
    end: mpsc::Sender<EndReason>,
}

impl Control {
    pub(crate) fn new(
        vm: Option<VmId>,
        journal: Arc<Journal>,
        timeline: Arc<Timeline>,
        end: mpsc::Sender<EndReason>,
    ) -> Self {
        Self(Arc::new(Parts {
            life: Arc::new(Life::new(vm)),
            resuming: Mutex::default(),
            journal,
            timeline,
            asked: Arc::default(),
            supervisor: OnceLock::new(),
            reverse: Arc::default(),
            programs: OnceLock::new(),
            end,
        }))
    }

    /// From now on there are services to speak of, and programs can be run.
    pub(crate) fn attach(&self, supervisor: Supervisor, programs: Programs) {
        let Parts { journal, timeline, asked, .. } = &*self.0;
        tokio::spawn(sign_in::relay(supervisor.clone(), asked.clone(), journal.clone(), timeline.clone()));
        // It is called once in a boot.
        let _ = self.0.supervisor.set(supervisor);
        let _ = self.0.programs.set(programs);
    }

    fn programs(&self) -> Result<&Programs, Refusal> {
        self.0.programs.get().ok_or_else(|| Refusal::not_yet("the root is not mounted yet"))
    }

    fn supervisor(&self) -> Result<&Supervisor, Refusal> {
        self.0.supervisor.get().ok_or_else(|| Refusal::not_yet("the root is not mounted yet"))
    }
}

/// Starts answering. A VM without vsock goes on: somebody may look at its console.
pub(crate) fn listen(control: &Control, timeline: &Timeline) {
    match vsock::bind(AGENT_VSOCK) {
        Ok(listener) => {
            timeline.mark(mark::CONTROL_READY);
            let app = app::router(control.clone());
            tokio::spawn(vsock::knock(control.0.journal.clone(), control.0.life.clone()));
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, app).await {
                    tracing::error!("the control API has ended: {error}");
                }
            });
        }
        Err(error) => tracing::error!("no control API: vsock port cannot be opened: {error}"),
    }
}
