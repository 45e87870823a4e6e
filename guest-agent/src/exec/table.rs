//! The programs of the host that run here, or whose end nobody has seen yet.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::exec::{ExecId, ExecSpec, ExecStatus};

use super::{
    launch::{self, LaunchError},
    running::Running,
};
use crate::{process::Children, service::Groups};

/// Each may hold a window of output and one of input.
const MOST: usize = 128;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Programs(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    children: Arc<Children>,
    groups: Groups,
    table: Mutex<BTreeMap<ExecId, Arc<Running>>>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("{MOST} programs of the host run here already")]
    TooMany,
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl Programs {
    pub(crate) fn new(children: Arc<Children>, groups: Groups) -> Self {
        Self(Arc::new(Parts { children, groups, table: Mutex::default() }))
    }

    pub(crate) fn statuses(&self) -> Vec<ExecStatus> {
        self.table().values().map(|running| running.status()).collect()
    }

    pub(super) fn find(&self, id: ExecId) -> Option<Arc<Running>> {
        self.table().get(&id).cloned()
    }

    /// Starts a program; it is in the table until it is forgotten.
    pub(super) fn start(&self, spec: &ExecSpec) -> Result<Arc<Running>, StartError> {
        let Parts { children, groups, .. } = &*self.0;
        self.make_room()?;
        let id = ExecId::random();
        let launched = launch::launch(spec, id, children, groups)?;
        let mut table = self.table();
        let forget = {
            let programs = self.clone();
            move || {
                programs.table().remove(&id);
                // Here nobody waits for it.
                launch::sweep(&programs.0.groups);
            }
        };
        let running = Running::follow(id, spec, launched, Arc::clone(children), forget);
        table.insert(id, Arc::clone(&running));
        Ok(running)
    }

    /// Whoever has ended, and was seen by nobody yet, gives way to somebody new.
    fn make_room(&self) -> Result<(), StartError> {
        let mut table = self.table();
        if table.len() < MOST {
            return Ok(());
        }
        let ended = table.iter().find(|(_, running)| running.has_ended()).map(|(id, _)| *id);
        table.remove(&ended.ok_or(StartError::TooMany)?);
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<ExecId, Arc<Running>>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
