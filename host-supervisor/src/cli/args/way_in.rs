//! The ways into a VM.

mod files;
mod ports;
mod programs;
mod sights;

pub(in crate::cli) use files::{CopyArguments, Place};
pub(in crate::cli) use ports::{ForwardArguments, ProxyArguments, VncArguments};
pub(in crate::cli) use programs::{
    AttachArguments, ExecArguments, ProcessArguments, PsArguments, ShellArguments, TopArguments,
};
pub(in crate::cli) use sights::{
    DebugArguments, EventsArguments, LogsArguments, RecordArguments, ScreenshotArguments,
};

/// How a VM may be called, for every help.
const NAMES: &str = "\
VM is the id of a VM or of its session, the beginning of one, or @last: the VM that was started last.";
