//! Starting the CLI in a guest's terminal.

use std::{error::Error, time::Duration};

use anteroom_protocol::{
    ProviderDefinition, Secret, SessionId,
    agent::{SignInSpec, Surroundings},
};

use super::machine::Event;
use crate::{
    failure::{Failure, causes},
    vm::VmHandle,
};

/// Bytes of the token that guards the guest's own HTTP endpoint.
const GUEST_TOKEN_BYTES: usize = 32;
/// How long after a broken call the end of its VM may be noticed.
const MOMENT: Duration = Duration::from_secs(2);

/// What the agent has to know.
pub(super) struct Launch {
    pub(super) session: SessionId,
    pub(super) provider: ProviderDefinition,
    pub(super) launch: String,
    pub(super) surroundings: Surroundings,
}

impl Launch {
    /// Nothing to say when it went well: the agent tells what comes of it.
    pub(super) async fn start(self, vm: VmHandle) -> Option<Event> {
        let Self { session, provider, launch, surroundings } = self;
        let mut token = vec![0; GUEST_TOKEN_BYTES];
        if let Err(error) = getrandom::fill(&mut token) {
            return Some(not_started(&error));
        }
        let spec = SignInSpec { session, provider, launch, token: Secret::new(token), surroundings };
        match vm.agent()?.start_sign_in(&spec).await {
            Ok(()) => None,
            Err(_) if has_died(&vm).await => None,
            Err(error) => Some(not_started(&error)),
        }
    }
}

fn not_started(cause: &dyn Error) -> Event {
    let message = format!("the CLI was not started: {}", causes(cause));
    Event::SignInFailed(Failure::new("sign_in_not_started", message))
}

/// Whether a call broke because its guest has died. Then the broken call is not the cause to show: the VM's owner names
/// that, moments later.
pub(super) async fn has_died(vm: &VmHandle) -> bool {
    let mut state = vm.state();
    let failed = state.wait_for(|state| state.failure.is_some() || state.status.is_final());
    matches!(tokio::time::timeout(MOMENT, failed).await, Ok(Ok(_)))
}
