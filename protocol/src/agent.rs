//! The agent's control API: what goes over vsock port 1024, as HTTP/1.1 with JSON bodies.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /hello` | | [`Hello`] |
//! | `PUT /clock` | [`Clock`] | 204 |
//! | `GET /services` | | `[`[`ServiceStatus`]`]` |
//! | `GET /services/{name}/log` | | the last lines, `text/plain`; with [`LogWanted`] as soon as there are others |
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
//! | `POST /freeze` | | 204: the guest may be copied; 409 with what it has done that a copy must not share |
//! | `PUT /resume` | [`Resume`] | [`Hello`]; 409 when it was never frozen, is another VM already, or a sign-in has begun |
//! | `POST /doze` | | 204: the guest may be put to disk |
//! | `PUT /wake` | [`Wake`] | [`Hello`] |
//! | `GET /exec` | `Upgrade: anteroom-exec` | 101, then [frames](crate::exec) |
//! | `GET /exec/list` | | `[`[`ExecStatus`](crate::exec::ExecStatus)`]` |
//! | `GET /connect/{port}` | `Upgrade: tcp` | 101, then the bytes of that port on the guest's loopback |
//! | `GET /reverse/{port}` | `Upgrade: anteroom-reverse` | 101, then the port and the number of each connection to it, a line each |
//! | `GET /reverse/{port}/{number}` | `Upgrade: tcp` | 101, then the bytes of that connection; 410 when it does not wait any more |
//! | `POST /power-off` | | 202, then the VM ends |
//!
//! Errors are [`Problem`]s with a fitting status.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    MacAddress, ProtocolVersion, Secret, SessionId, VmId,
    cmdline::{Ip6Config, IpConfig},
    provider::{FoundUrl, ProviderDefinition},
};

/// Begins the line on the console that says why a VM ends before its time; the cause follows on the same line.
pub const FATAL_PREFIX: &str = "anteroom: fatal: ";

/// The value of the `Upgrade` header that turns `GET /connect/{port}` into a byte stream.
pub const UPGRADE_TCP: &str = "tcp";

/// The value of the `Upgrade` header that turns `GET /reverse/{port}` into lines about connections.
pub const UPGRADE_REVERSE: &str = "anteroom-reverse";

/// In the answer of `GET /services/{name}/log`: how many lines there ever were.
pub const LOG_LINES_HEADER: &str = "anteroom-log-lines";

/// `?known=N&wait=S`: answered as soon as there are not N lines, after S seconds at the latest. An agent that does not know of it
/// answers at once, without [`LOG_LINES_HEADER`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct LogWanted {
    #[serde(default)]
    pub known: Option<u64>,
    #[serde(default)]
    pub wait: u64,
}

impl LogWanted {
    /// Bounded, whatever was asked for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(30);
        Duration::from_secs(self.wait).min(LONGEST)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: ProtocolVersion,
    pub agent_version: String,
    /// From the kernel command line, or from the [`Resume`] that has made another VM of it.
    pub vm: Option<VmId>,
    /// The kernel's `boot_id` (random(4)): another one means another boot, or another copy of a frozen guest.
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

/// `PUT /resume`: makes a machine of its own of a copy of a frozen guest. Its events start at 1 again, with the mark
/// [`resumed`](crate::timeline::mark::RESUMED) and what there is: services, and the desktop.
///
/// The same call may be made again, should its answer be lost; nothing begins anew then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resume {
    pub vm: VmId,
    pub clock: Clock,
    /// From the host's generator, as all copies would draw the same numbers otherwise: [`Resume::ENTROPY_BYTES`] of it.
    pub entropy: Secret,
    /// In the kernel's words, as on the command line of a boot; without it there is no network but loopback.
    #[serde(default)]
    pub ip: Option<IpConfig>,
    /// As on the command line of a boot, too.
    #[serde(default)]
    pub ip6: Option<Ip6Config>,
    /// Of the first interface; without it the template's stays.
    #[serde(default)]
    pub mac: Option<MacAddress>,
}

impl Resume {
    /// 256 bits at least; at most what is mixed in by one call.
    pub const ENTROPY_BYTES: std::ops::RangeInclusive<usize> = 32..=512;
}

/// `PUT /wake`: comes first after a guest was put to disk. It is the same machine as before, and goes on with its events; only time
/// has passed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wake {
    pub clock: Clock,
    /// From the host's generator: whoever has seen the guest's memory knows nothing of what it draws from now on.
    /// As many bytes as of [`Resume::ENTROPY_BYTES`].
    pub entropy: Secret,
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

impl Surroundings {
    /// Where the guest puts those certificates as well, for whatever does not read the system's store: Node, by
    /// [`Surroundings::NODE_VARIABLE`].
    pub const EXTRA_CA: &str = "/usr/local/share/ca-certificates/anteroom-extra.crt";
    pub const NODE_VARIABLE: &str = "NODE_EXTRA_CA_CERTS";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_is_written_in_the_words_of_a_boot() {
        let resume = Resume {
            vm: "3f2a1b00-0000-4000-8000-000000000000".parse().unwrap(),
            clock: Clock { unix_ns: 5 },
            entropy: Secret::new([7; 32]),
            ip: Some("10.0.2.15::10.0.2.2:255.255.255.0:desk:eth0:off".parse().unwrap()),
            ip6: Some("fd00:77::2/64,fd00:77::1".parse().unwrap()),
            mac: Some(MacAddress::new([2, 0xfc, 10, 0, 2, 15])),
        };
        let json = serde_json::to_value(&resume).unwrap();
        let expected = serde_json::json!({
            "vm": "3f2a1b00-0000-4000-8000-000000000000",
            "clock": { "unix_ns": 5 },
            "entropy": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
            "ip": "10.0.2.15::10.0.2.2:255.255.255.0:desk:eth0:off",
            "ip6": "fd00:77::2/64,fd00:77::1",
            "mac": "02:fc:0a:00:02:0f",
        });
        assert_eq!(json, expected);
        let read: Resume = serde_json::from_value(json).unwrap();
        assert_eq!((read.ip, read.ip6, read.mac), (resume.ip, resume.ip6, resume.mac));
    }

    #[test]
    fn a_resume_without_network_is_enough_and_one_with_a_wrong_address_is_not() {
        let with = |extra: &str| {
            serde_json::from_str::<Resume>(&format!(
                r#"{{"vm":"3f2a1b00-0000-4000-8000-000000000000","clock":{{"unix_ns":5}},"entropy":"BwcH"{extra}}}"#
            ))
        };
        assert!(with("").is_ok_and(|resume| resume.ip.is_none() && resume.mac.is_none()));
        assert!(with(r#","ip":"10.0.2.256""#).is_err());
        assert!(with(r#","mac":"02:fc""#).is_err());
    }
}
