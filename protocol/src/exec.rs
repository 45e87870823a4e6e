//! Programs that the host runs in a guest: `GET /exec` with `Upgrade: `[`UPGRADE_EXEC`], then [`Frame`]s both ways.
//!
//! ```text
//!  host                                                     guest
//!   Start {argv, user, ...}        ──▶
//!                                  ◀──  Begun {id, input: 0}
//!   Input, InputEnd, Resize, Signal ─▶
//!                                  ◀──  Stdout, Stderr        both counted, in the order in which they came
//!   Taken n                        ──▶                        the host has done with the first n bytes of output
//!                                  ◀──  Credit n              the program has read; n bytes of input may be sent in all
//!                                  ◀──  Ended {code}          after the last byte of output
//!   Seen                           ──▶                        the guest forgets it
//! ```
//! **Nobody's memory grows.** The guest keeps at most [`OUTPUT_WINDOW`] bytes that the host has not taken, then reads no
//! more of the program, which waits as it would for any full pipe; the host sends at most [`INPUT_WINDOW`] bytes that the
//! program has not read.
//!
//! **Nothing is lost with a connection.** The guest keeps the program for [`GRACE`]; whoever comes with `Attach {id, output}`
//! on another connection gets the output from that byte on, and is told how much of the input has arrived. The last one to
//! attach counts, an earlier connection is closed.
//!
//! **Nobody waits for the 101**: the first frames may follow the request at once, and of a call to the daemon they stand in it
//! ([`FIRST_HEADER`]).

mod frame;
mod spec;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use frame::{Frame, FrameError, HEADER_BYTES, MAX_DATA_BYTES};
pub use spec::{Attach, Begun, Ended, ExecId, ExecSpec, ExecStatus, SpecError, TerminalSpec};

/// The agent, where every guest has it; some of its roles are programs that the host runs.
pub const AGENT: &str = "/usr/lib/anteroom/anteroom-agent";
/// In a call to the daemon: the first frames, in base64 (RFC 4648), at most [`MAX_FIRST_BYTES`] of them. In its answer: they were
/// taken. A daemon that does not say so has not read them.
pub const FIRST_HEADER: &str = "anteroom-exec-first";
/// So that the header fits where those of a proxy do.
pub const MAX_FIRST_BYTES: usize = 4096;
/// The value of the `Upgrade` header.
pub const UPGRADE_EXEC: &str = "anteroom-exec";
/// Bytes of output that the guest keeps for a host that has not taken them.
pub const OUTPUT_WINDOW: u64 = 1024 * 1024;
/// Bytes of input that may be on their way to a program that has not read them.
pub const INPUT_WINDOW: u64 = 256 * 1024;
/// How long the guest keeps a program to which nobody is attached: its daemon may be replaced by another one meanwhile.
/// After that it gets SIGHUP.
pub const GRACE: Duration = Duration::from_secs(60);
