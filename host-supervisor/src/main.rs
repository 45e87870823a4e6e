//! The binary: the command line of [`anteroom`].

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom::cli::main().into()
}
