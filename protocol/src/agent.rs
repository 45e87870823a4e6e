//! The agent's control API: what goes over vsock port 1024, as HTTP/1.1 with JSON bodies.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /hello` | | [`Hello`] |
//! | `PUT /clock` | [`Clock`] | 204 |
//! | `GET /services` | | `[`[`ServiceStatus`]`]` |
//! | `GET /services/{name}/log` | | the last lines, `text/plain` |
//! | `GET /timeline` | | `[`[`Mark`](crate::timeline::Mark)`]` |
//! | `GET /memory` | | [`Memory`] |
//! | `GET /events?after=N` | | [`Event`](crate::Event)s, newline-delimited, never ending |
//! | `POST /events/ack` | [`Acknowledge`](crate::event::Acknowledge) | 204 |
//! | `POST /sign-in` | [`SignInSpec`] | 202 |
//! | `GET /sign-in` | | [`SignInStatus`] |
//! | `GET /sign-in/credentials` | | [`CapturedCredentials`], 409 before there are any |
//! | `POST /sign-in/open-url` | [`OpenUrl`] | 204 |
//! | `POST /sign-in/callback` | [`PastedCallback`] | [`CallbackVerdict`]; 400 when it does not fit the sign-in |
//! | `POST /sign-in/code` | [`PastedCode`] | 204; 400 when it is no code of this sign-in, 409 when none is asked for |
//! | `POST /sign-in/again` | | 202; 409 while the last attempt has not failed |
//! | `DELETE /sign-in` | | 204; the CLI and what it started are ended |
//! | `GET /connect/{port}` | `Upgrade: tcp` | 101, then the bytes of that port on the guest's loopback |
//! | `POST /power-off` | | 202, then the VM ends |
//!
//! Errors are [`Problem`]s with a fitting status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ProtocolVersion, Secret, SessionId, VmId,
    provider::{FoundUrl, ProviderDefinition},
};

/// Begins the line on the console that says why a VM ends before its time; the cause follows on the same line.
pub const FATAL_PREFIX: &str = "anteroom: fatal: ";

/// The value of the `Upgrade` header that turns `GET /connect/{port}` into a byte stream.
pub const UPGRADE_TCP: &str = "tcp";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: ProtocolVersion,
    pub agent_version: String,
    /// From the kernel command line.
    pub vm: Option<VmId>,
    /// The kernel's `boot_id` (random(4)): another one means another boot.
    pub boot_id: String,
    /// `CLOCK_BOOTTIME` when the answer was made; the host maps timeline marks onto its own clock with it.
    pub uptime_ns: u64,
}

/// `PUT /clock`: the host's wall clock. Comes first after a boot or a restore, as TLS and OAuth need it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Clock {
    /// Nanoseconds since the Unix epoch.
    pub unix_ns: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    pub state: ServiceState,
    pub restarts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// ```text
/// waiting ──▶ starting ──▶ ready ──▶ back-off ──▶ starting ...
///    │            │          │           └──────▶ failed   (given up)
///    └────────────┴──────────┴───────────────────▶ stopped  (asked to, or a one-shot that is done)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ServiceState {
    /// What it needs is not ready yet.
    Waiting,
    /// Runs, but does not answer yet.
    Starting,
    /// Answers in its own protocol.
    Ready,
    /// Ended, and is started again after `delay_ms`.
    BackOff {
        cause: String,
        delay_ms: u64,
    },
    /// Ended too often; `last_lines` is what it said last.
    Failed {
        cause: String,
        last_lines: Vec<String>,
    },
    Stopped,
}

/// Memory of the guest and of the agent's own processes, in KiB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    pub total_kib: u64,
    pub available_kib: u64,
    /// Resident set of each role of the agent, by name.
    pub roles_kib: BTreeMap<String, u64>,
}

/// `POST /sign-in`: start this provider's CLI in the terminal of the desktop and watch it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignInSpec {
    pub session: SessionId,
    pub provider: ProviderDefinition,
    /// Which of the definition's `launch` tables to use, for example `browser`.
    pub launch: String,
    /// Needed for every call to port 8080 but `/health`.
    pub token: Secret,
    #[serde(default)]
    pub surroundings: Surroundings,
}

/// What the network around the host needs of a guest: names that no DNS server knows, and the certificate authority
/// of a proxy that inspects TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// Host name to IPv4 address, for `/etc/hosts`.
    pub hosts: BTreeMap<String, std::net::Ipv4Addr>,
    /// PEM certificates for the system's trust store and the browser's.
    pub extra_ca_pem: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignInStatus {
    pub session: SessionId,
    pub provider: String,
    pub phase: SignInPhase,
    pub url: Option<FoundUrl>,
    /// The terminal asks for a code that the page shows.
    #[serde(default)]
    pub asks_for_code: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInPhase {
    /// The CLI is starting; no address is known yet.
    Starting,
    /// The person is expected to sign in.
    AwaitingPerson,
    /// The credential files are complete.
    Captured,
    Failed,
}

/// `POST /sign-in/open-url`. Only `http` and `https`; at most [`OpenUrl::MAX_BYTES`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenUrl {
    pub url: String,
}

impl OpenUrl {
    pub const MAX_BYTES: usize = 8 * 1024;
}

/// `POST /sign-in/callback`: the address on loopback at which the person's own browser has failed, because the CLI that
/// waits there is in the guest. At most [`OpenUrl::MAX_BYTES`]; it holds the code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastedCallback {
    pub url: Secret,
}

/// `POST /sign-in/code`: the code that the sign-in page has shown, or the address of that page. It is typed into the
/// terminal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastedCode {
    pub code: Secret,
}

/// What the CLI made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackVerdict {
    pub accepted: bool,
    /// HTTP status of its first answer.
    pub status: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CapturedCredentials {
    pub session: SessionId,
    pub provider: String,
    pub generation: u64,
    pub files: Vec<CapturedFile>,
}

impl CapturedCredentials {
    /// Bounds that the host insists on, whatever the guest says.
    pub const MAX_FILES: usize = 16;
    pub const MAX_FILE_BYTES: usize = 256 * 1024;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CapturedFile {
    /// Relative to the home directory, as in the provider definition.
    pub path: String,
    /// Permission bits, for example `0o600`.
    pub mode: u32,
    pub modified_unix_ms: u64,
    pub contents: Secret,
}

/// The body of every error answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    pub error: String,
}
