//! Which lines of the screen are complete, and what was read of them.
//!
//! ```text
//!            ┌ left: has gone off at the top and goes on below ┐
//!   line ────┤                                                 ├──▶ read, when  the cursor has left its end by a line feed,
//!            └ rows on the screen that have changed since      ┘                it has stood still for a moment,
//!                                                                               it leaves the screen, or all is quiet
//! ```

use std::{collections::VecDeque, ops::Range, time::Duration};

use tokio::time::Instant;

use super::{
    Read,
    addresses::{Remembered, addresses},
    line::Line,
    screen::{Row, Screen, Size},
};

/// A row that has not changed for so long is drawn. A program draws a frame at once, and many a second.
const STILL: Duration = Duration::from_millis(150);
/// Longer lines are read in pieces of this many bytes; twice as long as any address that is looked at.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Lines that are kept, to explain an end.
const MAX_LINES: usize = 40;
/// More than a chunk of honest output has in lines: the same line can be told again for a few bytes.
const MAX_READ_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Page {
    pub(super) screen: Screen,
    pub(super) read: Read,
    /// The beginning of a line that goes on in the first row.
    left: Option<Line>,
    /// Those that have left the screen.
    lines: VecDeque<String>,
    remembered: Remembered,
    read_bytes: usize,
}

impl Page {
    pub(super) fn new(size: Size) -> Self {
        Self {
            screen: Screen::new(size),
            read: Read::default(),
            left: None,
            lines: VecDeque::new(),
            remembered: Remembered::default(),
            read_bytes: 0,
        }
    }

    /// Before anything that comes now: reads what has stood still, but for the line that is being drawn. That is the one
    /// with the cursor, or right above the cursor if it may go on there.
    pub(super) fn time_is(&mut self, now: Instant) {
        (self.read_bytes, self.screen.now) = (0, now);
        let is_still = |row: &Row| row.unread.is_none_or(|changed| changed + STILL <= now);
        if self.screen.rows.iter().all(|row| row.unread.is_none() || !is_still(row)) {
            return;
        }
        let cursor = self.screen.cursor.row;
        for (rows, line) in self.lines_of(0..self.screen.rows.len()) {
            let is_drawn = rows.contains(&cursor) || (rows.end == cursor && line.is_open());
            if line.is_unread && !is_drawn && self.screen.rows[rows.clone()].iter().all(is_still) {
                self.read_line(rows, &line);
            }
        }
    }

    /// Reads whatever is there.
    pub(super) fn read_all(&mut self) {
        if self.screen.rows.iter().all(|row| row.unread.is_none()) {
            return;
        }
        for (rows, line) in self.lines_of(0..self.screen.rows.len()) {
            if line.is_unread {
                self.read_line(rows, &line);
            }
        }
    }

    /// How much is kept in all.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn kept_bytes(&self) -> usize {
        let left = self.left.as_ref().map_or(0, |line| line.text.len());
        let lines: usize = self.lines.iter().map(String::len).sum();
        self.screen.kept_bytes() + left + lines + self.remembered.kept_bytes()
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        let on_screen = self.lines_of(0..self.screen.rows.len());
        let shown = on_screen.iter().map(|(_, line)| line.text.trim_end()).filter(|text| !is_blank(text));
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).chain(shown).collect();
        lines[lines.len().saturating_sub(MAX_LINES)..].iter().map(|line| (*line).to_owned()).collect()
    }

    pub(super) fn resize(&mut self, size: Size) {
        self.read_all();
        for _ in 0..self.screen.surplus(size) {
            self.leave();
            self.screen.rows.rotate_left(1);
        }
        self.end_left();
        self.screen.resize(size);
    }

    pub(super) fn put(&mut self, c: char) {
        if self.screen.is_full_for(c) {
            self.screen.wrap();
            self.next_row();
        }
        self.screen.put(c);
    }

    pub(super) fn line_feed(&mut self) {
        let row = self.screen.cursor.row;
        let is_open = |row: usize| Line::begin(&self.screen.rows[row], self.screen.columns).is_open();
        // What has waited for the cursor to leave stands here or right above.
        if self.screen.rows[row.saturating_sub(1)..=row].iter().any(|row| row.unread.is_some()) {
            let first = (0..row).rev().take_while(|above| is_open(*above)).last().unwrap_or(row);
            self.read_ended(first..row + 1);
        }
        self.next_row();
    }

    fn next_row(&mut self) {
        if self.screen.is_at_end() {
            self.scroll_up(1);
        } else {
            self.screen.down();
        }
    }

    pub(super) fn scroll_up(&mut self, count: usize) {
        if !self.screen.scrolls_off() {
            self.read_all();
            return self.screen.scroll_up(count);
        }
        for _ in 0..count.min(self.screen.rows.len()) {
            self.leave();
            self.screen.scroll_up(1);
        }
    }

    /// Before everything is erased or hidden.
    pub(super) fn turn(&mut self) {
        self.read_all();
        self.end_left();
    }

    /// The first row leaves the screen.
    fn leave(&mut self) {
        let columns = self.screen.columns;
        let row = &self.screen.rows[0];
        let (ended, line) = match self.left.take() {
            Some(mut line) if line.goes_on_in(row, columns) => {
                line.add(row, columns);
                (None, line)
            }
            left => (left, Line::begin(row, columns)),
        };
        let goes_on = match self.screen.rows.get(1) {
            Some(next) => line.goes_on_in(next, columns),
            None => line.is_open(),
        };
        if let Some(ended) = ended {
            self.end(&ended);
        }
        if goes_on && line.text.len() < MAX_LINE_BYTES {
            self.left = Some(line);
        } else {
            self.end(&line);
        }
    }

    fn end_left(&mut self) {
        if let Some(line) = self.left.take() {
            self.end(&line);
        }
    }

    fn end(&mut self, line: &Line) {
        if line.is_unread {
            self.tell(line);
        }
        let text = line.text.trim_end();
        if !is_blank(text) {
            if self.lines.len() == MAX_LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(text.to_owned());
        }
    }

    /// The cursor has left the last of these rows for the next: what can go on there is not complete.
    fn read_ended(&mut self, rows: Range<usize>) {
        for (of, line) in self.lines_of(rows.clone()) {
            if line.is_unread && !(of.end == rows.end && line.is_open()) {
                self.read_line(of, &line);
            }
        }
    }

    /// What the rows say, line by line; with what has left, if they are the first.
    fn lines_of(&self, rows: Range<usize>) -> Vec<(Range<usize>, Line)> {
        let left = self.left.clone().filter(|_| rows.start == 0);
        let mut lines: Vec<_> = left.into_iter().map(|line| (0..0, line)).collect();
        for index in rows {
            let row = &self.screen.rows[index];
            match lines.last_mut() {
                Some((of, line)) if line.goes_on_in(row, self.screen.columns) => {
                    line.add(row, self.screen.columns);
                    of.end = index + 1;
                }
                _ => lines.push((index..index + 1, Line::begin(row, self.screen.columns))),
            }
        }
        lines
    }

    fn read_line(&mut self, rows: Range<usize>, line: &Line) {
        if let Some(left) = self.left.as_mut().filter(|_| rows.start == 0) {
            left.is_unread = false;
        }
        self.screen.rows[rows].iter_mut().for_each(|row| row.unread = None);
        self.tell(line);
    }

    pub(super) fn tell_address(&mut self, address: &str) {
        if self.remembered.add(address) {
            self.read.addresses.push(address.to_owned());
        }
    }

    fn tell(&mut self, line: &Line) {
        let text = line.text.trim_end();
        if is_blank(text) {
            return;
        }
        for address in addresses(line) {
            self.tell_address(address);
        }
        self.read_bytes += text.len();
        if self.read_bytes <= MAX_READ_BYTES {
            self.read.lines.push(text.to_owned());
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}
