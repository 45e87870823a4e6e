//! The one program of Anteroom inside a VM. It plays several roles, each its own process, so that one fault stays small.
//!
//! ```text
//!  init (PID 1) ── supervises ──▶ oauth (user desktop, port 8080) ◀── open-url  (what $BROWSER and xdg-open are)
//!    └─ control API on vsock         ├────────────────────────────◀── portal    (what opens a page over D-Bus)
//!    │                               └────────────────────────────◀── terminal  (runs the CLI inside xterm)
//!    └─────────── supervises ──▶ stream (user desktop, the desktop over WebRTC)
//! ```
//! Before it a kernel with modules runs `anteroom-loader`, which loads them and becomes the agent.
//!
//! Nothing here knows the host: it is spoken to, and never dials out. A library only so that the fuzz targets can reach the
//! parsers of hostile input.

mod account;
mod address;
mod appear;
mod boottime;
mod call;
mod caller;
mod console;
mod control;
mod credentials;
mod desktop;
mod display;
mod exec;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod init;
mod journal;
mod loader;
mod oauth;
mod open_url;
mod portal;
mod proc_field;
mod process;
mod processes;
mod pty;
mod role;
mod screenshot;
mod service;
#[cfg(not(fuzzing))]
mod stream;
mod terminal;
mod timeline;

use std::process::ExitCode;

use role::Role;

/// Plays the role that this process was started for, until it ends.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    match Role::of(std::process::id(), &arguments) {
        Ok(Role::Init) => init::run(&arguments),
        Ok(Role::OAuth) => oauth::run(),
        Ok(Role::Credentials) => credentials::run(),
        #[cfg(not(fuzzing))]
        Ok(Role::Stream) => stream::run(),
        #[cfg(not(fuzzing))]
        Ok(Role::Record(frames_per_second)) => stream::record::run(frames_per_second),
        #[cfg(fuzzing)]
        Ok(Role::Stream | Role::Record(_)) => ExitCode::FAILURE,
        Ok(Role::Processes(every)) => processes::run(every),
        Ok(Role::Screenshot) => screenshot::run(),
        Ok(Role::Terminal) => terminal::run(),
        Ok(Role::OpenUrl(arguments)) => open_url::run(&arguments),
        Ok(Role::Portal(oauth)) => portal::run(oauth),
        Err(error) => {
            eprintln!("anteroom-agent: {error}");
            ExitCode::from(2)
        }
    }
}

/// Loads the kernel's modules and becomes the agent.
pub fn load() -> ! {
    loader::run()
}
