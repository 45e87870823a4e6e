//! The binary `anteroom-demo`; everything it does is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom_demo::cli::run(std::env::args_os().skip(1))
}
