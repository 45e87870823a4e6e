//! The screen as far as reading needs it: characters in rows, without colours, and where the next one goes.
//!
//! Like xterm, which the person looks at: a row that is full keeps the cursor until the next character comes, and what
//! stands on the screen stays where it is when the width changes.

mod row;

use std::{mem, ops::Range};

use rustix::termios::Winsize;
use tokio::time::Instant;
use unicode_width::UnicodeWidthChar;

pub(super) use row::Row;

const TAB_COLUMNS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) row: usize,
    /// The screen's width when the row is full.
    pub(super) column: usize,
}

#[derive(Debug)]
pub(super) struct Screen {
    pub(super) columns: usize,
    pub(super) rows: Vec<Row>,
    /// Those of the main screen while the alternate one is shown.
    hidden: Option<Vec<Row>>,
    pub(super) cursor: Position,
    saved: Position,
    /// The rows that scroll.
    region: Range<usize>,
    /// When the characters come that are written now.
    pub(super) now: Instant,
}

/// What is erased, seen from the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    After,
    Before,
    All,
}

impl Size {
    /// No terminal is larger.
    const MAX: u16 = 1000;

    /// Columns and rows. A terminal that does not know its size says 0.
    fn bounded(self) -> (usize, usize) {
        let or = |given: u16, usual: u16| if given == 0 { usual } else { given.min(Self::MAX) };
        (or(self.columns, 80).into(), or(self.rows, 24).into())
    }
}

impl From<Winsize> for Size {
    fn from(size: Winsize) -> Self {
        Self { columns: size.ws_col, rows: size.ws_row }
    }
}

impl Screen {
    pub(super) fn new(size: Size) -> Self {
        let (columns, height) = size.bounded();
        Self {
            columns,
            rows: blank(height),
            hidden: None,
            cursor: Position::default(),
            saved: Position::default(),
            region: 0..height,
            now: Instant::now(),
        }
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn kept_bytes(&self) -> usize {
        let rows = self.rows.iter().chain(self.hidden.iter().flatten());
        rows.map(|row| size_of_val(row.cells())).sum()
    }

    /// How many rows have to leave at the top for the cursor to stay on a screen of this size.
    pub(super) fn surplus(&self, size: Size) -> usize {
        (self.cursor.row + 1).saturating_sub(size.bounded().1)
    }

    pub(super) fn resize(&mut self, size: Size) {
        let (columns, height) = size.bounded();
        for rows in std::iter::once(&mut self.rows).chain(&mut self.hidden) {
            rows.resize_with(height, Row::default);
            rows.iter_mut().for_each(|row| row.cut(columns));
        }
        (self.columns, self.region) = (columns, 0..height);
        self.saved = self.inside(self.saved);
        self.cursor = self.inside(self.cursor);
    }

    /// Whether there is no room for this character in the cursor's row any more.
    pub(super) fn is_full_for(&self, c: char) -> bool {
        let width = width(c);
        width > 0 && self.cursor.column > 0 && self.cursor.column + width > self.columns
    }

    /// Characters without a width, those that combine with the one before, are left out: no address has any.
    pub(super) fn put(&mut self, c: char) {
        let end = (self.cursor.column + width(c)).min(self.columns);
        let row = &mut self.rows[self.cursor.row];
        row.write(self.cursor.column..end, c, self.now);
        row.wraps &= end < self.columns;
        self.cursor.column = end;
    }

    /// The terminal goes on in the next row, to which a line feed leads.
    pub(super) fn wrap(&mut self) {
        self.rows[self.cursor.row].wraps = true;
        self.cursor.column = 0;
    }

    pub(super) fn tab(&mut self) {
        let next = (self.cursor.column / TAB_COLUMNS + 1) * TAB_COLUMNS;
        self.cursor.column = next.min(self.columns - 1).max(self.cursor.column);
    }

    /// Whether the next line feed makes room by moving rows up.
    pub(super) fn is_at_end(&self) -> bool {
        self.cursor.row + 1 == self.region.end
    }

    /// Whether rows that move up leave at the top of the screen.
    pub(super) fn scrolls_off(&self) -> bool {
        self.region.start == 0
    }

    /// A line feed that needs no room.
    pub(super) fn down(&mut self) {
        self.cursor.row = (self.cursor.row + 1).min(self.rows.len() - 1);
    }

    pub(super) fn reverse_line_feed(&mut self) {
        if self.cursor.row == self.region.start {
            self.scroll_down(1);
        } else {
            self.cursor.row = self.cursor.row.saturating_sub(1);
        }
    }

    pub(super) fn scroll_up(&mut self, count: usize) {
        self.move_up(self.region.clone(), count);
    }

    pub(super) fn scroll_down(&mut self, count: usize) {
        self.move_down(self.region.clone(), count);
    }

    pub(super) fn delete_lines(&mut self, count: usize) {
        if self.region.contains(&self.cursor.row) {
            self.move_up(self.cursor.row..self.region.end, count);
        }
    }

    pub(super) fn insert_lines(&mut self, count: usize) {
        if self.region.contains(&self.cursor.row) {
            self.move_down(self.cursor.row..self.region.end, count);
        }
    }

    fn move_up(&mut self, rows: Range<usize>, count: usize) {
        let count = count.min(rows.len());
        let rows = &mut self.rows[rows];
        rows.rotate_left(count);
        let kept = rows.len() - count;
        rows[kept..].iter_mut().for_each(Row::reset);
    }

    fn move_down(&mut self, rows: Range<usize>, count: usize) {
        let count = count.min(rows.len());
        let rows = &mut self.rows[rows];
        rows.rotate_right(count);
        rows[..count].iter_mut().for_each(Row::reset);
    }

    pub(super) fn insert_characters(&mut self, count: usize) {
        let (column, columns) = (self.cursor.column, self.columns);
        self.rows[self.cursor.row].insert(column, count.min(columns), columns, self.now);
    }

    pub(super) fn delete_characters(&mut self, count: usize) {
        let column = self.cursor.column;
        self.rows[self.cursor.row].delete(column..column.saturating_add(count), self.now);
    }

    pub(super) fn erase_characters(&mut self, count: usize) {
        let column = self.cursor.column;
        self.rows[self.cursor.row].erase(column..column.saturating_add(count), self.now);
    }

    pub(super) fn erase_line(&mut self, part: Part) {
        let column = self.cursor.column;
        let columns = match part {
            Part::After => column.min(self.columns - 1)..self.columns,
            Part::Before => 0..column + 1,
            Part::All => 0..self.columns,
        };
        self.rows[self.cursor.row].erase(columns, self.now);
    }

    pub(super) fn erase_screen(&mut self, part: Part) {
        let row = self.cursor.row;
        let rows = match part {
            Part::After => row + 1..self.rows.len(),
            Part::Before => 0..row,
            Part::All => 0..self.rows.len(),
        };
        self.rows[rows].iter_mut().for_each(Row::reset);
        if part != Part::All {
            self.erase_line(part);
        }
    }

    /// The cursor goes to the first place of the screen, as on every terminal.
    pub(super) fn set_region(&mut self, first: usize, end: usize) {
        let rows = first..end.min(self.rows.len());
        if rows.len() >= 2 {
            self.region = rows;
            self.cursor = Position::default();
        }
    }

    pub(super) fn save_cursor(&mut self) {
        self.saved = self.cursor;
    }

    pub(super) fn restore_cursor(&mut self) {
        self.cursor = self.saved;
    }

    /// To there, or as far as the screen reaches.
    pub(super) fn go_to(&mut self, row: usize, column: usize) {
        self.cursor = self.inside(Position { row, column });
    }

    fn inside(&self, place: Position) -> Position {
        Position { row: place.row.min(self.rows.len() - 1), column: place.column.min(self.columns - 1) }
    }

    pub(super) fn show_alternate(&mut self) {
        if self.hidden.is_none() {
            let height = self.rows.len();
            self.hidden = Some(mem::replace(&mut self.rows, blank(height)));
        }
    }

    pub(super) fn show_main(&mut self) {
        if let Some(rows) = self.hidden.take() {
            self.rows = rows;
        }
    }
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn blank(height: usize) -> Vec<Row> {
    (0..height).map(|_| Row::default()).collect()
}
