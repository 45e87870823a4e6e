//! Starting the CLI in a guest's terminal.

use std::{error::Error, time::Duration};

use anteroom_protocol::{
    ProviderDefinition, Secret, SessionId,
    agent::{SignInSpec, Surroundings},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::machine::Event;
use crate::{
    failure::{Failure, causes},
    vm::VmHandle,
};

/// Bytes of chance in the token that guards the guest's own HTTP endpoint.
const AGENT_TOKEN_BYTES: usize = 32;
/// How long after a broken call the end of its VM may be noticed.
const MOMENT: Duration = Duration::from_secs(2);

/// What the agent has to know.
pub(super) struct Launch {
    pub(super) session: SessionId,
    pub(super) provider: ProviderDefinition,
    pub(super) launch: String,
    pub(super) token: Secret,
    pub(super) surroundings: Surroundings,
}

/// What a caller of the guest's own HTTP endpoint has to know: text that fits in a header.
pub(super) fn agent_token() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; AGENT_TOKEN_BYTES]);
    getrandom::fill(&mut *bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

impl Launch {
    /// Nothing to say when it went well: the agent tells what comes of it. One that does the same already is told again what
    /// a daemon that is gone had told it; one that hibernates, when somebody has it woken.
    pub(super) async fn start(self, vm: VmHandle) -> Option<Event> {
        let Self { session, provider, launch, token, surroundings } = self;
        let spec = SignInSpec { session, provider, launch, token, surroundings };
        match vm.visit_once_awake().await?.start_sign_in(&spec).await {
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
