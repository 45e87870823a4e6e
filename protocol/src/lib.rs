//! What the host and the guest agree on: identifiers, ports, the kernel command line, the agent's messages and
//! events, and the provider definitions that tell both how a CLI signs in.
//!
//! Everything here is data and pure functions over data. There is no I/O, so both programs, their tests and the
//! fuzzers use the very same code on hostile input.

pub mod agent;
pub mod cmdline;
pub mod credentials;
pub mod desk;
pub mod event;
pub mod exec;
pub mod id;
mod mac_address;
pub mod ports;
pub mod processes;
pub mod provider;
pub mod recording;
mod request_id;
pub mod secret;
pub mod stream;
pub mod timeline;
mod trace_parent;
pub mod version;

pub use event::{Event, EventBody, Note};
pub use id::{SessionId, VmId};
pub use mac_address::{MacAddress, ParseMacError};
pub use provider::ProviderDefinition;
pub use request_id::RequestId;
pub use secret::Secret;
pub use trace_parent::TraceParent;
pub use version::ProtocolVersion;
