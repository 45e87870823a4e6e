//! Sign-in sessions: one owner task each, from the request to sealed credentials and a VM that is gone.
//!
//! [`machine`] decides, the owner acts. On every step the order is persist, publish, act: what a caller of the API
//! has seen is in the store, and what the store says has not been done too early.

mod admission;
mod attempt;
mod history;
mod keeper;
mod launch;
mod limits;
pub mod machine;
mod owner;
mod redact;
mod registry;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anteroom_protocol::{ProviderDefinition, Secret, SessionId, provider::FoundUrl};
use time::OffsetDateTime;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};

use crate::{
    agent::{AgentClient, AgentError},
    failure::Failure,
    store::{SessionPurpose, SessionRecord, SessionStatus},
    vm::{VmHandle, VmStatus},
};
pub(crate) use admission::Load;
pub use admission::{Admission, Refusal};
pub use history::{Moment, status_in_words};
pub use registry::{Resumed, SessionSettings, Sessions, StartError, VmTemplate};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub user_id: String,
    pub provider: ProviderDefinition,
    /// Which of the definition's ways to start.
    pub launch: String,
    pub purpose: SessionPurpose,
}

/// A session as others see it. A new one is published for every change.
#[derive(Debug, Clone)]
pub struct SessionView {
    pub record: SessionRecord,
    pub launch: String,
    pub attempt: Attempt,
    /// Why the last attempt to sign in failed; nothing while another one is under way.
    pub attempt_failure: Option<Failure>,
    /// While its VM waits to be launched: how many launches come before it.
    pub starts_ahead: Option<usize>,
    pub vm_status: VmStatus,
    /// Grows with every change.
    pub revision: u64,
}

impl SessionView {
    fn new(record: SessionRecord, launch: String, vm_status: VmStatus) -> Self {
        let attempt = Attempt::default();
        Self { record, launch, attempt, attempt_failure: None, starts_ahead: None, vm_status, revision: 0 }
    }
}

/// What a person needs for the attempt that is under way. It is secret: in memory only, and gone with the attempt.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// The sign-in page's address, which holds `state`.
    pub url: Option<FoundUrl>,
    /// A code to type into that page.
    pub user_code: Option<UserCode>,
    /// The terminal asks for a code that the page shows.
    pub asks_for_code: bool,
}

/// RFC 8628: the code that connects the page with the CLI.
#[derive(Debug, Clone)]
pub struct UserCode {
    pub code: Secret,
    pub expires_at: OffsetDateTime,
}

/// What somebody tells the owner of a session.
#[derive(Debug)]
enum Asked {
    Cancel(Failure),
    /// The CLI was started again.
    NewAttempt,
}

/// A living session; cheap to clone. The session lives on when every handle is dropped.
#[derive(Debug, Clone)]
pub struct SessionHandle {
    id: SessionId,
    view: watch::Receiver<SessionView>,
    history: watch::Receiver<Vec<Moment>>,
    asks: mpsc::Sender<Asked>,
    activity: Arc<Activity>,
    vm: VmHandle,
    viewers: Arc<Semaphore>,
    agent_token: Secret,
}

impl SessionHandle {
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    fn is_of(&self, user: &str) -> bool {
        self.view.borrow().record.user_id == user
    }

    fn hibernates(&self) -> bool {
        self.vm.state().borrow().status == VmStatus::Hibernated
    }

    #[must_use]
    pub fn view(&self) -> SessionView {
        self.view.borrow().clone()
    }

    #[must_use]
    pub fn vm(&self) -> &VmHandle {
        &self.vm
    }

    /// Needed for the guest's own HTTP endpoint, port 8080. It is in memory only, and gone with the session.
    #[must_use]
    pub fn agent_token(&self) -> &Secret {
        &self.agent_token
    }

    /// Somebody is there: the idle limit starts anew.
    pub fn touch(&self) {
        self.activity.touch();
    }

    /// A place among the viewers of the desktop, given back when dropped; `None` when all are taken.
    #[must_use]
    pub fn admit_viewer(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.viewers).try_acquire_owned().ok()
    }

    /// Waits until the status is another than this, at most so long.
    pub async fn change_from(&self, known: SessionStatus, patience: Duration) {
        let mut view = self.view.clone();
        let _ = tokio::time::timeout(patience, view.wait_for(|view| view.record.status != known)).await;
    }

    /// Waits until anything about the session is another than in this revision, at most so long. A daemon that has taken the
    /// session over counts from the beginning, so that a lower number is another one, too.
    pub async fn change_since(&self, revision: u64, patience: Duration) {
        let mut view = self.view.clone();
        let _ = tokio::time::timeout(patience, view.wait_for(|view| view.revision != revision)).await;
    }

    /// What was seen after the first `known` moments, once there is something or the session's task has ended, at most so
    /// long.
    pub async fn history_after(&self, known: usize, patience: Duration) -> Vec<Moment> {
        let mut history = self.history.clone();
        let _ = tokio::time::timeout(patience, history.wait_for(|moments| moments.len() > known)).await;
        let moments = history.borrow();
        moments.get(known..).unwrap_or_default().to_vec()
    }

    /// Starts the CLI again after a failed attempt, in the same VM.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when the last attempt has not failed.
    pub async fn try_again(&self, agent: &AgentClient) -> Result<(), AgentError> {
        const OWNER_PATIENCE: Duration = Duration::from_secs(2);
        let revision = self.view.borrow().revision;
        agent.begin_again().await?;
        self.touch();
        // An error means that the session has ended.
        if self.asks.send(Asked::NewAttempt).await.is_ok() {
            self.change_since(revision, OWNER_PATIENCE).await;
        }
        Ok(())
    }

    /// Waits until the session has reached its final status.
    pub async fn over(&self) {
        let mut view = self.view.clone();
        let _ = view.wait_for(|view| view.record.status.is_final()).await;
    }

    /// Asks for the end and waits until the session has one. A cancel that comes while credentials are being stored is
    /// too late: the session completes.
    pub async fn cancel(&self, cause: Failure) -> SessionView {
        // An error means that it has ended already.
        let _ = self.asks.send(Asked::Cancel(cause)).await;
        self.over().await;
        self.view()
    }
}

/// When somebody was last there.
#[derive(Debug)]
struct Activity {
    since: Instant,
    last_ms: AtomicU64,
}

impl Activity {
    fn starting_now() -> Self {
        Self { since: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    fn touch(&self) {
        let now_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.since + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }
}
