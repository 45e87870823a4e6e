//! Other ways into the same VM, over the same vsock: ssh, and socat.
//!
//! ```text
//!  ssh ◀──the connection itself── hand-over ──CONNECT 9996──▶ socat, nofork ──the connection itself──▶ sshd
//!  socat ──CONNECT 9995──▶ socat, fork ──▶ /bin/true
//! ```
//! Each has the best of it: of ssh's connection nobody copies a byte, and socat moves 64 KiB at once. What the guest's image lacks
//! for them is copied into it.

mod luggage;

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use anteroom_tests::{Daemon, artefact};
use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    run,
    streams::{empty, fill, take},
    vsock,
};

/// vsock ports of the guest.
const SSH: u32 = 9996;
const TRUE: u32 = 9995;
const OUTPUT: u32 = 9994;
const INPUT: u32 = 9993;

/// In the guest; instead of vsock a guest of `tests/bare` has sockets in a directory. Of a closed half a VM's vsock tells nobody:
/// what has said all waits for the host to close (or closes at once, which is no good behind an output that may not be all read).
const SERVE: &str = r#"
listen() {
    if [ -d /anteroom-vsock ]; then at=UNIX-LISTEN:/anteroom-vsock/$1; else at=VSOCK-LISTEN:$1; fi
    /tmp/peers/socat -b 65536 -t "$2" "$at,fork" "$3" &
}
listen 9996 0 'EXEC:/tmp/peers/sshd -i -f /tmp/peers/sshd_config,nofork'
listen 9995 0 EXEC:/bin/true
listen 9994 60 "EXEC:dd if=/dev/zero bs=64k count=$1 status=none"
listen 9993 60 "SYSTEM:dd of=/dev/null bs=64k count=$1 iflag=fullblock status=none; echo"
wait
"#;

const UNPACK: &str = "cp -n /tmp/peers/lib/* /usr/lib/$(uname -m)-linux-gnu/";
const TRIES: u32 = 60;

/// How a program of ssh's is reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Connection {
    New,
    /// One that was made before (`ControlMaster`).
    Standing,
}

#[derive(Debug)]
pub(super) struct Peers {
    luggage: TempDir,
    socket: PathBuf,
    standing: Option<Child>,
    _serving: Child,
}

impl Peers {
    /// Brings them into the VM. Their streams will be of so many bytes, a multiple of 64 KiB.
    ///
    /// # Errors
    /// When this machine or the guest lacks what they need.
    pub(super) async fn in_vm(daemon: &Daemon, vm: &str, bytes: usize) -> Result<Self> {
        let luggage = luggage::pack().await?;
        let packed = luggage.path().join("peers").display().to_string();
        run(daemon, &["cp", "-q", &packed, &format!("{vm}:/tmp/peers")]).await?;
        run(daemon, &["exec", vm, "-n", "-u", "root", "--", "sh", "-c", UNPACK]).await?;
        let log = fs::File::create(artefact("bench-exec-peers.log"))?;
        let serving = daemon
            .command(&["exec", vm, "-n", "--", "sh", "-c", SERVE, "sh", &(bytes >> 16).to_string()])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let socket = vsock::socket(daemon, vm);
        let mut peers = Self { luggage, socket, standing: None, _serving: serving };
        peers.until(|peers| peers.ssh(Connection::New, &["/bin/true"])).await.context("sshd")?;
        let mut master = peers.ssh(Connection::Standing, &["-N", "-o", "ControlMaster=yes"]);
        peers.standing = Some(master.stdin(Stdio::null()).spawn()?);
        peers
            .until(|peers| peers.ssh(Connection::Standing, &["/bin/true"]))
            .await
            .context("ControlMaster")?;
        peers.connect(TRUE).await.context("socat")?;
        Ok(peers)
    }

    async fn until(&self, command: impl Fn(&Self) -> Command) -> Result<()> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let output = command(self).stdin(Stdio::null()).output().await?;
            if output.status.success() {
                return Ok(());
            }
            last = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("no answer: {last}")
    }

    /// To be run; options can stand before the program.
    pub(super) fn ssh(&self, connection: Connection, program: &[&str]) -> Command {
        let own = std::env::current_exe().unwrap_or_default();
        let at = |name: &str| self.luggage.path().join(name).display().to_string();
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-T", "-i", &at("key")]);
        let proxy = format!("ProxyCommand='{}' hand-over '{}' {SSH}", own.display(), self.socket.display());
        let path = match connection {
            Connection::New => "ControlPath=none".to_owned(),
            Connection::Standing => format!("ControlPath={}", at("control")),
        };
        let options = [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "LogLevel=ERROR",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ProxyUseFdpass=yes",
            &proxy,
            &path,
        ];
        command.args(options.iter().flat_map(|option| ["-o", *option]));
        command.arg("desktop@guest").args(program).kill_on_drop(true);
        command
    }

    /// Of the connection that stands, whose time is that of no command.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.standing.as_ref().and_then(Child::id).into_iter().collect()
    }

    pub(super) async fn true_by_ssh(&self, connection: Connection) -> Result<()> {
        let status = self.ssh(connection, &["/bin/true"]).stdin(Stdio::null()).status().await?;
        ensure!(status.success(), "ssh {connection:?}: {status}");
        Ok(())
    }

    pub(super) async fn true_by_socat(&self) -> Result<()> {
        let mut socat = self.connect(TRUE).await?;
        empty(&mut socat.out, 0).await?;
        socat.close().await
    }

    /// All that the guest sends.
    pub(super) async fn output_by_socat(&self, bytes: usize) -> Result<()> {
        let mut socat = self.connect(OUTPUT).await?;
        take(&mut socat.out, bytes).await?;
        socat.close().await
    }

    /// As many as the guest waits for, before it says that it has them.
    pub(super) async fn input_by_socat(&self, bytes: usize) -> Result<()> {
        let mut socat = self.connect(INPUT).await?;
        fill(&mut socat.into, bytes).await?;
        take(&mut socat.out, 1).await?;
        socat.close().await
    }

    async fn connect(&self, port: u32) -> Result<Socat> {
        let mut process = Command::new("socat")
            .args(["-b", "65536", "-t", "0", "-", &format!("UNIX-CONNECT:{}", self.socket.display())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("socat")?;
        let mut into = process.stdin.take().context("a pipe")?;
        let mut out = process.stdout.take().context("a pipe")?;
        into.write_all(format!("CONNECT {port}\n").as_bytes()).await?;
        while out.read_u8().await.context("nobody answers")? != b'\n' {}
        Ok(Socat { process, into, out })
    }
}

/// A socat that is connected. At the end of one direction it ends both.
struct Socat {
    process: Child,
    into: ChildStdin,
    out: ChildStdout,
}

impl Socat {
    async fn close(self) -> Result<()> {
        let Self { mut process, into, out: _out } = self;
        drop(into);
        ensure!(process.wait().await?.success(), "socat fails");
        Ok(())
    }
}
