//! The wall clock, set by the host: after a boot it is only as good as the VMM's, after a restore it is stale.

use anteroom_protocol::agent::Clock;
use axum::{Json, http::StatusCode};
use nix::{
    errno::Errno,
    sys::time::TimeSpec,
    time::{ClockId, clock_settime},
};

use super::Refusal;

const NS_PER_SECOND: u64 = 1_000_000_000;
/// 2020-01-01: a host whose own clock is before that is lost, and would make every certificate invalid.
const EARLIEST_UNIX_NS: u64 = 1_577_836_800 * NS_PER_SECOND;

/// `PUT /clock`
pub(super) async fn set(Json(clock): Json<Clock>) -> Result<StatusCode, Refusal> {
    set_to(clock)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn set_to(clock: Clock) -> Result<(), Refusal> {
    if clock.unix_ns < EARLIEST_UNIX_NS {
        return Err(Refusal::bad("unix_ns is before 2020: expected nanoseconds since the Unix epoch"));
    }
    let part = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let time = TimeSpec::new(part(clock.unix_ns / NS_PER_SECOND), part(clock.unix_ns % NS_PER_SECOND));
    match clock_settime(ClockId::CLOCK_REALTIME, time) {
        Ok(()) => Ok(()),
        // A guest that is no VM has its host's clock already.
        Err(Errno::EPERM) => Ok(()),
        Err(error) => Err(Refusal::broken(format!("the clock cannot be set: {error}"))),
    }
}
