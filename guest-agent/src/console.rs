//! Where a role says what it does: on standard error, which is the console for PID 1 and a log ring for the others.
//!
//! Short lines with the kernel's own time stamp, so that the serial log that a host keeps reads as one story.

use std::{error::Error, fmt};

use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

use crate::boottime;

/// Starts logging. `ANTEROOM_LOG=debug` says more.
pub(crate) fn start() {
    let level = match std::env::var("ANTEROOM_LOG").as_deref() {
        Ok("trace") => tracing::Level::TRACE,
        Ok("debug") => tracing::Level::DEBUG,
        _ => tracing::Level::INFO,
    };
    // A second start in one process is a mistake in a test at most; the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .with_timer(Uptime)
        .try_init();
}

/// An error with everything that caused it, on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

struct Uptime;

impl FormatTime for Uptime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let now = boottime::now_ns();
        write!(w, "[{:>5}.{:06}] anteroom:", now / 1_000_000_000, now / 1_000 % 1_000_000)
    }
}
