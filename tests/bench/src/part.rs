//! The parts that are measured, each with a daemon of its own.

/// What several of them are asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Runs {
    /// How many are counted; what comes before them is not.
    #[arg(default_value_t = 5)]
    runs: usize,
    /// The image profile of their VMs.
    #[arg(default_value = "test")]
    profile: String,
}

/// Beside how many other VMs what is done for one is measured.
const OTHERS: [usize; 4] = [0, 1, 10, 100];

pub(crate) mod api;
mod asleep;
pub(crate) mod burst;
pub(crate) mod check;
pub(crate) mod clones;
pub(crate) mod exec;
pub(crate) mod hibernation;
pub(crate) mod image;
pub(crate) mod network;
pub(crate) mod page;
pub(crate) mod prompt;
pub(crate) mod sign_in;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod supervisor;
