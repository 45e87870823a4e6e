//! Why a prompt comes to nothing, in words for whoever asked.

use anteroom_protocol::provider::PromptFailure;

use super::{cli_vms::NoVm, keeping::KeepError};
use crate::{
    failure::{Failure, causes},
    vm::{NoVisit, VmHandle},
};

pub(super) fn not_signed_in() -> Failure {
    Failure::new("not_signed_in", "nobody has signed in to this provider for this user")
}

/// The cause goes to the log.
pub(super) fn unreadable(error: &dyn std::error::Error) -> Failure {
    tracing::error!(cause = causes(error), "the credentials for a prompt");
    Failure::new(
        "credentials_unreadable",
        "the credentials that are stored cannot be used; the daemon's log says more",
    )
}

/// What the CLI called `name` has complained about.
pub(super) fn complaint(failure: PromptFailure, name: &str) -> Failure {
    match failure {
        PromptFailure::NotSignedIn => {
            Failure::new("not_signed_in", format!("{name} finds no sign-in: sign in again"))
        }
        PromptFailure::TokenRefused => {
            let message = format!("{name} is not let in any more with what was captured: sign in again");
            Failure::new("token_refused", message)
        }
        PromptFailure::UsageLimit => {
            Failure::new("usage_limit", format!("the subscription of {name} is used up for now"))
        }
    }
}

pub(super) fn no_vm(error: &NoVm) -> Failure {
    let code = match error {
        NoVm::NoImage(_) => "no_cli_image",
        NoVm::Full(_) | NoVm::NoVisit(NoVisit::Memory { .. }) => "no_room",
        NoVm::NoVisit(_) => "vm_lost",
    };
    Failure::new(code, causes(error))
}

/// The VM's own failure is the cause, where it has one.
pub(super) async fn lost(vm: &VmHandle, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Failure {
    let cause = match vm.failure_soon().await {
        Some(failure) => format!("{} ({})", failure.message, failure.code),
        None => causes(error),
    };
    Failure::new("vm_lost", format!("the VM was lost: {cause}; the next prompt gets another one"))
}

pub(super) async fn not_kept(vm: &VmHandle, error: &KeepError) -> Failure {
    match error {
        KeepError::NotSignedIn => not_signed_in(),
        KeepError::Store(_) | KeepError::Open(_) | KeepError::Seal(_) => unreadable(error),
        KeepError::Refused(_) | KeepError::Guest(_) | KeepError::Protocol | KeepError::Late => {
            Failure::new("credentials_not_placed", causes(error))
        }
        KeepError::Agent(_) | KeepError::Program(_) => lost(vm, error).await,
    }
}
