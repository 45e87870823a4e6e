//! The agent's events as they come: newline-delimited JSON, every line bounded.

use anteroom_protocol::Event;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::AgentError;

/// Longest line that is read, in bytes. The last lines of a failed service are the largest thing in an event.
const MAX_LINE_BYTES: usize = 256 * 1024;
const WHAT: &str = "/events";

/// A stream of events. Dropping it closes the connection.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    lines: Lines,
}

impl Events {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, lines: Lines::default() }
    }

    /// The next event; `None` when the agent has closed the stream.
    ///
    /// # Errors
    /// When the connection breaks or the agent does not keep to the protocol. There is nothing to read afterwards.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Event>, AgentError> {
        loop {
            if let Some(line) = self.lines.next()? {
                let malformed = |_| AgentError::Malformed { what: WHAT.to_owned() };
                return serde_json::from_slice(&line).map(Some).map_err(malformed);
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|source| AgentError::Broken { what: WHAT.to_owned(), source })?;
            if let Some(data) = frame.data_ref() {
                self.lines.push(data);
            }
        }
    }
}

/// Splits bytes into lines; empty ones are skipped.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// How much of `bytes` is known to have no end of line.
    scanned: usize,
}

impl Lines {
    fn push(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, AgentError> {
        loop {
            let Some(end) = self.bytes[self.scanned..].iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.bytes.len();
                let bounded = self.scanned <= MAX_LINE_BYTES;
                return if bounded { Ok(None) } else { Err(AgentError::TooLarge { what: WHAT.to_owned() }) };
            };
            let mut line: Vec<u8> = self.bytes.drain(..=self.scanned + end).collect();
            self.scanned = 0;
            line.pop();
            if line.len() > MAX_LINE_BYTES {
                return Err(AgentError::TooLarge { what: WHAT.to_owned() });
            }
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(lines: &mut Lines) -> Option<String> {
        lines.next().unwrap().map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn lines_are_found_wherever_the_network_has_cut_them() {
        let mut lines = Lines::default();
        lines.push(b"{\"a\":1}\n\n{\"b\"");
        assert_eq!(next(&mut lines).as_deref(), Some("{\"a\":1}"));
        assert_eq!(next(&mut lines), None);
        lines.push(b":2}\n{\"c\":3}\n");
        assert_eq!(next(&mut lines).as_deref(), Some("{\"b\":2}"));
        assert_eq!(next(&mut lines).as_deref(), Some("{\"c\":3}"));
        assert_eq!(next(&mut lines), None);
    }

    #[test]
    fn a_line_without_end_is_refused_instead_of_kept() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MAX_LINE_BYTES]);
        assert_eq!(next(&mut lines), None);
        lines.push(b"x");
        assert!(matches!(lines.next(), Err(AgentError::TooLarge { .. })));
    }
}
