//! What is wrong with a definition: which key, where in the file, and what is expected there.
//!
//! All that can be found at once is told at once. A place is known only for what was read from a file.

use std::fmt;

use super::MAX_FILE_BYTES;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    #[error("the definition has more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mistakes(Vec<Mistake>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key, for example `url[1].host`; empty where the text is no TOML.
    pub field: String,
    /// In lower case, for example "expected a host name".
    pub problem: String,
    pub place: Option<Place>,
}

/// Where in a text. Lines and columns are counted from 1, columns and width in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    /// How much of the line is meant, at least 1.
    pub width: usize,
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Mistake>);

impl DefinitionError {
    /// What is wrong, one by one.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        match self {
            Self::TooLarge => {
                vec![Mistake { field: String::new(), problem: self.to_string(), place: None }]
            }
            Self::Mistakes(mistakes) => mistakes.clone(),
        }
    }
}

impl Place {
    /// Of these bytes of the text.
    pub(super) fn of(text: &str, bytes: std::ops::Range<usize>) -> Self {
        let start = text.floor_char_boundary(bytes.start);
        let end = text.floor_char_boundary(bytes.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let first_line = text[start..end].split('\n').next().unwrap_or_default();
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: first_line.trim_end().chars().count().max(1),
        }
    }
}

impl Mistakes {
    pub(super) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Mistake { field: field.into(), problem: problem.into(), place: None });
    }

    pub(super) fn add_at(&mut self, field: impl Into<String>, problem: impl Into<String>, place: Place) {
        self.0.push(Mistake { field: field.into(), problem: problem.into(), place: Some(place) });
    }

    /// Notes the problem unless all is well.
    pub(super) fn expect(&mut self, good: bool, field: impl Into<String>, problem: &str) {
        if !good {
            self.add(field, problem);
        }
    }

    /// Looks up the places of those that have none yet.
    pub(super) fn locate(&mut self, place_of: impl Fn(&str) -> Option<Place>) {
        for mistake in &mut self.0 {
            mistake.place = mistake.place.or_else(|| place_of(&mistake.field));
        }
    }

    /// In the order of the file.
    pub(super) fn end(mut self) -> Result<(), DefinitionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|mistake| mistake.place);
        Err(DefinitionError::Mistakes(self.0))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        match self.field.as_str() {
            "" => f.write_str(&self.problem),
            field => write!(f, "{field}: {}", self.problem),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_and_ends_with_its_line() {
        let text = "a\n\"äö\" = b\nc";
        let at = text.find('b').unwrap();
        assert_eq!(Place::of(text, at..text.len()), Place { line: 2, column: 8, width: 1 });
        assert_eq!(Place::of(text, 0..1), Place { line: 1, column: 1, width: 1 });
        assert_eq!(Place::of(text, 99..120), Place { line: 3, column: 2, width: 1 });
    }
}
