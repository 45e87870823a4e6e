//! The way out of a terminal that takes every key: `~.` at the beginning of a line, as in ssh(1).

/// Where in a line the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::cli) enum Escape {
    #[default]
    LineBegins,
    Tilde,
    InLine,
}

/// What is to be done with keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// For the program.
    Pass(Vec<u8>),
    /// These are for the program still; then it is left.
    Leave(Vec<u8>),
}

impl Escape {
    /// `~.` leaves, `~~` is one tilde; any other key after the tilde is for the program, and the tilde too.
    pub(super) fn take(&mut self, keys: &[u8]) -> Keys {
        let mut passed = Vec::with_capacity(keys.len() + 1);
        for &key in keys {
            *self = match (*self, key) {
                (Self::LineBegins, b'~') => Self::Tilde,
                (Self::Tilde, b'.') => return Keys::Leave(passed),
                (Self::Tilde, b'~') => {
                    passed.push(key);
                    Self::InLine
                }
                (before, _) => {
                    if before == Self::Tilde {
                        passed.push(b'~');
                    }
                    passed.push(key);
                    if matches!(key, b'\r' | b'\n') { Self::LineBegins } else { Self::InLine }
                }
            };
        }
        Keys::Pass(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(text: &[u8]) -> Keys {
        Keys::Pass(text.to_vec())
    }

    #[test]
    fn a_tilde_and_a_dot_leave_at_the_beginning_of_a_line_only() {
        let mut escape = Escape::default();
        assert_eq!(escape.take(b"ls ~."), pass(b"ls ~."));
        assert_eq!(escape.take(b"\r~"), pass(b"\r"));
        assert_eq!(escape.take(b"."), Keys::Leave(Vec::new()));
        assert_eq!(Escape::default().take(b"a\r~.b"), Keys::Leave(b"a\r".to_vec()));
    }

    #[test]
    fn every_other_tilde_reaches_the_program() {
        assert_eq!(Escape::default().take(b"~~."), pass(b"~."));
        assert_eq!(Escape::default().take(b"~/bin\r"), pass(b"~/bin\r"));
        assert_eq!(Escape::default().take(b"~\r~x"), pass(b"~\r~x"));
    }
}
