//! What can go wrong between the host and an agent, told so that the owner of the VM can decide on it.

use std::{io, time::Duration};

use anteroom_protocol::{ProtocolVersion, version::Compatibility};
use hyper::StatusCode;

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The guest's kernel is not up, nothing listens on the agent's port, or the VM is gone.
    #[error("the agent cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("the agent did not answer {what} within {} ms", patience.as_millis())]
    Late { what: String, patience: Duration },
    #[error("the connection for {what} broke")]
    Broken {
        what: String,
        #[source]
        source: hyper::Error,
    },
    /// The agent answered with an error and a [`Problem`](anteroom_protocol::agent::Problem).
    #[error("the agent refused {what} ({status}): {problem}")]
    Refused { what: String, status: StatusCode, problem: String },
    #[error("the agent's answer to {what} is larger than it may be")]
    TooLarge { what: String },
    #[error("the agent's answer to {what} is not what the protocol says")]
    Malformed { what: String },
    #[error("the request {what} cannot be written")]
    Request { what: String },
    #[error("{}", explain(*ours, *theirs))]
    Protocol { ours: ProtocolVersion, theirs: ProtocolVersion },
}

impl AgentError {
    /// The status of an error answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// In one word, which is not the guest's.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Late { .. } => "late",
            Self::Broken { .. } => "broken",
            Self::Refused { .. } => "refused",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::Request { .. } => "request",
            Self::Protocol { .. } => "protocol",
        }
    }
}

fn explain(ours: ProtocolVersion, theirs: ProtocolVersion) -> String {
    match ours.compatibility_with(theirs) {
        Compatibility::PeerTooOld => format!(
            "the agent speaks protocol {theirs}, this host {ours}: the agent is too old, rebuild the guest's agent"
        ),
        _ => format!(
            "the agent speaks protocol {theirs}, this host {ours}: this host is too old for the agent, update anteroom"
        ),
    }
}
