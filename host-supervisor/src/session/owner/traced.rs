//! What a trace has of a session: all of it, each of its statuses, and the stages of its VM until the desktop stood. Of a session
//! whose request nobody traces there is nothing; nor of one that was taken over, whose beginning another daemon has told.

use crate::{
    store::SessionRecord,
    traces::{Span, Trace, current},
    vm::{HostMark, stages},
};

pub(super) struct Traced {
    session: Span,
    /// The status that it has.
    stands: Option<Span>,
}

impl Traced {
    /// Part of what this task works for.
    pub(super) fn begin(record: &SessionRecord) -> Option<Self> {
        let mut session = current()?.begin("session");
        session.note("anteroom.session", record.id.to_string());
        session.note("anteroom.provider", record.provider.clone());
        if let Some(vm) = record.vm_id {
            session.note("anteroom.vm", vm.to_string());
        }
        let mut traced = Self { session, stands: None };
        traced.reached(record);
        Some(traced)
    }

    pub(super) fn trace(&self) -> &Trace {
        self.session.trace()
    }

    /// It has another status.
    pub(super) fn reached(&mut self, record: &SessionRecord) {
        let status = record.status.as_str();
        // What was ends before what comes begins.
        drop(self.stands.take());
        if !record.status.is_final() {
            self.stands = Some(self.trace().begin(status));
            return;
        }
        self.session.note("anteroom.status", status);
        if let Some(failure) = &record.failure {
            self.session.fail(&failure.code);
        }
    }

    /// The desktop stands.
    pub(super) fn vm(&self, marks: &[HostMark]) {
        for (name, from, to) in stages(marks) {
            self.trace().tell(format!("vm {name}"), from.into(), to.into());
        }
    }
}
