//! What must hold for whatever comes from guests, browsers, providers and people.
//!
//! ```text
//!  corpus/NAME/* ──▶ tests: every file, once, with every `cargo test`
//!        └─seeds───▶ make fuzz ─▶ libFuzzer ─▶ bytes ─▶ Target::check ─▶ a panic, if something does not hold
//! ```
//! Each target is a function over bytes. What once broke one of them goes into its corpus, and stays a test.

mod input;
mod targets;
#[cfg(test)]
mod tests;

use targets::{
    callback, credential, datagram, definition, desk, exec_frame, pasted_code, reader, recognise, stun,
};

/// What is fuzzed, by the name of its module and its corpus.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    check: fn(&[u8]),
}

impl Target {
    pub const ALL: [Self; 10] = [
        Self { name: "callback", check: callback::check },
        Self { name: "credential", check: credential::check },
        Self { name: "datagram", check: datagram::check },
        Self { name: "definition", check: definition::check },
        Self { name: "desk", check: desk::check },
        Self { name: "exec-frame", check: exec_frame::check },
        Self { name: "pasted-code", check: pasted_code::check },
        Self { name: "reader", check: reader::check },
        Self { name: "recognise", check: recognise::check },
        Self { name: "stun", check: stun::check },
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name == name)
    }

    /// # Panics
    /// When something does not hold that should.
    pub fn check(self, bytes: &[u8]) {
        (self.check)(bytes);
    }
}
