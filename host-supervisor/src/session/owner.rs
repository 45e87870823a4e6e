//! The task that owns one session: turns what happens into events of the `machine`, and its actions into deeds.

use std::{collections::BTreeMap, sync::Arc};

use anteroom_protocol::{EventBody, ProviderDefinition, Secret, SessionId, provider::FoundUrl};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Activity, Asked, SessionView, attempt,
    keeper::Keeper,
    launch::{Launch, has_died},
    limits,
    machine::{Action, Event, State},
    registry::Shared,
};
use crate::{
    failure::causes,
    store::{SessionRecord, SessionStatus},
    vm::{AckGuard, StopReason, VmHandle, VmState, VmStatus},
};

pub(super) struct Owner {
    shared: Arc<Shared>,
    definition: ProviderDefinition,
    agent_token: Secret,
    state: State,
    publish: watch::Sender<SessionView>,
    vm: VmHandle,
    activity: Arc<Activity>,
    started: Instant,
    ready: Option<Instant>,
    /// When the last attempt failed, if no other is under way.
    attempt_failed: Option<Instant>,
    /// Events of the agent that are done only when the credentials they announce are stored.
    captured: BTreeMap<u64, AckGuard>,
    /// Deeds under way; each ends in an event, or in nothing when there is nothing to say.
    deeds: FuturesUnordered<BoxFuture<'static, Option<Event>>>,
}

impl Owner {
    pub(super) fn new(
        shared: Arc<Shared>,
        definition: ProviderDefinition,
        agent_token: Secret,
        publish: watch::Sender<SessionView>,
        vm: VmHandle,
        activity: Arc<Activity>,
    ) -> Self {
        Self {
            shared,
            definition,
            agent_token,
            state: State::new(),
            publish,
            vm,
            activity,
            started: Instant::now(),
            ready: None,
            attempt_failed: None,
            captured: BTreeMap::new(),
            deeds: FuturesUnordered::new(),
        }
    }

    /// Runs until the session has ended and its VM is gone.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<(anteroom_protocol::Event, AckGuard)>,
        mut asks: mpsc::Receiver<Asked>,
    ) {
        let mut vm = self.vm.state();
        let mut vm_gone = false;
        while !(self.state.status.is_final() && vm_gone) {
            let (deadline, limit) = self.next_limit();
            tokio::select! {
                Some((event, ack)) = events.recv() => self.on_agent_event(event.body, ack).await,
                changed = vm.changed(), if !vm_gone => {
                    let state = vm.borrow_and_update().clone();
                    vm_gone = changed.is_err() || state.status.is_final();
                    self.on_vm_state(&state, vm_gone).await;
                }
                Some(asked) = asks.recv() => self.apply(match asked {
                    Asked::Cancel(cause) => Event::Cancel(cause),
                    Asked::NewAttempt => Event::NewAttempt,
                }).await,
                Some(outcome) = self.deeds.next() => {
                    if let Some(event) = outcome {
                        self.apply(event).await;
                    }
                }
                () = tokio::time::sleep_until(deadline), if self.limits_count() => {
                    self.on_limit(limit, deadline).await;
                }
            }
        }
        self.shared.forget(self.id());
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
        limits::next(&self.shared.settings.limits, &moments)
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
            (limits::Limit::Start, _) => limits::not_ready(&self.vm.state().borrow().services),
            _ => Vec::new(),
        };
        let failure = limit.failure(&self.shared.settings.limits).with_lines(waiting_for);
        self.apply(Event::Limit(failure)).await;
    }

    async fn on_vm_state(&mut self, vm: &VmState, gone: bool) {
        if let Some(failure) = &vm.failure {
            return self.apply(Event::VmEnded(Some(failure.clone()))).await;
        }
        match vm.status {
            VmStatus::Creating | VmStatus::Stopping => {}
            VmStatus::Booting | VmStatus::Running => self.apply(Event::VmBooting).await,
            VmStatus::Ready => {
                self.ready.get_or_insert_with(Instant::now);
                self.apply(Event::DesktopReady).await;
            }
            VmStatus::Destroyed | VmStatus::Failed => {}
        }
        if gone {
            self.apply(Event::VmEnded(None)).await;
        }
    }

    async fn on_agent_event(&mut self, event: EventBody, ack: AckGuard) {
        let id = self.id();
        match event {
            EventBody::UrlFound { session, found } if session == id => self.on_url(found).await,
            EventBody::CredentialsCaptured { session, generation } if session == id => {
                self.captured.insert(generation, ack);
                return self.apply(Event::Captured { generation }).await;
            }
            EventBody::SignInFailed { session, cause, last_lines } if session == id => {
                let failure = attempt::failure(&cause, &last_lines);
                tracing::warn!(session = %id, code = failure.code, cause = failure.message, "the attempt failed");
                self.apply(Event::AttemptFailed(failure)).await;
            }
            EventBody::CliExited { session, code, .. } if session == id => {
                tracing::info!(session = %id, code, "the CLI has ended");
            }
            // What concerns the VM is its owner's; what names another session is a lie of the guest.
            _ => {}
        }
        ack.done();
    }

    /// The guest's word is not enough: only what the definition takes for a sign-in address is passed on to people.
    async fn on_url(&mut self, found: FoundUrl) {
        let text = found.url.expose_str().unwrap_or_default();
        let Some(checked) = self.definition.recognise(text, found.source) else {
            tracing::warn!(session = %self.id(), "the guest reported an address that is no sign-in address");
            return;
        };
        let better = self.publish.borrow().url.as_ref().is_none_or(|known| is_better(&checked, known));
        if better {
            let kind = checked.kind;
            self.publish(|view| view.url = Some(checked));
            tracing::info!(session = %self.id(), ?kind, "the sign-in address is known");
        }
        self.apply(Event::UrlFound).await;
    }

    /// Persist, publish, act.
    async fn apply(&mut self, event: Event) {
        let before = std::mem::take(&mut self.state);
        let (after, actions) = before.clone().step(event);
        self.state = after;
        if self.state.attempt_failure != before.attempt_failure {
            self.attempt_failed = self.state.attempt_failure.is_some().then(Instant::now);
            let attempt_failure = self.state.attempt_failure.clone();
            self.publish(|view| view.attempt_failure = attempt_failure);
        }
        if self.state.status != before.status || self.state.failure.is_some() != before.failure.is_some() {
            let record = self.record();
            if let Err(error) = self.shared.store.session_update(&record).await {
                // The session goes on: what it does is worth more than its row.
                tracing::error!(session = %record.id, error = %causes(&error), "the session could not be stored");
            }
            log_status(&record);
            self.publish(|view| {
                if record.status.is_final() {
                    view.url = None;
                }
                view.record = record;
            });
        }
        for action in actions {
            self.act(action);
        }
    }

    fn publish(&self, change: impl FnOnce(&mut SessionView)) {
        self.publish.send_modify(|view| {
            change(view);
            view.revision += 1;
        });
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
                let (provider, token) = (self.definition.clone(), self.agent_token.clone());
                let launch = Launch { session: self.id(), provider, token, surroundings };
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
            agent: self.vm.agent(),
        };
        let vm = self.vm.clone();
        async move {
            Some(match keeper.keep().await {
                Ok(stored) => {
                    if let Some(ack) = ack {
                        ack.done();
                    }
                    Event::Stored { generation: stored.max(generation) }
                }
                Err(failure) => {
                    // The state keeps the VM's own end for this moment, and prefers it.
                    has_died(&vm).await;
                    Event::NotStored(failure)
                }
            })
        }
    }
}

/// A newer attempt is better than an older one; of one attempt the more trusted source is better.
fn is_better(new: &FoundUrl, known: &FoundUrl) -> bool {
    new.attempt != known.attempt || new.source > known.source
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
