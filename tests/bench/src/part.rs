//! The parts that are measured, each with a daemon of its own.

pub(crate) mod burst;
pub(crate) mod check;
pub(crate) mod clones;
pub(crate) mod exec;
pub(crate) mod hibernation;
pub(crate) mod image;
pub(crate) mod page;
pub(crate) mod prompt;
pub(crate) mod sign_in;
pub(crate) mod start;
pub(crate) mod stream;
