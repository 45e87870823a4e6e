//! The role that tells what runs here: a line of JSON on standard output, again and again. `anteroom top` runs it as a program.

mod proc;

use std::{
    collections::HashMap,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    thread,
    time::Duration,
};

use crate::account;

/// Until whoever reads it has gone.
pub(crate) fn run(every: Duration) -> ExitCode {
    let users = account::names();
    let mut out = io::stdout().lock();
    loop {
        let told = line(&users).and_then(|line| out.write_all(&line).and_then(|()| out.flush()));
        match told {
            Ok(()) => thread::sleep(every),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("what runs here cannot be told: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
}

fn line(users: &HashMap<u32, String>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&proc::snapshot(Path::new("/proc"), users)?)?;
    line.push(b'\n');
    Ok(line)
}
