//! The steps of a build, counted and told to whoever watches.

use std::time::Instant;

use crate::error::Error;
use crate::progress::{Outcome, Progress};

pub(super) struct Steps<'a> {
    number: usize,
    of: usize,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

impl<'a> Steps<'a> {
    pub(super) fn new(of: usize, progress: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        Self { number: 0, of, progress }
    }

    /// A step for which there is nothing to do.
    pub(super) fn skip(&mut self, what: &str) {
        self.number += 1;
        (self.progress)(Progress::Done { number: self.number, of: self.of, what, outcome: Outcome::Reused });
    }

    /// A step that gives something and the bytes that it takes up.
    pub(super) fn run<T>(
        &mut self,
        what: &str,
        step: impl FnOnce(&mut dyn FnMut(&str)) -> Result<(T, u64), Error>,
    ) -> Result<T, Error> {
        self.number += 1;
        let (number, of) = (self.number, self.of);
        (self.progress)(Progress::Step { number, of, what });
        let begun = Instant::now();
        let (result, size_bytes) = step(&mut |line| (self.progress)(Progress::Line(line)))?;
        let outcome = Outcome::Built { elapsed: begun.elapsed(), size_bytes };
        (self.progress)(Progress::Done { number, of, what, outcome });
        Ok(result)
    }
}
