//! What a process says, as lines: the last ones, bounded in number and in length.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{io::AsyncReadExt, net::unix::pipe, sync::watch};

/// Lines that are kept of each process.
const MAX_LINES: usize = 400;
/// Longer lines are cut into pieces of this many bytes.
const MAX_LINE_BYTES: usize = 1024;

/// The last lines of one service, over all its restarts.
#[derive(Debug)]
pub(crate) struct LogRing {
    lines: Mutex<VecDeque<String>>,
    /// Counts the lines that ever came.
    count: watch::Sender<u64>,
}

impl LogRing {
    pub(crate) fn new() -> Self {
        Self { lines: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Keeps everything that comes out of the pipe, until its end.
    pub(crate) async fn fill(self: Arc<Self>, mut pipe: pipe::Receiver) {
        let mut splitter = Splitter::default();
        let mut chunk = [0; 4096];
        loop {
            match pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(length) => splitter.push(&chunk[..length], |line| self.append(line)),
            }
        }
        splitter.finish(|line| self.append(line));
    }

    pub(crate) fn append(&self, line: String) {
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        self.count.send_modify(|count| *count += 1);
    }

    /// The last `count` lines, oldest first.
    pub(crate) fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    /// All kept lines as one text.
    pub(crate) fn text(&self) -> String {
        self.last(MAX_LINES).into_iter().map(|line| line + "\n").collect()
    }

    /// How many lines there were up to now: a place to wait from.
    pub(crate) fn position(&self) -> u64 {
        *self.count.borrow()
    }

    /// Waits until there are other than so many.
    pub(crate) async fn moved_on_from(&self, position: u64) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.count.subscribe().wait_for(|count| *count != position).await;
    }

    /// Waits for a line after `position` that contains `text`.
    pub(crate) async fn wait_for(&self, text: &str, position: u64) {
        let mut news = self.count.subscribe();
        loop {
            let count = *news.borrow_and_update();
            let fresh = usize::try_from(count.saturating_sub(position)).unwrap_or(MAX_LINES);
            if self.last(fresh).iter().any(|line| line.contains(text)) {
                return;
            }
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// Cuts a byte stream into printable lines.
#[derive(Debug, Default)]
struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        for &byte in bytes {
            if byte == b'\n' || self.rest.len() == MAX_LINE_BYTES {
                self.finish(&mut line);
            }
            if byte != b'\n' {
                self.rest.push(byte);
            }
        }
    }

    fn finish(&mut self, mut line: impl FnMut(String)) {
        let text: String =
            String::from_utf8_lossy(&self.rest).chars().filter(|c| *c == '\t' || !c.is_control()).collect();
        self.rest.clear();
        if !text.is_empty() {
            line(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push(line));
        }
        splitter.finish(|line| lines.push(line));
        lines
    }

    #[test]
    fn lines_come_whole_however_the_bytes_arrive() {
        assert_eq!(lines(&[b"one\ntw", b"o\r\n\n", b"three"]), ["one", "two", "three"]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_bytes_that_are_no_text_are_replaced() {
        let long = vec![b'x'; MAX_LINE_BYTES + 5];
        let cut = lines(&[&long]);
        assert_eq!(cut.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE_BYTES, 5]);
        assert_eq!(lines(&[b"\x1b[31mred\xff\n"]), ["[31mred\u{fffd}"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let ring = LogRing::new();
        for number in 0..=MAX_LINES {
            ring.append(number.to_string());
        }
        assert_eq!(ring.last(usize::MAX).len(), MAX_LINES);
        assert_eq!(ring.last(2), [(MAX_LINES - 1).to_string(), MAX_LINES.to_string()]);
    }

    #[tokio::test]
    async fn a_line_from_before_the_position_does_not_count() {
        let ring = Arc::new(LogRing::new());
        ring.append("listening on PORT=5900".into());
        let position = ring.position();
        let waiting = tokio::spawn({
            let ring = Arc::clone(&ring);
            async move { ring.wait_for("PORT=", position).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        ring.append("listening on PORT=5900".into());
        waiting.await.unwrap();
    }
}
