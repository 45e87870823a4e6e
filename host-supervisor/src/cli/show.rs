//! How things are shown: tables for people, JSON for programs, progress for whoever waits at a terminal.

use std::{
    io::{IsTerminal as _, Write as _},
    time::SystemTime,
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::exit::{Exit, Problem};

/// Longest text of a table's cell that stands for an explanation, in characters.
const MAX_CELL_CHARS: usize = 120;

/// Prints a line to standard output. A reader that has gone away, as `head` does, is no failure.
pub(super) fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

pub(super) fn json(value: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Problem::failed(error.to_string()))?;
    line(text);
    Ok(())
}

/// A table without lines around its cells: easy to read, easy to cut.
pub(super) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Puts the numbers of a column under one another.
pub(super) fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The text of a field, empty when there is none; control characters, which a guest may have written, are not passed on.
pub(super) fn text(value: &Value, field: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    value[field].as_str().unwrap_or_default().chars().map(printable).collect()
}

pub(super) fn clipped(text: &str) -> String {
    if text.chars().count() <= MAX_CELL_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
}

/// What a session or a VM says that has to wait for the launches of others.
pub(super) fn waits(value: &Value) -> Option<String> {
    let ahead = value["starts_ahead"].as_u64()?;
    Some(match ahead {
        0 => "for its turn to start: it is the next".to_owned(),
        1 => "for its turn to start: 1 is ahead of it".to_owned(),
        ahead => format!("for its turn to start: {ahead} are ahead of it"),
    })
}

/// `12 s ago`, for a field with a time.
pub(super) fn ago(value: &Value, field: &str) -> String {
    let moment = value[field].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    moment
        .map(|moment| format!("{} ago", span((OffsetDateTime::now_utc() - moment).whole_seconds())))
        .unwrap_or_default()
}

/// `counts for 12 s`, for a field with the time of an end.
pub(super) fn until(value: &Value, field: &str) -> String {
    let end = value[field].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let left = end.map_or(0, |end| (end - OffsetDateTime::now_utc()).whole_seconds());
    if left > 0 { format!("counts for {}", span(left)) } else { format!("expired {}", ago(value, field)) }
}

/// As [`ago`], for a moment of the file system.
pub(super) fn span_since(moment: SystemTime) -> String {
    let seconds = moment.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    format!("{} ago", span(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// The one id of the list that begins like this.
pub(super) fn unique(list: &Value, field: &str, beginning: &str, noun: &str) -> Result<String, Problem> {
    let ids = list.as_array().into_iter().flatten().map(|item| text(item, field));
    let mut found: Vec<String> = ids.filter(|id| id.starts_with(beginning)).collect();
    match (found.pop(), found.len()) {
        (Some(id), 0) => Ok(id),
        (Some(_), more) => Err(Problem::new(
            Exit::Usage,
            format!("{} {noun}s begin with {beginning:?}: write more of the id", more + 1),
        )),
        (None, _) => Err(Problem::new(Exit::NotFound, format!("there is no {noun} {beginning:?}"))),
    }
}

/// Says on standard error what is being waited for: one line that changes at a terminal, a line for each change
/// elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: false }
    }

    pub(super) fn say(&mut self, text: &str) {
        let mut out = std::io::stderr();
        let _ = if self.terminal { write!(out, "\r\x1b[K{text}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
        self.shown = true;
    }

    /// What is going on within what was said; only whoever sits at a terminal wants to know.
    pub(super) fn detail(&mut self, text: &str, detail: &str) {
        if self.terminal {
            self.say(&format!("{text}: {detail}"));
        }
    }

    /// Something is done: it stays on the screen.
    pub(super) fn done(&mut self, text: &str) {
        self.say(text);
        if self.terminal {
            eprintln!();
            self.shown = false;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_that_people_use() {
        let spans = [-5, 0, 119, 120, 7199, 7200, 200_000].map(span);
        assert_eq!(spans, ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }

    #[test]
    fn escape_sequences_of_a_guest_do_not_reach_the_terminal() {
        assert_eq!(text(&json!({ "a": "x\u{1b}[2Jy" }), "a"), "x\u{fffd}[2Jy");
        assert_eq!(text(&json!({}), "a"), "");
    }

    #[test]
    fn who_waits_for_others_is_told_for_how_many() {
        assert_eq!(waits(&json!({})), None);
        assert_eq!(waits(&json!({ "starts_ahead": 0 })).unwrap(), "for its turn to start: it is the next");
        assert!(waits(&json!({ "starts_ahead": 7 })).unwrap().ends_with("7 are ahead of it"));
    }

    #[test]
    fn the_beginning_of_an_id_is_enough_when_only_one_has_it() {
        let list = json!([{ "id": "abc1" }, { "id": "abd2" }]);
        assert_eq!(unique(&list, "id", "abc", "VM").unwrap(), "abc1");
        assert_eq!(unique(&list, "id", "ab", "VM").unwrap_err().exit, Exit::Usage);
        assert_eq!(unique(&list, "id", "x", "VM").unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn a_long_explanation_is_clipped() {
        let clipped = clipped(&"x".repeat(500));
        assert_eq!((clipped.chars().count(), clipped.chars().last()), (MAX_CELL_CHARS, Some('…')));
    }
}
