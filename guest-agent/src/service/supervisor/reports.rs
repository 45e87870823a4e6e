//! Saying what changed: on the board, in the journal, on the timeline, on the console.

use std::sync::Arc;

use anteroom_protocol::{EventBody, agent::ServiceState, timeline::mark};

use super::{Board, running::Service};
use crate::{journal::Journal, process::LogRing, timeline::Timeline};

/// Where the task says what changed.
pub(super) struct Reports {
    pub(super) board: Arc<Board>,
    pub(super) journal: Arc<Journal>,
    pub(super) timeline: Arc<Timeline>,
}

impl Reports {
    pub(super) fn log(&self, name: &str) -> Option<Arc<LogRing>> {
        self.board.logs.get(name).cloned()
    }

    pub(super) fn show(&self, service: &Service) {
        self.board.statuses().insert(service.spec.name.clone(), service.status());
        self.board.changed.send_replace(());
    }

    /// Tells everybody about a service's new state.
    pub(super) fn changed(&self, service: &Service) {
        let (name, status) = (&service.spec.name, service.status());
        match &status.state {
            ServiceState::Ready => self.timeline.mark(mark::service(name)),
            ServiceState::BackOff { cause, .. } => tracing::warn!("service {name}: {cause}"),
            ServiceState::Failed { cause, last_lines } => {
                tracing::error!("service {name} has failed for good: {cause}");
                for line in last_lines {
                    tracing::error!("{name}: {line}");
                }
            }
            _ => tracing::debug!("service {name}: {:?}", status.state),
        }
        self.show(service);
        self.tell(service);
    }

    /// Tells the host about a service's state.
    pub(super) fn tell(&self, service: &Service) {
        let (name, status) = (&service.spec.name, service.status());
        self.journal.publish(EventBody::Service(status.clone()));
        if let ServiceState::Failed { cause, last_lines } = status.state
            && service.spec.desktop
        {
            self.journal.publish(EventBody::DesktopFailed { service: name.clone(), cause, last_lines });
        }
    }
}
