//! The role that films the desktop: pictures on standard output, as `anteroom_protocol::recording` lays them down. `anteroom record`
//! runs it as a program.
//!
//! It has a camera of its own in a process of its own, with less of the processor than viewers have: they notice nothing of it.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anteroom_protocol::recording::{Head, HeadError};
use tokio::time::{MissedTickBehavior, interval};

use super::picture::{Codec, Options, Picture, PointerShown, Studio, StudioError};
use crate::role;

/// A player can jump to pictures that need no other one.
const KEY_EVERY: Duration = Duration::from_secs(10);
/// Of the priorities that setpriority(2) knows: less than everybody else.
const NICE: i32 = 10;

#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("the screen cannot be captured")]
    Picture(#[from] StudioError),
    #[error("the screen is not there any more")]
    Gone,
    #[error("a picture cannot be described")]
    Head(#[from] HeadError),
    #[error("a picture cannot be written")]
    Write(#[from] io::Error),
}

/// Until whoever reads it has gone.
pub(crate) fn run(frames_per_second: u8) -> ExitCode {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        eprintln!("viewers may notice that the desktop is recorded: {error}");
    }
    role::play(role::one_thread(), record(frames_per_second))
}

async fn record(frames_per_second: u8) -> Result<(), RecordError> {
    let display = std::env::var("DISPLAY").unwrap_or_else(|_| ":1".to_owned());
    let options = Options { frames_per_second, pointer: PointerShown::Drawn, ..Options::default() };
    let studio = Studio::open(&display, options)?;
    let mut viewer = studio.watch(Codec::Vp8);
    let mut keys = interval(KEY_EVERY);
    keys.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first comes at once, and the first picture is one anyway.
    keys.tick().await;
    let mut first = None;
    loop {
        let picture = tokio::select! {
            picture = viewer.next() => picture.ok_or(RecordError::Gone)?,
            _ = keys.tick() => {
                viewer.ask_for_keyframe();
                continue;
            }
        };
        let since = picture.captured_at.saturating_duration_since(*first.get_or_insert(picture.captured_at));
        match write(&picture, since) {
            Err(RecordError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}

/// Blocks as long as nobody reads; the pictures that are missed meanwhile are not made up for.
fn write(picture: &Picture, since: Duration) -> Result<(), RecordError> {
    let at_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    let head = Head { key: picture.key, length: picture.data.len(), at_us };
    let mut out = io::stdout().lock();
    out.write_all(&head.write()?)?;
    out.write_all(&picture.data)?;
    Ok(out.flush()?)
}
