//! What a way into a VM costs: the time of the smallest program, and bytes a second of each stream beside those of vsock alone.
//!
//! Streams take turns, so that what disturbs the machine disturbs all of them; what counts is their ratio.
//!
//! | stream | of what |
//! |---|---|
//! | vsock alone | a program in the guest that sends zeros over a vsock port of its own |
//! | vsock behind a pipe | the same, but the zeros come from another program: what a program's output costs the guest anyhow |
//! | exec, cp, forward | the command line of ours, daemon and agent between |

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_tests::{
    Daemon, Turn,
    daemon::Options,
    meter::{descendants, processor_time},
    spread::Spread,
};
use anyhow::{Context as _, Result, ensure};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::{TimeVal, TimeValLike as _},
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::{
    plot::Plot,
    report::{Figure, Report, Wanted},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Round trips.
    #[arg(default_value_t = 100)]
    runs: usize,
    /// How much each stream carries, in MiB.
    #[arg(default_value_t = 64)]
    mib: usize,
}

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

pub(crate) async fn measure(Arguments { runs, mib }: Arguments) -> Result<Report> {
    let mut report = Report::new("exec");
    let _turn = Turn::take()?;
    let daemon = Daemon::start("bench-exec", "dev", Options::default()).await?;
    let session = daemon.start_session("demo", "bench").await?;
    let vm = daemon.wait_for(&session, &["awaiting_user_auth"]).await?["vm_id"].take();
    let vm = vm.as_str().context("a VM")?.to_owned();
    // What comes up after the desktop would disturb.
    tokio::time::sleep(Duration::from_secs(10)).await;

    round_trips(&mut report, &daemon, &vm, runs).await?;
    streams(&mut report, &daemon, &vm, mib).await?;
    many_at_once(&mut report, &daemon, &vm).await?;
    daemon.stop().await?;
    Ok(report)
}

/// In milliseconds; the bar is between the medians of the first two.
const OWN: &str = "a shell of the guest runs `true`";
const OURS: &str = "`anteroom exec VM -- true`, the command's own start with it";
const START: &str = "of that, the command's own start (`anteroom --version`)";
const ABOVE_OWN: f64 = 10.0;

async fn round_trips(report: &mut Report, daemon: &Daemon, vm: &str, runs: usize) -> Result<()> {
    let count = runs.to_string();
    // Each program's own time, and the time of reading the clock, by the guest's clock.
    let own = "t() { echo $EPOCHREALTIME; }; for i in $(seq $0); do t; /bin/true; done; t";
    let printed = run(daemon, &["exec", vm, "-n", "--", "bash", "-c", own, &count]).await?;
    let moments: Vec<f64> = printed.lines().filter_map(|line| line.parse().ok()).collect();
    let own: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).collect();
    let mut ours = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        run(daemon, &["exec", vm, "-n", "--", "/bin/true"]).await?;
        ours.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let mut version = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        run(daemon, &["--version"]).await?;
        version.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let above = Spread::of(&ours).median - Spread::of(&own).median;
    let figures = [(OWN, own), (OURS, ours), (START, version)];
    report.spreads("round trips", figures.map(|(name, ms)| Figure::new(name, "ms", ms)).into());
    report.bar("`exec true` above the guest's own fork and exec", above, Wanted::AtMost(ABOVE_OWN), "ms");
    Ok(())
}

async fn streams(report: &mut Report, daemon: &Daemon, vm: &str, mib: usize) -> Result<()> {
    let bytes = mib << 20;
    let mut sender = daemon
        .command(&["exec", vm, "-n", "-u", "root", "--", "python3", "-c", SENDER])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(sender.stdout.take().context("a pipe")?).lines();
    ensure!(said.next_line().await?.as_deref() == Some("ready"), "the sender does not start");
    let mut forward = daemon.command(&["forward", vm, "9997:0"]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(forward.stdout.take().context("a pipe")?).lines();
    let line = lines.next_line().await?.context("an address")?;
    let forwarded = line.split(' ').next().unwrap_or_default().to_owned();
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("file");
    std::fs::write(&file, vec![7; bytes])?;
    let (file, back) = (file.display().to_string(), scratch.path().join("back").display().to_string());
    let count = (bytes / 65536).to_string();
    let zeros = format!("dd if=/dev/zero bs=64k count={count} status=none");
    let there = format!("{vm}:/tmp/file");

    let names = [
        "vsock alone",
        "vsock behind a pipe",
        "exec, output",
        "exec, input",
        "cp, into the VM",
        "cp, out of it",
        "forward",
    ];
    let mut speeds: [Vec<f64>; 7] = Default::default();
    let mut costs: [Vec<Cost>; 7] = Default::default();
    for _ in 0..ROUNDS {
        for (which, (speeds, costs)) in speeds.iter_mut().zip(&mut costs).enumerate() {
            let (before, begin) = (Cost::so_far(daemon)?, Instant::now());
            match which {
                0 => from_vsock(daemon, vm, 9999, bytes).await?,
                1 => from_vsock(daemon, vm, 9998, bytes).await?,
                2 => drain(daemon, &["exec", vm, "-n", "--", "sh", "-c", &zeros], bytes).await?,
                3 => {
                    feed(daemon, &["exec", vm, "--", "dd", "of=/dev/null", "bs=64k", "status=none"], bytes)
                        .await?
                }
                4 => drop(run(daemon, &["cp", "-q", &file, &there]).await?),
                5 => drop(run(daemon, &["cp", "-q", &there, &back]).await?),
                _ => from_port(&forwarded, bytes).await?,
            }
            #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
            speeds.push(bytes as f64 / 1e6 / begin.elapsed().as_secs_f64());
            costs.push(Cost::so_far(daemon)?.since(&before, mib));
        }
    }
    let alone = Spread::of(&speeds[0]).median;
    for (name, values) in names.iter().zip(&speeds).skip(2) {
        let share = 100.0 * Spread::of(values).median / alone;
        report.bar(format!("{name}, of vsock alone"), share, Wanted::AtLeast(80.0), "%");
    }
    let figures = names.iter().zip(speeds).map(|(name, speeds)| Figure::new(*name, "MB/s", speeds));
    let figures: Vec<Figure> = figures.collect();
    let plot = Plot {
        title: "Streams into and out of a VM".to_owned(),
        logarithmic: false,
        figures: figures.clone(),
    };
    report.plot("exec", plot);
    report.spreads(format!("{mib} MiB each"), figures);
    let parts: [Part; 3] = [("daemon", |of| of.daemon), ("VM", |of| of.vm), ("command", |of| of.command)];
    let figures = names.iter().zip(&costs).flat_map(|(name, costs)| {
        parts.map(|(whose, part)| Figure::new(*name, "ms", costs.iter().map(part).collect()).of(whose))
    });
    report.side_by_side("processor time for each MiB", figures.collect());
    Ok(())
}

/// Whose processor time, and where it stands.
type Part = (&'static str, fn(&Cost) -> f64);

/// Processor time in milliseconds.
struct Cost {
    daemon: f64,
    /// Its VMM's processes, or the guest's own where there is none, but for programs that have ended.
    vm: f64,
    /// Of commands that have ended.
    command: f64,
}

impl Cost {
    fn so_far(daemon: &Daemon) -> Result<Self> {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let of_children = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
        let spent = |time: TimeVal| time.num_microseconds() as f64 / 1e3;
        Ok(Self {
            daemon: ms(processor_time(&[daemon.pid()])),
            vm: ms(processor_time(&descendants(daemon.pid()))),
            command: spent(of_children.user_time()) + spent(of_children.system_time()),
        })
    }

    /// For each MiB of so many.
    fn since(&self, before: &Self, mib: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
        let each = |now: f64, before: f64| (now - before) / mib as f64;
        Self {
            daemon: each(self.daemon, before.daemon),
            vm: each(self.vm, before.vm),
            command: each(self.command, before.command),
        }
    }
}

/// A hundred programs that all wait for the last, and what the agent needs for them.
async fn many_at_once(report: &mut Report, daemon: &Daemon, vm: &str) -> Result<()> {
    let memory = async || {
        let shown = daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
        shown["memory"]["roles_kib"]["init"].as_f64().context("the agent's memory")
    };
    let before = memory().await?;
    let begin = Instant::now();
    let mut children = Vec::new();
    for _ in 0..100 {
        let mut command = daemon.command(&["exec", vm, "--", "cat"]);
        children.push(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    }
    for child in &mut children {
        child.stdin.as_mut().context("a pipe")?.write_all(b"x").await?;
    }
    for child in &mut children {
        let mut one = [0];
        child.stdout.as_mut().context("a pipe")?.read_exact(&mut one).await?;
    }
    let (all_s, with_all) = (begin.elapsed().as_secs_f64(), memory().await?);
    for mut child in children {
        drop(child.stdin.take());
        ensure!(child.wait().await?.success());
    }
    report.spreads(
        "a hundred programs at once",
        vec![
            Figure::new("until all answer", "s", vec![all_s]),
            Figure::new("the agent before", "KiB", vec![before]),
            Figure::new("the agent with them", "KiB", vec![with_all]),
        ],
    );
    Ok(())
}

/// What a command of ours prints; it must succeed.
async fn run(daemon: &Daemon, arguments: &[&str]) -> Result<String> {
    let output = daemon.cli(arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn drain(daemon: &Daemon, arguments: &[&str], bytes: usize) -> Result<()> {
    let mut child = daemon.command(arguments).stdout(Stdio::piped()).spawn()?;
    let mut out = child.stdout.take().context("a pipe")?;
    let mut chunk = vec![0; 1 << 17];
    let mut came = 0;
    loop {
        match out.read(&mut chunk).await? {
            0 => break,
            length => came += length,
        }
    }
    ensure!(child.wait().await?.success() && came == bytes, "{came} bytes came");
    Ok(())
}

async fn feed(daemon: &Daemon, arguments: &[&str], bytes: usize) -> Result<()> {
    let mut child = daemon.command(arguments).stdin(Stdio::piped()).spawn()?;
    let mut into = child.stdin.take().context("a pipe")?;
    let chunk = vec![0; 1 << 16];
    for _ in 0..bytes >> 16 {
        into.write_all(&chunk).await?;
    }
    drop(into);
    ensure!(child.wait().await?.success());
    Ok(())
}

async fn from_vsock(daemon: &Daemon, vm: &str, port: u32, bytes: usize) -> Result<()> {
    let socket: PathBuf = daemon.state_dir().join("vms").join(vm).join("v.sock");
    tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(format!("CONNECT {port}\n").as_bytes())?;
        let mut answer = [0];
        while answer != *b"\n" {
            stream.read_exact(&mut answer)?;
        }
        drain_blocking(stream, bytes)
    })
    .await?
}

async fn from_port(address: &str, bytes: usize) -> Result<()> {
    let address = address.to_owned();
    tokio::task::spawn_blocking(move || drain_blocking(std::net::TcpStream::connect(address)?, bytes)).await?
}

fn drain_blocking(mut stream: impl std::io::Read + std::io::Write, bytes: usize) -> Result<()> {
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
