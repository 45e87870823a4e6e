//! How much was copied, for whoever waits at a terminal.

use std::{
    convert::Infallible,
    io::IsTerminal as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::cli::show::Progress;

/// What is over sooner needs no words.
const PATIENCE: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Counted {
    bytes: AtomicU64,
    shown: bool,
}

impl Counted {
    pub(super) fn new(quiet: bool) -> Self {
        Self { bytes: AtomicU64::new(0), shown: !quiet && std::io::stderr().is_terminal() }
    }

    pub(super) fn add(&self, length: usize) {
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }

    /// Goes on for as long as it is let.
    pub(super) async fn show(&self) -> Infallible {
        if !self.shown {
            return std::future::pending().await;
        }
        let began = Instant::now();
        tokio::time::sleep(PATIENCE).await;
        let mut progress = Progress::new();
        loop {
            let bytes = self.bytes.load(Ordering::Relaxed);
            progress.say(&words(bytes, began.elapsed()));
            tokio::time::sleep(REFRESH).await;
        }
    }
}

fn words(bytes: u64, elapsed: Duration) -> String {
    let mebibytes = |bytes: f64| bytes / f64::from(1 << 20);
    #[expect(clippy::cast_precision_loss, reason = "a figure with one decimal")]
    let bytes = bytes as f64;
    format!("{:.1} MiB, {:.1} MiB/s", mebibytes(bytes), mebibytes(bytes / elapsed.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_and_speed_are_told_in_mebibytes() {
        assert_eq!(words(3 << 20, Duration::from_secs(2)), "3.0 MiB, 1.5 MiB/s");
    }
}
