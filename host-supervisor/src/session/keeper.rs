//! From the guest into the store: fetch, check, seal, store. Nothing in between leaves memory.

use std::{error::Error, sync::Arc, time::Duration};

use anteroom_protocol::{ProviderDefinition, agent::CapturedCredentials};

use super::registry::Shared;
use crate::{
    agent::{AgentClient, AgentError},
    credentials,
    failure::{Failure, causes},
    store::{Replaces, SessionPurpose, SessionRecord},
    vault,
    vm::VmHandle,
};

/// How often fetching credentials is tried when the guest does not answer.
const FETCH_ATTEMPTS: u32 = 3;
const FETCH_PAUSE: Duration = Duration::from_millis(500);

/// What came of it.
pub(super) struct Kept {
    pub(super) generation: u64,
    /// The files, each with its length in bytes.
    pub(super) sizes: Vec<(String, usize)>,
}

/// Brings the credentials of one session from its guest into the store.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) definition: ProviderDefinition,
    pub(super) record: SessionRecord,
    pub(super) vm: VmHandle,
}

impl Keeper {
    /// Of a test of a definition nothing is stored.
    pub(super) async fn keep(&self) -> Result<Kept, Failure> {
        let vm = self.vm.visit_when_ready().await;
        let vm = vm.ok_or_else(|| Failure::new("vm_gone", "the VM is gone"))?;
        let captured = fetch(&vm).await.map_err(|error| {
            Failure::new(
                "credentials_not_fetched",
                format!("the credentials stayed in the VM: {}", causes(&error)),
            )
        })?;
        let accepted = credentials::accept(&self.definition, self.record.id, &captured).map_err(|error| {
            Failure::new("credentials_refused", format!("what the CLI wrote proves no sign-in: {error}"))
        })?;
        let kept = Kept { generation: accepted.generation, sizes: accepted.sizes() };
        let replaces = match self.record.purpose {
            SessionPurpose::SignIn => Replaces::ThisSession,
            SessionPurpose::Rotate => Replaces::Everything,
            SessionPurpose::Test => return Ok(kept),
        };
        let not_stored = |error: &dyn Error| {
            Failure::new(
                "credentials_not_stored",
                format!("the credentials were not stored: {}", causes(error)),
            )
        };
        let owner = vault::Owner {
            user_id: &self.record.user_id,
            provider: &self.record.provider,
            session: self.record.id,
        };
        let record = credentials::seal(&self.shared.vault, owner, &accepted);
        let record = record.map_err(|error| not_stored(&error))?;
        self.shared.store.credentials_put(&record, replaces).await.map_err(|error| not_stored(&error))?;
        Ok(kept)
    }
}

/// Tries again when the guest is slow or the connection breaks; not when it says no.
async fn fetch(agent: &AgentClient) -> Result<CapturedCredentials, AgentError> {
    let mut attempt = 1;
    loop {
        match agent.credentials().await {
            Err(AgentError::Late { .. } | AgentError::Broken { .. } | AgentError::Unreachable(_))
                if attempt < FETCH_ATTEMPTS =>
            {
                attempt += 1;
                tokio::time::sleep(FETCH_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
