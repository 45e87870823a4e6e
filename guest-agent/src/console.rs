//! Where a role says what it does: on standard error, which is the console for PID 1 and a log ring for the others.
//!
//! Short lines with the kernel's own time stamp, so that the serial log that a host keeps reads as one story.

use std::{error::Error, fmt};

use tracing::Level;
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::boottime;

/// Starts logging. `ANTEROOM_LOG=debug` says more.
pub(crate) fn start() {
    let level = match std::env::var("ANTEROOM_LOG").as_deref() {
        Ok("trace") => Level::TRACE,
        Ok("debug") => Level::DEBUG,
        _ => Level::INFO,
    };
    // Those that speak with viewers print what passes by when they are talkative: passwords of connections, and texts typed.
    let discreet =
        [("str0m", Level::WARN), ("is", Level::WARN), ("sctp_proto", Level::WARN), ("dimpl", Level::WARN)];
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_timer(Uptime)
        .with_filter(Targets::new().with_default(level).with_targets(discreet));
    // A second start in one process is a mistake in a test at most; the first one stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
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
