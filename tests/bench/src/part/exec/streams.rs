//! Bytes a second of each stream, beside those of vsock alone.

use std::{io, path::Path, process::Stdio, time::Instant};

use anteroom_tests::{Daemon, spread::Spread};
use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    cost::Cost,
    peers::{Connection, Peers},
    run, vsock,
};
use crate::plot::Plot;
use crate::report::{Figure, Report, Wanted};

/// Serves as many zeros as it is asked for: on vsock port 9999 its own, on 9998 those of a pipe, on TCP port 9997 its own. Instead
/// of vsock a guest of `tests/bare` has sockets in a directory.
const SENDER: &str = r#"
import os, socket, subprocess, threading
zeros = bytes(65536)
def own(peer, count):
    while count > 0:
        count -= peer.send(zeros[:min(count, 65536)])
def piped(peer, count):
    dd = subprocess.Popen(["dd", "if=/dev/zero", "bs=64k", f"count={count // 65536}", "status=none"], stdout=subprocess.PIPE, bufsize=0)
    while True:
        data = os.read(dd.stdout.fileno(), 65536)
        if not data:
            break
        peer.sendall(data)
    dd.wait()
def serve(listener, send):
    listener.listen(4)
    while True:
        peer, _ = listener.accept()
        send(peer, int(peer.recv(20)))
        peer.close()
def vsock(port):
    if os.path.isdir("/anteroom-vsock"):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"/anteroom-vsock/{port}")
        return listener
    listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    listener.bind((socket.VMADDR_CID_ANY, port))
    return listener
tcp = socket.socket()
tcp.bind(("127.0.0.1", 9997))
for listener, send in ((vsock(9999), own), (vsock(9998), piped), (tcp, own)):
    threading.Thread(target=serve, args=(listener, send)).start()
print("ready", flush=True)
"#;

const ROUNDS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Vsock,
    VsockPiped,
    ExecOutput,
    ExecInput,
    CopyIn,
    CopyOut,
    Forward,
    SshOutput,
    SshInput,
    SocatOutput,
    SocatInput,
}

impl Stream {
    const OURS: [Self; 5] = [Self::ExecOutput, Self::ExecInput, Self::CopyIn, Self::CopyOut, Self::Forward];
    const PEERS: [Self; 4] = [Self::SshOutput, Self::SshInput, Self::SocatOutput, Self::SocatInput];

    fn name(self) -> &'static str {
        match self {
            Self::Vsock => "vsock alone",
            Self::VsockPiped => "vsock behind a pipe",
            Self::ExecOutput => "exec, output",
            Self::ExecInput => "exec, input",
            Self::CopyIn => "cp, into the VM",
            Self::CopyOut => "cp, out of it",
            Self::Forward => "forward",
            Self::SshOutput => "ssh, output",
            Self::SshInput => "ssh, input",
            Self::SocatOutput => "socat, output",
            Self::SocatInput => "socat, input",
        }
    }
}

/// Whose processor time, and where it stands.
type Part = (&'static str, fn(&Cost) -> f64);

pub(super) async fn measure(
    report: &mut Report,
    daemon: &Daemon,
    vm: &str,
    mib: usize,
    peers: Option<&Peers>,
) -> Result<()> {
    let course = Course::laid(daemon, vm, mib << 20, peers).await?;
    let theirs = if peers.is_some() { &Stream::PEERS[..] } else { &[] };
    let streams = [&[Stream::Vsock, Stream::VsockPiped], &Stream::OURS[..], theirs].concat();
    let commands = peers.map(Peers::pids).unwrap_or_default();
    let mut speeds = vec![Vec::new(); streams.len()];
    let mut costs: Vec<Vec<Cost>> = streams.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (nth, stream) in streams.iter().enumerate() {
            let (before, begin) = (Cost::so_far(daemon, &commands)?, Instant::now());
            course.run(*stream).await.context(stream.name())?;
            #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
            speeds[nth].push(course.bytes as f64 / 1e6 / begin.elapsed().as_secs_f64());
            costs[nth].push(Cost::so_far(daemon, &commands)?.since(&before, mib));
        }
    }
    let alone = Spread::of(&speeds[0]).median;
    for (stream, speeds) in streams.iter().zip(&speeds).filter(|(stream, _)| Stream::OURS.contains(stream)) {
        let share = 100.0 * Spread::of(speeds).median / alone;
        report.bar(format!("{}, of vsock alone", stream.name()), share, Wanted::AtLeast(80.0), "%");
    }
    let figures: Vec<Figure> = streams
        .iter()
        .zip(speeds)
        .map(|(stream, speeds)| Figure::new(stream.name(), "MB/s", speeds))
        .collect();
    let plot = Plot {
        title: "Streams into and out of a VM".to_owned(),
        logarithmic: false,
        figures: figures.clone(),
    };
    report.plot("exec", plot);
    report.spreads(format!("{mib} MiB each"), figures);
    let parts: [Part; 3] = [("daemon", |of| of.daemon), ("VM", |of| of.vm), ("command", |of| of.command)];
    let figures = streams.iter().zip(&costs).flat_map(|(stream, costs)| {
        parts
            .map(|(whose, part)| Figure::new(stream.name(), "ms", costs.iter().map(part).collect()).of(whose))
    });
    report.side_by_side("processor time for each MiB", figures.collect());
    Ok(())
}

/// What has to be there before the first stream.
struct Course<'a> {
    daemon: &'a Daemon,
    vm: &'a str,
    bytes: usize,
    peers: Option<&'a Peers>,
    forwarded: String,
    /// With a `file` of so many bytes.
    scratch: TempDir,
    _serving: [Child; 2],
}

impl<'a> Course<'a> {
    async fn laid(daemon: &'a Daemon, vm: &'a str, bytes: usize, peers: Option<&'a Peers>) -> Result<Self> {
        let mut sender = daemon
            .command(&["exec", vm, "-n", "-u", "root", "--", "python3", "-c", SENDER])
            .stdout(Stdio::piped())
            .spawn()?;
        ensure!(first_line(&mut sender).await? == "ready", "the sender does not start");
        let mut forward = daemon.command(&["forward", vm, "9997:0"]).stdout(Stdio::piped()).spawn()?;
        let forwarded = first_line(&mut forward).await?.split(' ').next().unwrap_or_default().to_owned();
        let scratch = tempfile::tempdir()?;
        std::fs::write(scratch.path().join("file"), vec![7; bytes])?;
        Ok(Self { daemon, vm, bytes, peers, forwarded, scratch, _serving: [sender, forward] })
    }

    async fn run(&self, stream: Stream) -> Result<()> {
        let Self { daemon, vm, bytes, .. } = *self;
        let peers = || self.peers.context("no peers");
        let (here, back) = (self.scratch.path().join("file"), self.scratch.path().join("back"));
        let there = format!("{vm}:/tmp/file");
        let copy = async |from: &str, to: &str| run(daemon, &["cp", "-q", from, to]).await.map(drop);
        let zeros = format!("dd if=/dev/zero bs=64k count={} status=none", bytes >> 16);
        let sink = ["dd", "of=/dev/null", "bs=64k", "status=none"];
        match stream {
            Stream::Vsock => self.out_of_vsock(9999).await,
            Stream::VsockPiped => self.out_of_vsock(9998).await,
            Stream::ExecOutput => {
                drain(daemon.command(&["exec", vm, "-n", "--", "sh", "-c", &zeros]), bytes).await
            }
            Stream::ExecInput => {
                feed(daemon.command(&[&["exec", vm, "--"][..], &sink].concat()), bytes).await
            }
            Stream::CopyIn => copy(text(&here)?, &there).await,
            Stream::CopyOut => copy(&there, text(&back)?).await,
            Stream::Forward => self.out_of_port().await,
            Stream::SshOutput => drain(peers()?.ssh(Connection::Standing, &[&zeros]), bytes).await,
            Stream::SshInput => feed(peers()?.ssh(Connection::Standing, &sink), bytes).await,
            Stream::SocatOutput => peers()?.output_by_socat(bytes).await,
            Stream::SocatInput => peers()?.input_by_socat(bytes).await,
        }
    }

    async fn out_of_vsock(&self, port: u32) -> Result<()> {
        let (socket, bytes) = (vsock::socket(self.daemon, self.vm), self.bytes);
        tokio::task::spawn_blocking(move || ask_for(vsock::dial(&socket, port)?, bytes)).await?
    }

    async fn out_of_port(&self) -> Result<()> {
        let (address, bytes) = (self.forwarded.clone(), self.bytes);
        tokio::task::spawn_blocking(move || ask_for(std::net::TcpStream::connect(address)?, bytes)).await?
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

async fn first_line(child: &mut Child) -> Result<String> {
    let out = BufReader::new(child.stdout.as_mut().context("a pipe")?);
    out.lines().next_line().await?.context("a line")
}

async fn drain(mut command: Command, bytes: usize) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    empty(child.stdout.as_mut().context("a pipe")?, bytes).await?;
    ensure!(child.wait().await?.success(), "it fails");
    Ok(())
}

async fn feed(mut command: Command, bytes: usize) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    fill(&mut child.stdin.take().context("a pipe")?, bytes).await?;
    ensure!(child.wait().await?.success(), "it fails");
    Ok(())
}

/// Writes so many bytes, a multiple of 64 KiB.
pub(super) async fn fill(into: &mut (impl AsyncWrite + Unpin), bytes: usize) -> Result<()> {
    let chunk = vec![0; 1 << 16];
    for _ in 0..bytes >> 16 {
        into.write_all(&chunk).await?;
    }
    into.flush().await.map_err(Into::into)
}

/// Reads so many bytes.
pub(super) async fn take(out: &mut (impl AsyncRead + Unpin), bytes: usize) -> Result<()> {
    let mut chunk = vec![0; 1 << 17];
    let mut came = 0;
    while came < bytes {
        match out.read(&mut chunk).await? {
            0 => break,
            length => came += length,
        }
    }
    ensure!(came == bytes, "{came} bytes came");
    Ok(())
}

/// Reads to the end, which is to come after so many bytes.
pub(super) async fn empty(out: &mut (impl AsyncRead + Unpin), bytes: usize) -> Result<()> {
    take(out, bytes).await?;
    ensure!(out.read(&mut [0]).await? == 0, "more than {bytes} bytes come");
    Ok(())
}

/// Of the sender, so many bytes.
fn ask_for(mut stream: impl io::Read + io::Write, bytes: usize) -> Result<()> {
    stream.write_all(bytes.to_string().as_bytes())?;
    let mut chunk = vec![0; 1 << 17];
    let mut came = 0;
    while came < bytes {
        match stream.read(&mut chunk)? {
            0 => break,
            length => came += length,
        }
    }
    ensure!(came == bytes, "{came} bytes came");
    Ok(())
}
