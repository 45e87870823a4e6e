//! QEMU's own protocol (qmp-spec.rst): lines of JSON over a connection that nobody but the daemon's user can make.
//!
//! ```text
//!  ◀─ greeting        ─▶ qmp_capabilities ◀─ return
//!  ─▶ a command       ◀─ events, at any time ◀─ return, or error
//! ```
//! A guest can take its VMM over, so what is read here is bounded as everything from a guest is.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd as _},
    time::Duration,
};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Interest},
    net::UnixStream,
    time::timeout,
};

/// How long a command may take. Those that take longer say so by an event.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_LINE_BYTES: u64 = 256 * 1024;
/// Events that came while something else was waited for.
const MAX_EVENTS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub(in crate::vmm) enum QmpError {
    #[error("QEMU's control connection")]
    Io(#[from] io::Error),
    #[error("QEMU's control connection is closed")]
    Closed,
    #[error("QEMU says something that is no QMP")]
    Senseless,
    #[error("QEMU did not answer {0} within {seconds} s", seconds = PATIENCE.as_secs())]
    Late(&'static str),
    #[error("QEMU refuses {command}: {reason}")]
    Refused { command: &'static str, reason: String },
}

/// A connection that is ready for commands.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: BufReader<UnixStream>,
    /// Came and were not asked for yet.
    events: Vec<Value>,
}

impl Qmp {
    /// Waits for QEMU, which greets once it has made the machine.
    pub(super) async fn open(stream: UnixStream) -> Result<Self, QmpError> {
        let mut qmp = Self { stream: BufReader::new(stream), events: Vec::new() };
        let greeting =
            timeout(PATIENCE, qmp.read()).await.map_err(|_| QmpError::Late("the connection"))??;
        if greeting.get("QMP").is_none() {
            return Err(QmpError::Senseless);
        }
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    pub(super) async fn execute(
        &mut self,
        command: &'static str,
        arguments: Value,
    ) -> Result<Value, QmpError> {
        let line = line(command, arguments);
        self.stream.get_mut().write_all(line.as_bytes()).await?;
        self.answer(command).await
    }

    /// Gives QEMU a file under a name (`getfd`).
    pub(super) async fn lend(&mut self, name: &'static str, file: impl AsFd) -> Result<(), QmpError> {
        let line = line("getfd", json!({ "fdname": name }));
        let files = [file.as_fd().as_raw_fd()];
        let stream = self.stream.get_ref();
        // A line of a few bytes is sent as a whole or not at all.
        stream
            .async_io(Interest::WRITABLE, || {
                let (words, files) = ([IoSlice::new(line.as_bytes())], [ControlMessage::ScmRights(&files)]);
                sendmsg::<UnixAddr>(stream.as_raw_fd(), &words, &files, MsgFlags::empty(), None)
                    .map_err(io::Error::from)
            })
            .await?;
        self.answer("getfd").await.map(drop)
    }

    /// Waits for an event of which `wanted` makes something.
    pub(super) async fn event<T>(
        &mut self,
        what: &'static str,
        patience: Duration,
        mut wanted: impl FnMut(&str, &Value) -> Option<T>,
    ) -> Result<T, QmpError> {
        let look = async {
            let mut seen = 0;
            loop {
                while let Some(event) = self.events.get(seen) {
                    let name = event["event"].as_str().unwrap_or_default();
                    let found = wanted(name, &event["data"]);
                    if let Some(found) = found {
                        self.events.drain(..=seen);
                        return Ok(found);
                    }
                    seen += 1;
                }
                let message = self.read().await?;
                if !self.keep(message) {
                    return Err(QmpError::Senseless);
                }
            }
        };
        timeout(patience, look).await.map_err(|_| QmpError::Late(what))?
    }

    async fn answer(&mut self, command: &'static str) -> Result<Value, QmpError> {
        let look = async {
            loop {
                let mut message = self.read().await?;
                if let Some(value) = message.get_mut("return") {
                    return Ok(value.take());
                }
                if let Some(error) = message.get("error") {
                    let reason = error["desc"].as_str().unwrap_or("it does not say why");
                    return Err(QmpError::Refused { command, reason: reason.chars().take(300).collect() });
                }
                if !self.keep(message) {
                    return Err(QmpError::Senseless);
                }
            }
        };
        timeout(PATIENCE, look).await.map_err(|_| QmpError::Late(command))?
    }

    /// Whether it is an event.
    fn keep(&mut self, message: Value) -> bool {
        let is_event = message.get("event").is_some();
        if is_event && self.events.len() < MAX_EVENTS {
            self.events.push(message);
        }
        is_event
    }

    async fn read(&mut self) -> Result<Value, QmpError> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
        match line.last() {
            None => Err(QmpError::Closed),
            Some(b'\n') => serde_json::from_slice(&line).map_err(|_| QmpError::Senseless),
            Some(_) => Err(QmpError::Senseless),
        }
    }
}

fn line(command: &str, arguments: Value) -> String {
    format!("{}\n", json!({ "execute": command, "arguments": arguments }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as StdStream;

    use super::*;

    fn pair() -> (UnixStream, StdStream) {
        let (ours, theirs) = StdStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (UnixStream::from_std(ours).unwrap(), theirs)
    }

    /// QEMU's side, which answers each command with the next of these lines.
    fn qemu(answers: &'static [&'static str]) -> UnixStream {
        let (ours, theirs) = pair();
        std::thread::spawn(move || {
            use std::io::{BufRead as _, Write as _};
            let mut writer = theirs.try_clone().unwrap();
            let mut lines = io::BufReader::new(theirs).lines();
            writer.write_all(b"{\"QMP\": {}}\n").unwrap();
            for answer in ["{\"return\": {}}"].iter().chain(answers) {
                let Some(Ok(_)) = lines.next() else { return };
                writer.write_all(answer.as_bytes()).unwrap();
                writer.write_all(b"\n").unwrap();
            }
            let _ = lines.next();
        });
        ours
    }

    #[tokio::test]
    async fn events_are_kept_while_an_answer_is_waited_for_and_a_refusal_is_told() {
        let mut qmp = Qmp::open(qemu(&[
            "{\"event\": \"STOP\"}\n{\"event\": \"RESUME\", \"data\": {\"n\": 1}}\n{\"return\": {\"running\": true}}",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such device\"}}",
        ]))
        .await
        .unwrap();
        assert_eq!(qmp.execute("query-status", json!({})).await.unwrap()["running"], true);
        let n = qmp.event("x", PATIENCE, |name, data| (name == "RESUME").then(|| data["n"].as_u64()));
        assert_eq!(n.await.unwrap(), Some(1));
        let error = qmp.execute("device_del", json!({})).await.unwrap_err().to_string();
        assert_eq!(error, "QEMU refuses device_del: no such device");
    }

    #[tokio::test]
    async fn what_is_no_qmp_and_a_connection_that_ends_are_told_apart() {
        let mut qmp = Qmp::open(qemu(&["[1, 2"])).await.unwrap();
        assert!(matches!(qmp.execute("stop", json!({})).await, Err(QmpError::Senseless)));
        let mut qmp = Qmp::open(qemu(&[])).await.unwrap();
        assert!(matches!(qmp.execute("stop", json!({})).await, Err(QmpError::Closed)));
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_read_for_ever() {
        let (ours, mut theirs) = pair();
        std::thread::spawn(move || {
            use std::io::Write as _;
            let _ = theirs.write_all(&vec![b' '; 1024 * 1024]);
        });
        assert!(matches!(Qmp::open(ours).await, Err(QmpError::Senseless)));
    }
}
