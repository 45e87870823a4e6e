//! From bytes to the arguments of a target. In a way that a person can write down: seeds are text files.

/// Takes values off the front.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of these. Seeds choose by a digit.
    pub(crate) fn choice<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[usize::from(self.byte().wrapping_sub(b'0')) % of.len()]
    }

    /// A line, without its end.
    pub(crate) fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        line
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}
