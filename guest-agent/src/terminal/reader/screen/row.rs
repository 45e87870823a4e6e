//! One row of the screen.

use std::{mem, ops::Range};

use tokio::time::Instant;

/// The further columns of a wide character.
const FILLER: char = '\0';

#[derive(Debug, Clone, Default)]
pub(in super::super) struct Row {
    /// Up to the last column that was written to.
    cells: Vec<char>,
    /// It was full, and the terminal itself went on in the next one.
    pub(in super::super) wraps: bool,
    /// When it has changed, unless it was read since.
    pub(in super::super) unread: Option<Instant>,
}

impl Row {
    /// One for each column.
    pub(in super::super) fn cells(&self) -> &[char] {
        &self.cells
    }

    /// What a person reads there.
    pub(in super::super) fn text(cells: &[char]) -> impl Iterator<Item = char> {
        cells.iter().copied().filter(|c| *c != FILLER)
    }

    /// Writes one character, as wide as these columns. What is there already is no change.
    pub(super) fn write(&mut self, columns: Range<usize>, c: char, now: Instant) {
        if columns.is_empty() {
            return;
        }
        if self.cells.len() < columns.end {
            self.cells.resize(columns.end, ' ');
        }
        for (cell, c) in self.cells[columns].iter_mut().zip([c].into_iter().chain([FILLER; 2])) {
            if mem::replace(cell, c) != c {
                self.unread = Some(now);
            }
        }
    }

    pub(super) fn erase(&mut self, columns: Range<usize>, now: Instant) {
        let end = columns.end.min(self.cells.len());
        for column in columns.start..end {
            self.write(column..column + 1, ' ', now);
        }
        self.wraps &= end < self.cells.len();
    }

    pub(super) fn insert(&mut self, column: usize, count: usize, columns: usize, now: Instant) {
        if column < self.cells.len() {
            self.cells.splice(column..column, std::iter::repeat_n(' ', count));
            self.cells.truncate(columns);
            (self.wraps, self.unread) = (false, Some(now));
        }
    }

    pub(super) fn delete(&mut self, columns: Range<usize>, now: Instant) {
        let end = columns.end.min(self.cells.len());
        if columns.start < end {
            self.cells.drain(columns.start..end);
            (self.wraps, self.unread) = (false, Some(now));
        }
    }

    /// What stands beyond this width is gone.
    pub(super) fn cut(&mut self, columns: usize) {
        self.wraps &= self.cells.len() <= columns;
        self.cells.truncate(columns);
    }

    pub(super) fn reset(&mut self) {
        self.cells.clear();
        (self.wraps, self.unread) = (false, None);
    }
}
