//! What leads into the guest: programs, and ports of its loopback.

use anteroom_protocol::{
    agent::{UPGRADE_REVERSE, UPGRADE_TCP},
    exec::{ExecStatus, UPGRADE_EXEC},
};
use bytes::Bytes;
use hyper::{StatusCode, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    AgentClient, AgentError, KIB,
    call::Call,
    program::{Program, Run},
};

impl AgentClient {
    /// A byte stream to a port of the guest's own loopback.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when nothing listens there.
    pub async fn connect(
        &self,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug + use<>, AgentError> {
        self.upgraded(UPGRADE_TCP, &format!("/connect/{port}"), Bytes::new()).await
    }

    /// The numbers of connections to a port of the guest's loopback, a line each, after a line with the port itself. The guest
    /// listens as long as the stream lives.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when somebody listens there already.
    pub async fn listen(
        &self,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug + use<>, AgentError> {
        self.upgraded(UPGRADE_REVERSE, &format!("/reverse/{port}"), Bytes::new()).await
    }

    /// One of those connections.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when it does not wait any more.
    pub async fn accept(
        &self,
        port: u16,
        number: u64,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug + use<>, AgentError> {
        self.upgraded(UPGRADE_TCP, &format!("/reverse/{port}/{number}"), Bytes::new()).await
    }

    /// A stream of [frames](anteroom_protocol::exec) that begins a program or goes on with one; `first` are those that are known
    /// already.
    ///
    /// # Errors
    /// As for every call. What becomes of the program, the frames say.
    pub async fn exec(
        &self,
        first: Bytes,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug + use<>, AgentError> {
        self.upgraded(UPGRADE_EXEC, "/exec", first).await
    }

    /// Runs a program.
    ///
    /// # Errors
    /// As for every call. What becomes of the program, it says itself.
    pub async fn run(&self, run: Run) -> Result<Program, AgentError> {
        let (first, opened) = run.open().map_err(|_| AgentError::Request { what: "/exec".to_owned() })?;
        Ok(Program::begun(self.exec(first).await?, opened))
    }

    /// What was started so, and whose end nobody has seen yet.
    ///
    /// # Errors
    /// As for every call.
    pub async fn programs(&self) -> Result<Vec<ExecStatus>, AgentError> {
        self.dialler.json(Call::get("/exec/list"), 256 * KIB).await
    }

    async fn upgraded(
        &self,
        protocol: &'static str,
        path: &str,
        follows: Bytes,
    ) -> Result<TokioIo<Upgraded>, AgentError> {
        let what = path.to_owned();
        let answer = self.dialler.open(Call { upgrade: Some(protocol), follows, ..Call::get(path) }).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(AgentError::Malformed { what });
        }
        let upgraded =
            hyper::upgrade::on(answer).await.map_err(|source| AgentError::Broken { what, source })?;
        Ok(TokioIo::new(upgraded))
    }
}
