//! Lines, put together from rows.
//!
//! ```text
//!   wrapped by the terminal              broken by the program
//!  |Open https://a.example/x?st|       |  https://a.example/x?sta|      | │ https://a.ex │ |
//!  |ate=1                      |       |te=1                     |      | │ ample/x      │ |
//! ```
//! The terminal notes where it wraps. Programs that break their rows themselves do so at one column, the last or nearly, and
//! they break a word only if it is longer than a row: a shorter one they put into the next row. So a row goes on in the
//! next one if it ends at the edge, if the next one is nothing but one more piece of the word, and if both pieces
//! together would not have fit there.

use super::screen::Row;

/// How far from the edge a program may break its rows: frames have margins.
const MARGIN_COLUMNS: usize = 4;
/// How far in the rest of a word may stand, unless that is where its beginning stands.
const INDENT_COLUMNS: usize = 4;

/// A line from its beginning to some row.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    /// Where the program has broken it, in bytes of the text.
    pub(super) cuts: Vec<usize>,
    /// Nobody has read all of it.
    pub(super) is_unread: bool,
    /// The terminal has wrapped a row of it. A program that leaves that to the terminal breaks no rows.
    is_wrapped: bool,
    /// The terminal wraps the last row.
    goes_on: bool,
    last: Content,
    /// Columns of the word at its end.
    word: usize,
    /// The column at which the program breaks it, once that is known.
    broken_at: Option<usize>,
}

/// Where a row's content is, without spaces around it and without the frame around that. In columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    /// Where it could begin: at the frame, or at the side.
    left: usize,
    begin: usize,
    end: usize,
    /// Where it has to end.
    right: usize,
}

impl Line {
    pub(super) fn begin(row: &Row, columns: usize) -> Self {
        let cells = row.cells();
        let last = Content::of(cells, columns);
        let text = match row.wraps {
            true => cells,
            // Without a frame the indentation stays: a person may read this.
            false if last.left == 0 => &cells[..last.end],
            false => &cells[last.begin..last.end],
        };
        let word = cells[last.begin..last.end].iter().rev().take_while(|c| is_of_word(**c)).count();
        Self {
            text: Row::text(text).collect(),
            cuts: Vec::new(),
            is_unread: row.unread.is_some(),
            is_wrapped: row.wraps,
            goes_on: row.wraps,
            last,
            word,
            broken_at: None,
        }
    }

    /// Whether it may go on in a row that is not there yet.
    pub(super) fn is_open(&self) -> bool {
        let is_full = match self.broken_at {
            Some(column) => self.last.end == column,
            None => self.last.end + MARGIN_COLUMNS >= self.last.right,
        };
        self.goes_on || (!self.is_wrapped && is_full && self.word > 0)
    }

    /// Whether this row, the next one, belongs to it.
    pub(super) fn goes_on_in(&self, row: &Row, columns: usize) -> bool {
        if self.goes_on {
            return true;
        }
        let (last, next) = (self.last, Content::of(row.cells(), columns));
        let word = &row.cells()[next.begin..next.end];
        let is_word = !row.wraps && !word.is_empty() && word.iter().all(|c| is_of_word(*c));
        let is_placed = (next.left, next.right) == (last.left, last.right)
            && next.end <= last.end
            && (next.begin == last.begin || next.begin - next.left <= INDENT_COLUMNS);
        // A piece between two breaks fills its row, whatever it ends in.
        let ends_sentence = next.end < last.end && word.last().is_some_and(|c| is_of_sentence(*c));
        self.is_open()
            && is_word
            && is_placed
            && self.word + word.len() + next.begin > last.end
            && !ends_sentence
            && !begins_address(word)
    }

    /// Adds the next row.
    pub(super) fn add(&mut self, row: &Row, columns: usize) {
        self.is_unread |= row.unread.is_some();
        if self.goes_on {
            self.text.extend(Row::text(row.cells()));
            self.goes_on = row.wraps;
        } else {
            let next = Content::of(row.cells(), columns);
            self.cuts.push(self.text.len());
            self.text.extend(Row::text(&row.cells()[next.begin..next.end]));
            self.word += next.end - next.begin;
            self.broken_at = Some(self.last.end);
            self.last = next;
        }
    }
}

impl Content {
    fn of(cells: &[char], columns: usize) -> Self {
        let is_blank = |c: &char| *c == ' ';
        let first = cells.iter().position(|c| !is_blank(c)).unwrap_or(0);
        let mut end = cells.iter().rposition(|c| !is_blank(c)).map_or(0, |last| last + 1);
        let (mut left, mut right) = (0, columns);
        if cells.get(first).is_some_and(|c| is_frame(*c)) {
            left = first + 1;
            if left < end && is_frame(cells[end - 1]) {
                right = end - 1;
                end = cells[left..right]
                    .iter()
                    .rposition(|c| !is_blank(c))
                    .map_or(left, |last| left + last + 1);
            }
        }
        let end = end.max(left);
        let begin = cells[left..end].iter().position(|c| !is_blank(c)).map_or(end, |first| left + first);
        Self { left, begin, end, right }
    }
}

fn is_of_word(c: char) -> bool {
    // Lines and blocks: frames, rulers, progress.
    c != ' ' && !matches!(c, '\u{2500}'..='\u{259f}')
}

/// What stands upright at the sides of a frame.
fn is_frame(c: char) -> bool {
    matches!(c, '|' | '│' | '┃' | '║' | '┆' | '┇' | '┊' | '┋' | '╎' | '╏' | '▌' | '▐')
}

fn is_of_sentence(c: char) -> bool {
    matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '\u{2026}')
}

fn begins_address(word: &[char]) -> bool {
    ["http://", "https://"].iter().any(|scheme| scheme.chars().eq(word.iter().copied().take(scheme.len())))
}
