//! The VM's vsock, as its VMM shows it here: a socket that takes `CONNECT PORT` and answers with a line.

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
};

use anteroom_tests::Daemon;
use anyhow::{Context as _, Result};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

pub(super) fn socket(daemon: &Daemon, vm: &str) -> PathBuf {
    daemon.state_dir().join("vms").join(vm).join("v.sock")
}

pub(super) fn dial(socket: &Path, port: u32) -> Result<UnixStream> {
    let mut stream = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
    stream.write_all(format!("CONNECT {port}\n").as_bytes())?;
    let mut answer = [0];
    while answer != *b"\n" {
        stream.read_exact(&mut answer)?;
    }
    Ok(stream)
}

#[derive(Debug, clap::Args)]
pub(crate) struct HandOver {
    socket: PathBuf,
    port: u32,
}

/// Dials, and gives the connection to whoever reads our output, as ssh's `ProxyUseFdpass` has it: then nobody stands in between.
pub(crate) fn hand_over(HandOver { socket, port }: &HandOver) -> Result<()> {
    let stream = dial(socket, *port)?;
    let (word, files) = ([IoSlice::new(&[0])], [stream.as_raw_fd()]);
    let files = [ControlMessage::ScmRights(&files)];
    sendmsg::<UnixAddr>(io::stdout().as_raw_fd(), &word, &files, MsgFlags::empty(), None)
        .context("a socket is wanted for our output")?;
    Ok(())
}
