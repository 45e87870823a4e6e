//! Talking with the agent of one guest, from its first answer to the guest's end: a child task of the VM's owner.
//!
//! ```text
//!  knock ─▶ first answer ─▶ clock set, or a clone told who it is ─▶ Answered ─┬─ follow:    events, from the last one on
//!                                                                             ├─ heartbeat: is the guest still there?
//!                                                                             └─ forget:    what the session is done with
//! ```
//! It decides nothing: everything it learns goes to the owner. It is aborted when the owner ends.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use anteroom_protocol::{Event, VmId};
use tokio::sync::{mpsc, watch};

use super::{
    Limits, failures,
    identity::{self, Identity, clock},
    timeline::ClockReading,
};
use crate::{
    agent::{AgentClient, AgentError, Knock},
    failure::Failure,
    vmm::{AgentAddress, console::Console},
};

/// What the owner is told.
#[derive(Debug)]
pub(super) enum News {
    Answered { agent: AgentClient, at: Instant, clock: ClockReading },
    Event(Event),
    Failed(Failure),
}

/// How a guest has come to run.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    Boots,
    /// It is a copy of another one, and has to be told who it is.
    Cloned(Identity),
    /// Before, it has answered a daemon that is gone.
    TakenOver,
    /// It was put to disk, or almost, and is the same as before.
    Woke,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) address: AgentAddress,
    pub(super) console: Arc<Console>,
    pub(super) limits: Limits,
    pub(super) vm: VmId,
    pub(super) arrival: Arrival,
    /// The last event that was heard here: a guest that was taken over tells again what nobody here knows.
    pub(super) heard: u64,
    /// Up to which event everything is done.
    pub(super) done: watch::Receiver<u64>,
    pub(super) news: mpsc::Sender<News>,
}

/// Before an agent that has knocked but not answered is asked again.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);
/// A guest that dies breaks its connections first. Its owner, who reads the console and sees the VMM end, names the true
/// cause within this time, and aborts this task.
const MOMENT: Duration = Duration::from_secs(2);
/// Before an event stream that broke is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

impl Conversation {
    /// Ends only with the guest: by being aborted, or after telling why it failed.
    pub(super) async fn hold(self, knock: Knock) {
        let failure = match self.begin(knock).await {
            Ok(agent) => tokio::select! {
                failure = self.heartbeat(&agent) => failure,
                () = self.follow(&agent) => return,
                () = self.forget(&agent) => return,
            },
            Err(failure) => {
                tokio::time::sleep(MOMENT).await;
                failure
            }
        };
        // An error means that the owner is gone and needs no news.
        let _ = self.news.send(News::Failed(failure)).await;
    }

    async fn begin(&self, knock: Knock) -> Result<AgentClient, Failure> {
        let agent = AgentClient::new(&self.address)
            .map_err(|error| failures::directory(&error, &self.address.directory))?;
        let first_answer = async {
            self.heard(knock).await.map_err(AgentError::Unreachable)?;
            first_answer(&agent).await
        };
        let (first, first_vm) = tokio::time::timeout(self.patience(), first_answer)
            .await
            .map_err(|_| self.unanswered())?
            .map_err(|error| failures::agent(&error))?;
        let clock = match &self.arrival {
            // Before anything else: TLS and OAuth need the right time.
            Arrival::Boots | Arrival::TakenOver => {
                if first_vm.is_some_and(|vm| vm != self.vm) {
                    return Err(failures::never_introduced());
                }
                agent.set_clock(clock()).await.map_err(|error| failures::agent(&error))?;
                // The first answer takes a guest long, so its clock is read once more.
                match read_clock(&agent).await {
                    Ok((second, _)) if second.span() < first.span() => second,
                    _ => first,
                }
            }
            Arrival::Cloned(identity) => {
                let resume = identity.introduction(self.vm)?;
                let asked = Instant::now();
                let hello = agent.resume(&resume).await.map_err(|error| failures::agent(&error))?;
                ClockReading { uptime_ns: hello.uptime_ns, asked, answered: Instant::now() }
            }
            Arrival::Woke => {
                let greeting = identity::greeting()?;
                let asked = Instant::now();
                let hello = agent.wake(&greeting).await.map_err(|error| failures::agent(&error))?;
                ClockReading { uptime_ns: hello.uptime_ns, asked, answered: Instant::now() }
            }
        };
        tracing::debug!(vm = %self.vm, span_ms = clock.span().as_secs_f64() * 1e3, "the guest's clock is read");
        // An error means that the owner is gone.
        let _ = self.news.send(News::Answered { agent: agent.clone(), at: first.answered, clock }).await;
        Ok(agent)
    }

    /// Returns when the guest can be dialled. One that has answered before knocks within moments, but not when its vsock device has
    /// missed the death of the daemon that followed it (vhost-device-vsock, when the guest was sending just then). Its driver has
    /// started long ago, so that dialling unheard harms nothing, and mostly reaches it.
    async fn heard(&self, knock: Knock) -> io::Result<()> {
        if !matches!(self.arrival, Arrival::TakenOver) {
            return knock.heard().await;
        }
        match tokio::time::timeout(self.limits.silence / 5, knock.heard()).await {
            Ok(heard) => heard,
            Err(_) => {
                tracing::warn!(vm = %self.vm, "does not knock, and is dialled unheard");
                Ok(())
            }
        }
    }

    /// Until the first answer. A guest that has answered before knocks again within moments.
    fn patience(&self) -> Duration {
        match self.arrival {
            Arrival::Boots => self.limits.boot,
            Arrival::Cloned(_) => self.limits.restore,
            Arrival::TakenOver | Arrival::Woke => 2 * self.limits.silence,
        }
    }

    fn unanswered(&self) -> Failure {
        let (console, patience) = (self.console.tail(), self.patience());
        match self.arrival {
            Arrival::Boots | Arrival::Cloned(_) => failures::no_answer(patience, &console),
            Arrival::TakenOver | Arrival::Woke => failures::silent(patience, &console),
        }
    }

    /// Returns when the owner is gone.
    async fn follow(&self, agent: &AgentClient) {
        let mut after = self.heard;
        while !self.news.is_closed() {
            if let Ok(mut events) = agent.events(after).await {
                // The end of the stream and an error are the same: ask again from the last event.
                while let Ok(Some(event)) = events.next().await {
                    // Numbers only grow; whatever does not is a repetition.
                    if event.number > after {
                        after = event.number;
                        if self.news.send(News::Event(event)).await.is_err() {
                            return;
                        }
                    }
                }
            }
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }

    async fn heartbeat(&self, agent: &AgentClient) -> Failure {
        let limit = self.limits.silence;
        let mut heard = Instant::now();
        loop {
            tokio::time::sleep(limit / 5).await;
            let left = limit.saturating_sub(heard.elapsed());
            match agent.hello(left.max(Duration::from_millis(1))).await {
                Ok(_) => heard = Instant::now(),
                Err(error @ AgentError::Protocol { .. }) => return failures::agent(&error),
                Err(_) if heard.elapsed() >= limit => return failures::silent(limit, &self.console.tail()),
                Err(_) => {}
            }
        }
    }

    /// Acknowledges what is dealt with. Returns when the owner is gone.
    async fn forget(&self, agent: &AgentClient) {
        let mut done = self.done.clone();
        while done.changed().await.is_ok() {
            let through = *done.borrow_and_update();
            // The next one covers this one; what the agent keeps a little longer harms nobody.
            let _ = agent.ack(through).await;
        }
    }
}

/// Tries until the agent answers.
///
/// # Errors
/// When it answers, but cannot be understood.
async fn first_answer(agent: &AgentClient) -> Result<(ClockReading, Option<VmId>), AgentError> {
    loop {
        match read_clock(agent).await {
            Err(AgentError::Unreachable(_) | AgentError::Late { .. } | AgentError::Broken { .. }) => {
                tokio::time::sleep(PAUSE).await;
            }
            // An answer, or something that another attempt would not better.
            result => return result,
        }
    }
}

/// And which VM the guest takes itself for.
async fn read_clock(agent: &AgentClient) -> Result<(ClockReading, Option<VmId>), AgentError> {
    let asked = Instant::now();
    let hello = agent.hello(PATIENCE).await?;
    Ok((ClockReading { uptime_ns: hello.uptime_ns, asked, answered: Instant::now() }, hello.vm))
}
