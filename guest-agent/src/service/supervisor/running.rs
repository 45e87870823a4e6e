//! One service with its process: starting it, listening to it, clearing up after it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anteroom_protocol::agent::{ServiceState, ServiceStatus};
use nix::{sys::signal::Signal, unistd::Pid};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::LAST_LINES;
use crate::{
    account::{Account, AccountError},
    console,
    process::{Child, Children, Exit, LogRing, Output, Program},
    service::{
        cgroup::{self, Groups},
        environment,
        machine::{Event, Machine, State},
        readiness,
        spec::{Readiness, ServiceSpec, Start},
    },
};

/// What a process said last explains its end; but something that it left behind may hold the pipe for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// Something that happened to a service; `run` keeps late news of an earlier process from a later one.
pub(super) struct News {
    pub(super) name: String,
    pub(super) run: u64,
    pub(super) what: What,
}

pub(super) enum What {
    Event(Event),
    /// The grace period after SIGTERM is over.
    KillDue,
}

pub(super) struct Service {
    pub(super) spec: ServiceSpec,
    pub(super) machine: Machine,
    /// Counts its processes.
    pub(super) run: u64,
    pub(super) start_after_stop: bool,
    log: Arc<LogRing>,
    cgroup: Option<PathBuf>,
    probe: Option<AbortHandle>,
}

impl Service {
    pub(super) fn new(log: Arc<LogRing>, spec: ServiceSpec) -> Self {
        let one_shot = spec.readiness == Readiness::Exit;
        let machine = Machine::new(spec.restart, one_shot, spec.start == Start::Boot);
        Self { machine, log, cgroup: None, run: 0, probe: None, start_after_stop: false, spec }
    }

    /// Starts the process; what came of it is the next event.
    pub(super) fn spawn(
        &mut self,
        children: &Children,
        groups: &Groups,
        news: &mpsc::UnboundedSender<News>,
    ) -> Event {
        self.run += 1;
        if self.cgroup.is_none() {
            self.cgroup = groups.create(&self.spec.name);
        }
        match self.program().map(|program| children.spawn(&program)) {
            Ok(Ok(child)) => {
                let pid = child.pid.as_raw().cast_unsigned();
                self.listen(child, news.clone());
                Event::Spawned { pid }
            }
            Ok(Err(error)) => {
                Event::Refused { cause: console::chain(&error), permanent: error.is_permanent() }
            }
            Err(error) => Event::Refused { cause: console::chain(&error), permanent: true },
        }
    }

    fn program(&self) -> Result<Program, AccountError> {
        let account = Account::named(&self.spec.user)?;
        let mut environment = environment::of_account(&account);
        environment.extend(self.spec.environment.clone());
        Ok(Program {
            argv: self.spec.command.clone(),
            environment,
            directory: account.home.clone(),
            account: Some(account),
            limits: self.spec.limits,
            cgroup: self.cgroup.clone(),
            output: Output::Pipe,
        })
    }

    fn listen(&self, child: Child, news: mpsc::UnboundedSender<News>) {
        let (name, run, log) = (self.spec.name.clone(), self.run, Arc::clone(&self.log));
        let filling = child.output.map(|pipe| tokio::spawn(log.fill(pipe)));
        tokio::spawn(async move {
            let exit = child.exit.await.unwrap_or(Exit::Code(-1));
            if let Some(filling) = filling {
                let _ = timeout(LAST_OUTPUT, filling).await;
            }
            let _ = news.send(News { name, run, what: What::Event(Event::Ended(exit)) });
        });
    }

    /// Waits for it to answer, and says so.
    pub(super) fn probe(&mut self, news: &mpsc::UnboundedSender<News>) {
        let (name, run, news) = (self.spec.name.clone(), self.run, news.clone());
        let (readiness, log) = (self.spec.readiness.clone(), Arc::clone(&self.log));
        let within = Duration::from_millis(self.spec.ready_within_ms);
        let position = log.position();
        let probing = tokio::spawn(async move {
            let event = match timeout(within, readiness::answered(&readiness, &log, position)).await {
                Ok(()) => Event::Answered,
                Err(_) => Event::Silent { cause: format!("no answer within {} s", within.as_secs()) },
            };
            let _ = news.send(News { name, run, what: What::Event(event) });
        });
        self.probe = Some(probing.abort_handle());
    }

    pub(super) fn later(&self, news: &mpsc::UnboundedSender<News>, delay: Duration, what: What) {
        let (name, run, news) = (self.spec.name.clone(), self.run, news.clone());
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = news.send(News { name, run, what });
        });
    }

    pub(super) fn terminate(&self, children: &Children) {
        self.signal(children, Signal::SIGTERM);
    }

    /// For what does not listen.
    pub(super) fn kill(&self, children: &Children) {
        self.signal(children, Signal::SIGKILL);
        self.clear_group();
    }

    fn signal(&self, children: &Children, signal: Signal) {
        if let Some(pid) = self.machine.pid() {
            children.signal(Pid::from_raw(pid.cast_signed()), signal);
        }
    }

    /// Ends what the ended process left behind, unless that is to go on.
    pub(super) fn clear(&mut self) {
        if let Some(probe) = self.probe.take() {
            probe.abort();
        }
        if !self.spec.keeps_children || self.machine.state == State::Stopped {
            self.clear_group();
        }
    }

    fn clear_group(&self) {
        if let Some(group) = &self.cgroup {
            cgroup::kill(group);
        }
    }

    pub(super) fn status(&self) -> ServiceStatus {
        let state = match &self.machine.state {
            State::Waiting => ServiceState::Waiting,
            State::Starting { .. } => ServiceState::Starting,
            State::Ready { .. } | State::Stopping { .. } => ServiceState::Ready,
            State::BackOff { cause, delay_ms } => {
                ServiceState::BackOff { cause: cause.clone(), delay_ms: *delay_ms }
            }
            State::Failed { cause } => {
                ServiceState::Failed { cause: cause.clone(), last_lines: self.log.last(LAST_LINES) }
            }
            State::Stopped | State::Done => ServiceState::Stopped,
        };
        ServiceStatus {
            name: self.spec.name.clone(),
            state,
            restarts: self.machine.restarts,
            pid: self.machine.pid(),
        }
    }
}
