//! What is remembered of a console: its last lines, and how much there was. Pure; the task around it does the I/O.

use std::collections::VecDeque;

/// How many lines are kept. A panic with its registers and call trace has about sixty.
pub(super) const LINES: usize = 400;
/// Longest line that is kept whole, in bytes; what is longer is split.
const LINE_BYTES: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Record {
    lines: VecDeque<Line>,
    /// The line that is still being written.
    open: Vec<u8>,
    /// Complete lines so far, forgotten ones included.
    count: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// Where in the stream the line began.
    offset: u64,
}

impl Record {
    /// Takes what has come and says how many lines are complete by now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> u64 {
        for &byte in bytes {
            self.bytes += 1;
            match byte {
                b'\n' => self.close(),
                _ => self.open.push(byte),
            }
            if self.open.len() == LINE_BYTES {
                self.close();
            }
        }
        self.count
    }

    /// The stream has ended: what stands there is a line, even without its end.
    pub(super) fn finish(&mut self) {
        if !self.open.is_empty() {
            self.close();
        }
    }

    pub(super) fn lines_seen(&self) -> u64 {
        self.count
    }

    pub(super) fn tail(&self) -> Vec<String> {
        let open = String::from_utf8_lossy(&self.open);
        let open = open.trim_end();
        let open = (!open.is_empty()).then(|| open.to_owned());
        self.lines.iter().map(|line| line.text.clone()).chain(open).collect()
    }

    /// Looks through the lines that came after the first `seen` ones; returns how many there are now.
    pub(super) fn find_after(&self, seen: u64, wanted: impl Fn(&str) -> bool) -> (u64, Option<String>) {
        let forgotten = self.count - self.lines.len() as u64;
        let skip = usize::try_from(seen.saturating_sub(forgotten)).unwrap_or(usize::MAX);
        let found = self.lines.iter().skip(skip).find(|line| wanted(&line.text));
        (self.count, found.map(|line| line.text.clone()))
    }

    /// What has to follow a file that holds the stream's first `head` bytes; `None` when that was everything.
    pub(super) fn after_head(&self, head: u64) -> Option<String> {
        let missing = self.bytes.checked_sub(head).filter(|missing| *missing > 0)?;
        let kept: Vec<&Line> = self.lines.iter().filter(|line| line.offset >= head).collect();
        let gap_bytes = kept.first().map_or(missing, |line| line.offset - head);
        let text: String = kept.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        Some(if gap_bytes > 0 { gap(gap_bytes) + &text } else { text })
    }

    fn close(&mut self) {
        let text = String::from_utf8_lossy(&self.open).trim_end().to_owned();
        // The line's end has been counted already, unless the line was split or the stream ended.
        let offset = self.bytes.saturating_sub(self.open.len() as u64 + 1);
        self.open.clear();
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { text, offset });
        self.count += 1;
    }
}

/// What stands in a log where something was left out.
pub(super) fn gap(bytes: u64) -> String {
    format!("\n[... {bytes} bytes of the console are left out here ...]\n")
}
