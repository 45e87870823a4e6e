//! The VM that Anteroom replaces, built by a recipe of ours (`tests/bench/baseline`) from what is known of it, and started on the
//! same VMM with the same processors and memory.
//!
//! ```text
//!  baseline/build ──▶ root.ext4, vmlinuz, initrd.img ──▶ QEMU ──▶ systemd ─┬─▶ network-cmdline ─▶ Node.js on 8080
//!                                                          │               └─▶ Xvfb ─▶ openbox-session ─▶ xterm ─▶ CLI
//!  this program: polls the forwarded ports, looks at the picture ◀─────────┘       └─▶ x11vnc ─▶ websockify
//! ```
//! What it is asked for is what a person waits for; its moments have the names of ours. They are seen from outside, at most
//! [`GLANCE`] late, but for those of systemd, which are read afterwards.

mod image;
mod rfb;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

pub(crate) use image::Image;

/// From one look at a port to the next.
const GLANCE: Duration = Duration::from_millis(50);
/// A boot under emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);
/// An answer that takes longer is one of a guest that is not there yet.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
const FACTS_PATIENCE: Duration = Duration::from_secs(60);

/// What a guest has in use of its memory, by name: what a program that starts now cannot have (proc_meminfo(5)).
pub(crate) const IN_USE: &str = "the guest's, in use";

/// The shape of ours by default (`vm.browser`).
const VCPUS: u8 = 2;
const MEMORY_MIB: u32 = 4096;

/// A running VM; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Vm {
    qemu: Child,
    launched: Instant,
    http: reqwest::Client,
    agent: SocketAddr,
    vnc: SocketAddr,
    websockify: SocketAddr,
}

/// What was seen of one, by the names of our own timeline, in milliseconds since QEMU was started.
pub(crate) type Marks = Vec<(String, f64)>;

impl Vm {
    pub(crate) fn launch(image: &Image) -> Result<Self> {
        let [agent, vnc, websockify] = free_ports()?;
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max"])
            .args(["-smp", &VCPUS.to_string(), "-m", &format!("{MEMORY_MIB}M")])
            .arg("-kernel")
            .arg(image.kernel())
            .arg("-initrd")
            .arg(image.initrd())
            .args([
                "-append",
                "root=/dev/vda rootwait console=ttyS0 net.ifnames=0 \
                 ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off tsc=reliable",
            ])
            .arg("-drive")
            .arg(format!("file={},format=raw,if=none,id=root,snapshot=on", image.root().display()))
            .args(["-device", "virtio-blk-pci,drive=root"])
            .arg("-netdev")
            .arg(format!(
                "user,id=net,hostfwd=tcp:{agent}-:8080,hostfwd=tcp:{vnc}-:5900,hostfwd=tcp:{websockify}-:6080"
            ))
            .args(["-device", "virtio-net-pci,netdev=net"])
            .args(["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"])
            .args(["-serial", "null"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        // Node.js ends connections that rest, perhaps while the next question is on its way.
        let http = reqwest::Client::builder().timeout(ANSWER_PATIENCE).pool_max_idle_per_host(0).build()?;
        let qemu = qemu.spawn().context("qemu-system-x86_64")?;
        Ok(Self { qemu, launched: Instant::now(), http, agent, vnc, websockify })
    }

    /// Everything from its start to the sign-in's address.
    pub(crate) async fn story(&mut self) -> Result<Marks> {
        let this = &*self;
        let (agent, address, vnc, painted, websockify) = tokio::try_join!(
            this.once("the agent answers", async || {
                this.get(this.agent, "/health").await.is_some_and(|answer| answer["status"] == "ok")
            }),
            this.once("the sign-in's address is known", async || {
                this.get(this.agent, "/address").await.is_some_and(|answer| answer["address"].is_string())
            }),
            this.once("VNC answers", async || within(rfb::greets(this.vnc)).await),
            this.once("the desktop is painted", async || within(rfb::shows_terminal(this.vnc)).await),
            this.once("websockify answers", async || {
                this.http.get(format!("http://{}/vnc.html", this.websockify)).send().await.is_ok()
            }),
        )?;
        let kernel_start = self.kernel_start().await?;
        let facts = self.facts().await?;
        let of_systemd = |unit: &str, name: &str| {
            let us = facts["moments"][unit][name].as_f64().with_context(|| format!("{unit}'s {name}"))?;
            anyhow::Ok(kernel_start + us / 1e3)
        };
        let marks = [
            ("kernel-start", kernel_start),
            ("pid1", of_systemd("pid1", "UserspaceTimestampMonotonic")?),
            ("network-begun", of_systemd("network", "InactiveExitTimestampMonotonic")?),
            ("network-configured", of_systemd("network", "ActiveEnterTimestampMonotonic")?),
            ("service:oauth", agent),
            ("service:x11vnc", vnc),
            ("service:websockify", websockify),
            ("desktop-painted", painted),
            ("sign-in-url", address),
        ];
        Ok(marks.map(|(name, ms)| (name.to_owned(), ms)).into())
    }

    /// KiB: what its agents have resident, what of the guest's memory is in use, and what its QEMU takes up of the host.
    pub(crate) async fn memory_kib(&self) -> Result<Vec<(String, f64)>> {
        let facts = self.facts().await?;
        let resident = facts["resident"].as_object().context("what is resident")?;
        let mut memory: Vec<(String, f64)> =
            resident.iter().filter_map(|(name, kib)| Some((name.clone(), kib.as_f64()?))).collect();
        let meminfo = facts["meminfo"].as_str().context("the guest's memory")?;
        memory.push((IN_USE.to_owned(), in_use_kib(meminfo)?));
        let pid = self.qemu.id().context("a running VM")?;
        memory.push(("host: qemu-system-x86_64".to_owned(), anteroom_tests::machine::pss_kib(pid)?));
        Ok(memory)
    }

    /// When the guest's clock was zero. It is read between a question and its answer; the quickest of some is the most exact.
    async fn kernel_start(&self) -> Result<f64> {
        let mut best = (f64::INFINITY, 0.0);
        for _ in 0..5 {
            let asked = self.since_launch();
            let Some(answer) = self.get(self.agent, "/uptime").await else { continue };
            let answered = self.since_launch();
            let uptime = answer["uptime"].as_f64().context("an uptime")? * 1e3;
            if answered - asked < best.0 {
                best = (answered - asked, f64::midpoint(asked, answered) - uptime);
            }
        }
        ensure!(best.0.is_finite(), "the VM does not tell the time");
        Ok(best.1)
    }

    /// What it says of itself, which takes it a while: programs are started for it.
    async fn facts(&self) -> Result<Value> {
        let request = self.http.get(format!("http://{}/facts", self.agent)).timeout(FACTS_PATIENCE);
        let text = request.send().await.context("the VM says nothing of itself")?.text().await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Ends it at once; there is nothing in it to keep.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.qemu.kill().await?;
        Ok(())
    }

    /// When it is so for the first time.
    async fn once(&self, what: &str, is_so: impl AsyncFn() -> bool) -> Result<f64> {
        while !is_so().await {
            ensure!(self.launched.elapsed() < PATIENCE, "it takes too long until {what}");
            if self.has_ended() {
                bail!("the VM has ended before {what}");
            }
            sleep(GLANCE).await;
        }
        Ok(self.since_launch())
    }

    /// Whether QEMU is gone: somebody else can have its forwarded ports then.
    fn has_ended(&self) -> bool {
        self.launched.elapsed() > ANSWER_PATIENCE && TcpListener::bind(self.agent).is_ok()
    }

    async fn get(&self, at: SocketAddr, path: &str) -> Option<Value> {
        let text = self.http.get(format!("http://{at}{path}")).send().await.ok()?.text().await.ok()?;
        serde_json::from_str(&text).ok()
    }

    fn since_launch(&self) -> f64 {
        self.launched.elapsed().as_secs_f64() * 1e3
    }
}

async fn within(look: impl Future<Output = Result<bool>>) -> bool {
    matches!(tokio::time::timeout(ANSWER_PATIENCE, look).await, Ok(Ok(true)))
}

fn in_use_kib(meminfo: &str) -> Result<f64> {
    let value = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)).context("a line of meminfo")?;
        anyhow::Ok(line.trim().trim_end_matches(" kB").parse::<f64>()?)
    };
    Ok(value("MemTotal:")? - value("MemAvailable:")?)
}

fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    let mut sockets = Vec::new();
    for _ in 0..N {
        sockets.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let addresses: Vec<SocketAddr> = sockets.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    addresses.try_into().map_err(|_| anyhow::anyhow!("ports"))
}
