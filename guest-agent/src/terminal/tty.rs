//! The terminal that this role itself runs in: xterm's. Raw, so that every key goes to the CLI and nothing is shown twice.

use std::io;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::pty::TerminalEnd;

/// Takes over standard input, which for a program in xterm is the terminal in both directions.
pub(super) fn take() -> io::Result<TerminalEnd> {
    let terminal = rustix::io::dup(rustix::stdio::stdin())?;
    let mut attributes = tcgetattr(&terminal)?;
    attributes.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &attributes)?;
    TerminalEnd::new(terminal)
}
