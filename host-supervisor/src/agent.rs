//! The client of the agent in a guest: HTTP/1.1 over the Unix socket that stands for the guest's vsock.
//!
//! Every call makes its own connection (a few milliseconds), so that a call that hangs stops no other. The guest is
//! hostile: every answer is bounded in size and time before it is parsed.

mod call;
mod dial;
mod eager;
mod error;
mod events;
mod knock;
mod log;
pub mod program;
#[cfg(test)]
pub(crate) mod tests;
mod way_in;

use std::{io, sync::Arc, time::Duration};

use anteroom_protocol::{
    ProtocolVersion,
    agent::{
        CallbackVerdict, CapturedCredentials, Clock, Hello, LOG_LINES_HEADER, LogWanted, Memory, OpenUrl,
        PastedCallback, PastedCode, Resume, ServiceStatus, SignInSpec, SignInStatus, Wake,
    },
    event::Acknowledge,
    ports::STREAM_VSOCK,
    stream::{MAX_PEERS, MAX_SDP_BYTES, PeerAnswer, PeerOffer, StreamStats},
    timeline::Mark,
};
use hyper::Method;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::vmm::AgentAddress;
use call::Call;
use dial::Dialler;
pub use dial::hold_still;
pub use error::AgentError;
pub use events::Events;
pub use knock::Knock;
pub use log::log_news;
pub use program::{Complaints, Piece, Program, ProgramError, Run};

/// How long an ordinary call may take, connection included. A busy guest under TCG needs seconds at times.
const PATIENCE: Duration = Duration::from_secs(10);
const CALLBACK_PATIENCE: Duration = Duration::from_secs(60);
/// The agent waits for the last of its services, and an emulated guest's disk may have much to take.
const FREEZE_PATIENCE: Duration = Duration::from_secs(150);
const KIB: usize = 1024;

/// Speaks with one guest's agent; cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentClient {
    dialler: Arc<Dialler>,
}

impl AgentClient {
    /// # Errors
    /// When the directory of the socket cannot be opened. The guest is not spoken with yet.
    pub fn new(address: &AgentAddress) -> io::Result<Self> {
        Ok(Self { dialler: Arc::new(Dialler::new(address)?) })
    }

    /// Asks who is there, within `patience`.
    ///
    /// # Errors
    /// [`AgentError::Protocol`] when the agent answers but speaks another major version.
    pub async fn hello(&self, patience: Duration) -> Result<Hello, AgentError> {
        let call = Call { patience, ..Call::get("/hello") };
        let hello: Hello = self.dialler.json(call, 4 * KIB).await?;
        let (ours, theirs) = (ProtocolVersion::CURRENT, hello.protocol);
        if ours.compatibility_with(theirs).can_talk() {
            Ok(hello)
        } else {
            Err(AgentError::Protocol { ours, theirs })
        }
    }

    /// # Errors
    /// As for every call.
    pub async fn set_clock(&self, clock: Clock) -> Result<(), AgentError> {
        self.dialler.done(Call::with(Method::PUT, "/clock", &clock)?).await
    }

    /// # Errors
    /// As for every call.
    pub async fn services(&self) -> Result<Vec<ServiceStatus>, AgentError> {
        self.dialler.json(Call::get("/services"), 256 * KIB).await
    }

    /// The last lines of a service, and how many there ever were, where the agent tells.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 404 when there is no such service.
    pub async fn service_log(
        &self,
        name: &str,
        wanted: LogWanted,
    ) -> Result<(String, Option<u64>), AgentError> {
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let query =
            wanted.known.map(|known| format!("?known={known}&wait={}", wanted.wait)).unwrap_or_default();
        let call = Call {
            patience: PATIENCE + wanted.patience(),
            ..Call::get(&format!("/services/{name}/log{query}"))
        };
        let (headers, bytes) = self.dialler.answer_with_headers(call, 1024 * KIB).await?;
        let lines = headers.get(LOG_LINES_HEADER).and_then(|lines| lines.to_str().ok()?.parse().ok());
        Ok((String::from_utf8_lossy(&bytes).into_owned(), lines))
    }

    /// # Errors
    /// As for every call.
    pub async fn timeline(&self) -> Result<Vec<Mark>, AgentError> {
        self.dialler.json(Call::get("/timeline"), 256 * KIB).await
    }

    /// # Errors
    /// As for every call.
    pub async fn memory(&self) -> Result<Memory, AgentError> {
        self.dialler.json(Call::get("/memory"), 64 * KIB).await
    }

    /// Every event after that number, then each new one.
    ///
    /// # Errors
    /// As for every call; the stream itself can fail later.
    pub async fn events(&self, after: u64) -> Result<Events, AgentError> {
        let answer = self.dialler.open(Call::get(&format!("/events?after={after}"))).await?;
        Ok(Events::new(answer.into_body()))
    }

    /// # Errors
    /// As for every call.
    pub async fn ack(&self, through: u64) -> Result<(), AgentError> {
        self.dialler.done(Call::with(Method::POST, "/events/ack", &Acknowledge { through })?).await
    }

    /// # Errors
    /// [`AgentError::Refused`] when a sign-in is running already or the definition does not suit the guest.
    pub async fn start_sign_in(&self, spec: &SignInSpec) -> Result<(), AgentError> {
        self.dialler.done(Call::with(Method::POST, "/sign-in", spec)?).await
    }

    /// # Errors
    /// [`AgentError::Refused`] when there is none.
    pub async fn sign_in(&self) -> Result<SignInStatus, AgentError> {
        self.dialler.json(Call::get("/sign-in"), 64 * KIB).await
    }

    /// # Errors
    /// [`AgentError::Refused`] with 409 before there are any, [`AgentError::TooLarge`] when they break the bounds that
    /// [`CapturedCredentials`] sets.
    pub async fn credentials(&self) -> Result<CapturedCredentials, AgentError> {
        let most = CapturedCredentials::MAX_FILES * CapturedCredentials::MAX_FILE_BYTES;
        // base64 makes four bytes of three.
        let captured: CapturedCredentials =
            self.dialler.json(Call::get("/sign-in/credentials"), most / 3 * 4 + 64 * KIB).await?;
        let fits = |bytes| bytes <= CapturedCredentials::MAX_FILE_BYTES;
        let bounded = captured.files.len() <= CapturedCredentials::MAX_FILES
            && captured.files.iter().all(|file| fits(file.contents.len()));
        if bounded {
            Ok(captured)
        } else {
            Err(AgentError::TooLarge { what: "/sign-in/credentials".to_owned() })
        }
    }

    /// # Errors
    /// [`AgentError::Refused`] when the agent does not accept the address.
    pub async fn open_url(&self, url: &str) -> Result<(), AgentError> {
        let body = OpenUrl { url: url.to_owned() };
        self.dialler.done(Call::with(Method::POST, "/sign-in/open-url", &body)?).await
    }

    /// Hands the address on at which a person's own browser has failed.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 400 when it is not the callback of this sign-in; nothing was sent to the CLI then.
    pub async fn paste_callback(&self, callback: &PastedCallback) -> Result<CallbackVerdict, AgentError> {
        let call = Call::with(Method::POST, "/sign-in/callback", callback)?;
        // The CLI redeems its code before it answers.
        self.dialler.json(Call { patience: CALLBACK_PATIENCE, ..call }, 4 * KIB).await
    }

    /// Has a code of the sign-in page typed into the terminal.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 400 when it is no code of this sign-in, with 409 when none is asked for.
    pub async fn paste_code(&self, code: &PastedCode) -> Result<(), AgentError> {
        self.dialler.done(Call::with(Method::POST, "/sign-in/code", code)?).await
    }

    /// # Errors
    /// [`AgentError::Refused`] with 409 when the last attempt has not failed.
    pub async fn begin_again(&self) -> Result<(), AgentError> {
        self.dialler.done(Call { method: Method::POST, ..Call::get("/sign-in/again") }).await
    }

    /// # Errors
    /// As for every call.
    pub async fn cancel_sign_in(&self) -> Result<(), AgentError> {
        self.dialler.done(Call { method: Method::DELETE, ..Call::get("/sign-in") }).await
    }

    /// Hands an offer of a viewer on, and returns the guest's answer to it.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 4xx when the guest does not answer this offer; with 503 while its stream is starting.
    pub async fn offer_peer(&self, id: &str, offer: &PeerOffer) -> Result<PeerAnswer, AgentError> {
        let call = Call::with(Method::PUT, &format!("/stream/peers/{id}"), offer)?;
        let answer: PeerAnswer = self.dialler.json(call, 2 * MAX_SDP_BYTES + KIB).await?;
        if answer.sdp.len() > MAX_SDP_BYTES {
            return Err(AgentError::TooLarge { what: "/stream/peers".to_owned() });
        }
        Ok(answer)
    }

    /// # Errors
    /// [`AgentError::Refused`] with 404 when the guest has no such viewer.
    pub async fn remove_peer(&self, id: &str) -> Result<(), AgentError> {
        let call = Call { method: Method::DELETE, ..Call::get(&format!("/stream/peers/{id}")) };
        self.dialler.done(Call { patience: Duration::from_secs(2), ..call }).await
    }

    /// # Errors
    /// As for every call.
    pub async fn stream_stats(&self) -> Result<StreamStats, AgentError> {
        let call = Call { patience: Duration::from_secs(3), ..Call::get("/stream/stats") };
        let mut stats: StreamStats = self.dialler.json(call, 64 * KIB).await?;
        stats.peers.truncate(MAX_PEERS);
        Ok(stats)
    }

    /// A connection for the viewers' packets ([`anteroom_protocol::stream::datagram`]).
    ///
    /// # Errors
    /// When nothing takes packets in the guest, or the VM is gone.
    pub async fn packets(
        &self,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug + use<>> {
        tokio::time::timeout(PATIENCE, self.dialler.dial_port(STREAM_VSOCK))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Makes the guest ready to be put to disk. It still runs, and knocks as soon as nobody follows its events.
    ///
    /// # Errors
    /// As for every call.
    pub async fn doze(&self) -> Result<(), AgentError> {
        let call = Call { method: Method::POST, patience: FREEZE_PATIENCE, ..Call::get("/doze") };
        self.dialler.done(call).await
    }

    /// Tells a guest that comes from the disk how time has passed. It may be told again.
    ///
    /// # Errors
    /// As for every call.
    pub async fn wake(&self, wake: &Wake) -> Result<Hello, AgentError> {
        self.dialler.json(Call::with(Method::PUT, "/wake", wake)?, 4 * KIB).await
    }

    /// Makes the guest ready to be copied. It still runs, and knocks as soon as nobody follows its events.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 409 and the reason when a copy of this guest would share what it must not.
    pub async fn freeze(&self) -> Result<(), AgentError> {
        let call = Call { method: Method::POST, patience: FREEZE_PATIENCE, ..Call::get("/freeze") };
        self.dialler.done(call).await
    }

    /// Makes a machine of its own of a copy of a frozen guest; may be asked again when the answer is lost. Its events
    /// are numbered from 1 again.
    ///
    /// # Errors
    /// [`AgentError::Refused`] with 409 when the guest was never frozen, is another VM already, or has begun a sign-in.
    pub async fn resume(&self, resume: &Resume) -> Result<Hello, AgentError> {
        self.dialler.json(Call::with(Method::PUT, "/resume", resume)?, 4 * KIB).await
    }

    /// Asks for an orderly end of the guest. The answer comes before it.
    ///
    /// # Errors
    /// As for every call.
    pub async fn power_off(&self) -> Result<(), AgentError> {
        let call = Call { method: Method::POST, patience: Duration::from_secs(2), ..Call::get("/power-off") };
        self.dialler.done(call).await
    }
}
