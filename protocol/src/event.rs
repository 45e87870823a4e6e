//! What the agent tells the host, unasked: numbered events that are kept until the host has acknowledged them, and longer while
//! there is room.
//!
//! ```text
//!  agent:  1 2 3 4 5 6 ...            GET /events?after=4  ->  5, 6, then each new one as it happens
//!              ^ acknowledged = 3     POST /events/ack {"through":3}: 1..3 may be forgotten
//! ```
//! A host whose stream broke asks again from the last number that it has dealt with, so nothing is lost and nothing is acted on
//! twice. A host that takes over from one that was killed asks from the first: what it has to know of the sign-in is nowhere
//! else. The stream is newline-delimited JSON, one event a line.

use serde::{Deserialize, Serialize};

use crate::{
    Secret, SessionId,
    agent::ServiceStatus,
    provider::{FoundUrl, UrlKind, UrlSource},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Starts at 1 and grows by one in the life of a VM; a copy of a frozen guest is a VM of its own.
    pub number: u64,
    /// Nanoseconds of `CLOCK_BOOTTIME` in the guest.
    pub uptime_ns: u64,
    #[serde(flatten)]
    pub body: EventBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// A timeline mark was set.
    Mark { name: String },
    /// A service changed its state.
    Service(ServiceStatus),
    /// The VM cannot become a desktop, and powers off after this. The console says the same.
    BootFailed { cause: String },
    /// The VM goes on, but without the network that its command line asks for.
    NetworkFailed { cause: String },
    /// Every service that a viewer needs answers in its own protocol.
    DesktopReady,
    /// A service that the desktop needs has given up; the VM is of no use.
    DesktopFailed { service: String, cause: String, last_lines: Vec<String> },
    /// The sign-in page's address is known.
    UrlFound { session: SessionId, found: FoundUrl },
    /// The terminal shows a code that the person types into the page (RFC 8628: `user_code`).
    UserCode { session: SessionId, code: Secret, lifetime_s: u32 },
    /// The terminal asks for a code that the page shows.
    AsksForCode { session: SessionId },
    /// Something on the way that explains what comes of it.
    Noted { session: SessionId, note: Note },
    /// The CLI has ended. Not a failure by itself: some write their file and leave.
    CliExited { session: SessionId, code: i32, last_lines: Vec<String> },
    /// The credentials are complete and can be fetched; a later refresh has a higher generation.
    CredentialsCaptured { session: SessionId, generation: u64 },
    /// This attempt cannot succeed any more. The person, or `POST /sign-in/again`, may start another in the same VM.
    SignInFailed {
        session: SessionId,
        #[serde(default)]
        by: FailedBy,
        cause: String,
        last_lines: Vec<String>,
    },
    /// From an agent of a newer minor version.
    #[serde(other)]
    Unknown,
}

/// What made an attempt fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedBy {
    /// The CLI has ended without credentials.
    #[default]
    CommandEnded,
    /// The person has closed the terminal; the CLI is started again by itself.
    TerminalClosed,
    /// The CLI's own check does not find itself signed in.
    Check,
}

/// What the agent has seen of a sign-in: for whoever writes a definition or looks for a fault. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Note {
    /// The CLI was started; `run` counts from 1.
    CommandStarted { run: u32 },
    /// A question of the definition was answered; `step` counts from 1.
    Answered { step: usize },
    /// An address was seen: `place` is it without its query, `parameters` are the names in that.
    Address { place: String, parameters: Vec<String>, source: UrlSource, meaning: Meaning },
    /// The VM's browser was told to open it.
    PageOpened { place: String },
    /// The files do not prove the sign-in yet.
    Incomplete { problem: String },
    /// The files are complete, and the CLI is asked whether it finds itself signed in.
    Checking,
    #[serde(other)]
    Unknown,
}

/// What an address is to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A sign-in page.
    SignIn(UrlKind),
    /// The page of an attempt that is known already.
    Again,
    /// No rule of the definition fits.
    Other,
}

/// `POST /events/ack`: everything up to and including `through` is safe with the host.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Acknowledge {
    pub through: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_newer_agent_is_read_as_unknown() {
        let line = r#"{"number":7,"uptime_ns":12,"type":"wall_painted","colour":"red"}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(event.number, 7);
        assert!(matches!(event.body, EventBody::Unknown));
    }

    #[test]
    fn an_event_reads_back_as_written() {
        let event = Event { number: 1, uptime_ns: 5, body: EventBody::Mark { name: "pid1".into() } };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"number":1,"uptime_ns":5,"type":"mark","name":"pid1"}"#);
        assert!(matches!(serde_json::from_str::<Event>(&text).unwrap().body, EventBody::Mark { .. }));
    }
}
