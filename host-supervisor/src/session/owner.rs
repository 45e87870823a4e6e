//! The task that owns one session: turns what happens into events of the `machine`, and its actions into deeds.

mod told;
mod traced;

use std::{collections::BTreeMap, sync::Arc};

use anteroom_protocol::{ProviderDefinition, Secret, SessionId};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Activity, Asked, Attempt, SessionView,
    history::{self, History},
    keeper::Keeper,
    launch::{Launch, has_died},
    limits,
    machine::{Action, Event, State},
    registry::Shared,
};
use crate::{
    failure::causes,
    metrics,
    store::{Change, SessionRecord, SessionStatus},
    traces::{self, Trace},
    vm::{AckGuard, Hold, StopReason, VmEvent, VmHandle, VmState, VmStatus},
};
use traced::Traced;

pub(super) struct Owner {
    shared: Arc<Shared>,
    definition: ProviderDefinition,
    agent_token: Secret,
    state: State,
    publish: watch::Sender<SessionView>,
    history: History,
    vm: VmHandle,
    activity: Arc<Activity>,
    asked: mpsc::Receiver<Asked>,
    started: Instant,
    ready: Option<Instant>,
    /// When the last attempt failed, if no other is under way.
    attempt_failed: Option<Instant>,
    /// Events of the agent that are done only when the credentials they announce are stored.
    captured: BTreeMap<u64, AckGuard>,
    /// Deeds under way; each ends in an event, or in nothing when there is nothing to say.
    deeds: FuturesUnordered<BoxFuture<'static, Option<Event>>>,
    /// While the CLI asks the provider again and again whether somebody has signed in, which it cannot do from the disk.
    polls: Option<Hold>,
    traced: Option<Traced>,
}

/// What a session consists of besides.
pub(super) struct Parts {
    pub(super) definition: ProviderDefinition,
    pub(super) agent_token: Secret,
    pub(super) publish: watch::Sender<SessionView>,
    pub(super) history: History,
    pub(super) vm: VmHandle,
    pub(super) activity: Arc<Activity>,
    pub(super) asked: mpsc::Receiver<Asked>,
}

impl Owner {
    pub(super) fn new(shared: Arc<Shared>, parts: Parts, state: State) -> Self {
        let Parts { definition, agent_token, publish, history, vm, activity, asked } = parts;
        let age = OffsetDateTime::now_utc() - publish.borrow().record.created_at;
        let started = Instant::now().checked_sub(age.try_into().unwrap_or_default());
        let traced = Traced::begin(&publish.borrow().record);
        Self {
            shared,
            definition,
            agent_token,
            state,
            publish,
            history,
            vm,
            activity,
            asked,
            started: started.unwrap_or_else(Instant::now),
            ready: None,
            attempt_failed: None,
            captured: BTreeMap::new(),
            deeds: FuturesUnordered::new(),
            polls: None,
            traced,
        }
    }

    /// Goes on where a daemon that is gone has stopped.
    pub(super) async fn resume(mut self, events: mpsc::Receiver<VmEvent>) {
        self.history.add("the daemon was restarted; the session goes on");
        if self.state.status >= SessionStatus::Ready {
            // It may have died before its guest heard of it; one that has heard gets another token.
            self.act(Action::StartSignIn);
        }
        self.run(events).await;
    }

    /// Runs until the session has ended and its VM is gone.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<VmEvent>) {
        let mut vm = self.vm.state();
        let mut other_limits = self.shared.settings.limits.changes();
        let mut vm_gone = false;
        while !(self.state.status.is_final() && vm_gone) {
            let (deadline, limit) = self.next_limit();
            tokio::select! {
                Some(event) = events.recv() => self.on_agent_event(event).await,
                changed = vm.changed(), if !vm_gone => {
                    let state = vm.borrow_and_update().clone();
                    vm_gone = changed.is_err() || state.status.is_final();
                    self.on_vm_state(&state, vm_gone).await;
                }
                Some(asked) = self.asked.recv() => self.apply(match asked {
                    Asked::Cancel(cause) => Event::Cancel(cause),
                    Asked::NewAttempt => Event::NewAttempt,
                }).await,
                Some(outcome) = self.deeds.next() => {
                    if let Some(event) = outcome {
                        self.apply(event).await;
                    }
                }
                // The next round looks at them.
                Ok(()) = other_limits.changed() => {}
                () = tokio::time::sleep_until(deadline), if self.limits_count() => {
                    self.on_limit(limit, deadline).await;
                }
            }
        }
        self.shared.forget(self.id());
    }

    /// What everything is part of that is done for it.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.traced.as_ref().map(|traced| traced.trace().clone())
    }

    fn id(&self) -> SessionId {
        self.publish.borrow().record.id
    }

    fn limits_count(&self) -> bool {
        !self.state.status.is_final() && !self.state.is_storing()
    }

    fn next_limit(&self) -> (Instant, limits::Limit) {
        let moments = limits::Moments {
            started: self.started,
            ready: self.ready,
            active: self.activity.last(),
            failed: self.attempt_failed,
        };
        limits::next(&self.shared.settings.limits.now(), &moments)
    }

    async fn on_limit(&mut self, limit: limits::Limit, deadline: Instant) {
        // A sign of life while we slept has moved the limit.
        if self.next_limit() != (deadline, limit) {
            return;
        }
        let waiting_for = match (limit, &self.state.attempt_failure) {
            (limits::Limit::Retry, Some(failure)) => {
                return self.apply(Event::SignInFailed(failure.clone())).await;
            }
            (limits::Limit::Start, _) => {
                let vm = self.vm.state().borrow().clone();
                limits::not_begun(vm.starts_ahead)
                    .into_iter()
                    .chain(limits::not_ready(&vm.services))
                    .collect()
            }
            _ => Vec::new(),
        };
        let failure = limit.failure(&self.shared.settings.limits.now()).with_lines(waiting_for);
        self.apply(Event::Limit(failure)).await;
    }

    async fn on_vm_state(&mut self, vm: &VmState, gone: bool) {
        if self.publish.borrow().starts_ahead != vm.starts_ahead {
            self.publish(|view| view.starts_ahead = vm.starts_ahead);
        }
        if self.publish.borrow().vm_status != vm.status {
            match (self.publish.borrow().vm_status, vm.status) {
                (_, VmStatus::Hibernated) => self.history.add("the VM hibernates"),
                (_, VmStatus::Waking) => self.history.add("the VM is being woken"),
                _ => {}
            }
            self.publish(|view| view.vm_status = vm.status);
        }
        if let Some(failure) = &vm.failure {
            return self.apply(Event::VmEnded(Some(failure.clone()))).await;
        }
        match vm.status {
            VmStatus::Creating | VmStatus::Stopping => {}
            VmStatus::Booting | VmStatus::Running => self.apply(Event::VmBooting).await,
            VmStatus::Ready => {
                if self.ready.is_none() {
                    self.ready = Some(Instant::now());
                    if let Some(traced) = &self.traced {
                        traced.vm(&vm.timeline);
                    }
                }
                self.apply(Event::DesktopReady).await;
            }
            VmStatus::Hibernating | VmStatus::Hibernated | VmStatus::Waking => {}
            VmStatus::Destroyed | VmStatus::Failed => {}
        }
        if gone {
            self.apply(Event::VmEnded(None)).await;
        }
    }

    /// Persist, publish, act.
    async fn apply(&mut self, event: Event) {
        let before = std::mem::take(&mut self.state);
        let (after, actions) = before.clone().step(event);
        self.state = after;
        if self.state.attempt_failure != before.attempt_failure {
            self.attempt_failed = self.state.attempt_failure.is_some().then(Instant::now);
            let attempt_failure = self.state.attempt_failure.clone();
            self.publish(|view| {
                if attempt_failure.is_some() {
                    // Its address and its code are of no use any more.
                    view.attempt = Attempt::default();
                }
                view.attempt_failure = attempt_failure;
            });
            self.shared.store.changed_in_memory(Change::Session(self.publish.borrow().record.id));
        }
        if self.state.status != before.status || self.state.failure.is_some() != before.failure.is_some() {
            let record = self.record();
            if let Err(error) = self.shared.store.session_update(&record).await {
                // The session goes on: what it does is worth more than its row.
                tracing::error!(session = %record.id, error = %causes(&error), "the session could not be stored");
            }
            log_status(&record);
            if self.state.status != before.status {
                metrics::session_reached(record.status, self.started.elapsed());
                if let Some(traced) = &mut self.traced {
                    traced.reached(&record);
                }
            }
            self.history.add(&history::status_in_words(&record));
            self.publish(|view| {
                if record.status.is_final() {
                    view.attempt = Attempt::default();
                }
                view.record = record;
            });
        }
        for action in actions {
            self.act(action);
        }
    }

    fn publish(&mut self, change: impl FnOnce(&mut SessionView)) {
        self.publish.send_modify(|view| {
            change(view);
            view.revision += 1;
        });
        let polls = self.publish.borrow().attempt.user_code.is_some();
        if polls != self.polls.is_some() {
            self.polls = polls.then(|| self.vm.hold_awake());
        }
    }

    fn record(&self) -> SessionRecord {
        let record = self.publish.borrow().record.clone();
        let completed_at = self.state.status.is_final().then(OffsetDateTime::now_utc);
        SessionRecord {
            status: self.state.status,
            failure: self.state.failure.clone(),
            completed_at,
            ..record
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::StartSignIn => {
                let surroundings = self.shared.settings.surroundings.clone();
                let launch = Launch {
                    session: self.id(),
                    provider: self.definition.clone(),
                    launch: self.publish.borrow().launch.clone(),
                    token: self.agent_token.clone(),
                    surroundings,
                };
                self.deeds.push(launch.start(self.vm.clone()).boxed());
            }
            Action::StoreCredentials { generation } => {
                let ack = self.captured.remove(&generation);
                self.deeds.push(self.store_credentials(generation, ack).boxed());
            }
            Action::StopVm => self.vm.stop(stop_reason(self.state.status)),
        }
    }

    /// Fetch, check, seal, store, acknowledge.
    fn store_credentials(
        &self,
        generation: u64,
        ack: Option<AckGuard>,
    ) -> impl Future<Output = Option<Event>> + use<> {
        let keeper = Keeper {
            shared: self.shared.clone(),
            definition: self.definition.clone(),
            record: self.publish.borrow().record.clone(),
            vm: self.vm.clone(),
        };
        let vm = self.vm.clone();
        let told = self.history.clone();
        async move {
            let mut span = traces::current().map(|trace| trace.begin("capture"));
            let trace = span.as_ref().map(|span| span.trace().clone());
            Some(match traces::during(trace, keeper.keep()).await {
                Ok(kept) => {
                    told.add(&history::of_files(&kept.sizes));
                    if let Some(ack) = ack {
                        ack.done();
                    }
                    Event::Stored { generation: kept.generation.max(generation) }
                }
                Err(failure) => {
                    if let Some(span) = &mut span {
                        span.fail(&failure.code);
                    }
                    // The state keeps the VM's own end for this moment, and prefers it.
                    has_died(&vm).await;
                    Event::NotStored(failure)
                }
            })
        }
    }
}

fn stop_reason(status: SessionStatus) -> StopReason {
    match status {
        SessionStatus::Completed => StopReason::Completed,
        SessionStatus::Timeout => StopReason::TimedOut,
        SessionStatus::Cancelled => StopReason::Cancelled,
        _ => StopReason::SessionFailed,
    }
}

fn log_status(record: &SessionRecord) {
    let (session, status) = (record.id, record.status.as_str());
    match &record.failure {
        Some(failure) => {
            tracing::warn!(%session, status, code = failure.code, cause = failure.message, "session");
        }
        None => tracing::info!(%session, status, "session"),
    }
}
