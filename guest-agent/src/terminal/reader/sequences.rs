//! What the stream's characters and control sequences do to the screen (ECMA-48, and xterm's `ctlseqs`), and the text
//! without them.

use vte::{Params, Perform};

use super::{
    MAX_LINK_BYTES,
    page::Page,
    screen::{Part, Position},
};

/// The parser gives no more parts of a link than this; what came after the last of them is missing.
const MAX_LINK_PARTS: usize = 16;

impl Perform for Page {
    fn print(&mut self, c: char) {
        // One that was cut in two by a chunk's end is taken for a character.
        if c.is_control() {
            return;
        }
        self.read.text.push(c);
        self.put(c);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            // Line feed, and what terminals take for one.
            b'\n' | 0x0b | 0x0c => {
                self.read.text.push('\n');
                self.line_feed();
            }
            b'\r' => {
                self.read.text.push('\n');
                self.screen.cursor.column = 0;
            }
            b'\t' => {
                self.read.text.push(' ');
                self.screen.tab();
            }
            0x08 => self.go(0, -1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, parameters: &Params, marks: &[u8], _: bool, action: char) {
        let parameter = |index| parameters.iter().nth(index).map_or(0, |values| values[0]);
        let (first, second) = (parameter(0), parameter(1));
        // Counted from 1, and 1 when it is left out.
        let (count, place) = (usize::from(first.max(1)), usize::from(first.max(1)) - 1);
        let steps = i32::from(first.max(1));
        let Position { row, column } = self.screen.cursor;
        match (marks, action) {
            ([], 'A') => self.go(-steps, 0),
            ([], 'B' | 'e') => self.go(steps, 0),
            ([], 'C' | 'a') => self.go(0, steps),
            ([], 'D') => self.go(0, -steps),
            ([], 'E') => self.go_to(row.saturating_add(count), 0),
            ([], 'F') => self.go_to(row.saturating_sub(count), 0),
            ([], 'G' | '`') => self.go_to(row, place),
            ([], 'd') => self.go_to(place, column),
            ([], 'H' | 'f') => self.go_to(place, usize::from(second.max(1)) - 1),
            ([] | [b'?'], 'J') => self.erase_screen(first),
            ([] | [b'?'], 'K') => part(first).into_iter().for_each(|part| self.screen.erase_line(part)),
            ([], 'L') => self.screen.insert_lines(count),
            ([], 'M') => self.screen.delete_lines(count),
            ([], 'S') => self.scroll_up(count),
            ([], 'T') => self.screen.scroll_down(count),
            ([], '@') => self.screen.insert_characters(count),
            ([], 'P') => self.screen.delete_characters(count),
            ([], 'X') => self.screen.erase_characters(count),
            ([], 'r') => {
                let end = if second == 0 { usize::MAX } else { second.into() };
                self.screen.set_region(place, end);
            }
            ([], 's') => self.screen.save_cursor(),
            ([], 'u') => self.screen.restore_cursor(),
            ([b'?'], 'h' | 'l') => parameters.iter().for_each(|mode| self.set_mode(mode[0], action == 'h')),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], _: bool, action: u8) {
        match (marks, action) {
            ([], b'7') => self.screen.save_cursor(),
            ([], b'8') => self.screen.restore_cursor(),
            ([], b'D') => self.line_feed(),
            ([], b'E') => {
                self.screen.cursor.column = 0;
                self.line_feed();
            }
            ([], b'M') => self.screen.reverse_line_feed(),
            ([], b'c') => {
                self.erase_screen(2);
                self.screen.set_region(0, usize::MAX);
            }
            _ => {}
        }
    }

    /// `OSC 8 ; parameters ; address ST` (the terminals' common extension for links). Semicolons in the address split it.
    fn osc_dispatch(&mut self, parts: &[&[u8]], _: bool) {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if bytes >= MAX_LINK_BYTES || parts.len() >= MAX_LINK_PARTS {
            return;
        }
        if let [b"8", _, address @ ..] = parts {
            let address = String::from_utf8_lossy(&address.join(&b';')).into_owned();
            if address.starts_with("http") && !address.contains(char::is_control) {
                self.tell_address(&address);
            }
        }
    }
}

impl Page {
    fn go(&mut self, rows: i32, columns: i32) {
        let by = |place: usize, steps: i32| place.saturating_add_signed(steps as isize);
        // From the place behind a full row a step to the left leads to the last but one column.
        let column = self.screen.cursor.column.min(self.screen.columns - 1);
        self.go_to(by(self.screen.cursor.row, rows), by(column, columns));
    }

    /// In the text, a way to the right is a space, as programs use it for one, and a way to another row ends a line.
    fn go_to(&mut self, row: usize, column: usize) {
        let before = self.screen.cursor;
        self.screen.go_to(row, column);
        let now = self.screen.cursor;
        if now.row != before.row {
            self.read.text.push('\n');
        } else if now.column > before.column {
            self.read.text.push(' ');
        }
    }

    fn erase_screen(&mut self, parameter: u16) {
        let Some(part) = part(parameter) else { return };
        if part == Part::All {
            self.turn();
        }
        self.screen.erase_screen(part);
    }

    fn set_mode(&mut self, mode: u16, on: bool) {
        // The alternate screen, for programs that fill it. 1049 keeps the cursor as well.
        if !matches!(mode, 47 | 1047 | 1049) {
            return;
        }
        self.turn();
        match (on, mode) {
            (true, 1049) => {
                self.screen.save_cursor();
                self.screen.show_alternate();
            }
            (true, _) => self.screen.show_alternate(),
            (false, 1049) => {
                self.screen.show_main();
                self.screen.restore_cursor();
            }
            (false, _) => self.screen.show_main(),
        }
    }
}

fn part(parameter: u16) -> Option<Part> {
    match parameter {
        0 => Some(Part::After),
        1 => Some(Part::Before),
        2 => Some(Part::All),
        _ => None,
    }
}
