//! How long it takes to give a VM its network and to take it away, beside 0, 1, 10 and 100 others.
//!
//! Makes a network namespace of its own, in which it needs root, and changes nothing outside. Times are of
//! `HostNetwork::attach` and `detach`: the address in the store (SQLite on the disk of `TMPDIR`), the elements of the
//! rules, the TAP device as an isolated port. What starting the program `nft` alone takes is shown beside it.

use std::time::Instant;

use anteroom::{
    net::{HostNetwork, HostNetworkSettings},
    store::Store,
};
use anteroom_protocol::VmId;
use anyhow::{Context as _, Result, anyhow};
use nix::sched::{CloneFlags, unshare};

use super::OTHERS;
use crate::report::{Figure, Report, milliseconds};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many VMs are attached and detached beside the others.
    #[arg(default_value_t = 50)]
    rounds: usize,
}

/// On a thread of its own, because a thread that has left the host's network has left it for good.
pub(crate) async fn measure(Arguments { rounds }: Arguments) -> Result<Report> {
    let measured = tokio::task::spawn_blocking(move || {
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).context("a network of its own, as root")?;
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(apart(rounds))
        })
        .join()
    });
    measured.await?.map_err(|_| anyhow!("it has panicked"))?
}

async fn apart(rounds: usize) -> Result<Report> {
    let mut report = Report::new("network");
    let directory = tempfile::tempdir()?;
    let store = Store::open(directory.path()).await?;
    let settings = HostNetworkSettings { dns: Some([9, 9, 9, 9].into()), ..HostNetworkSettings::default() };
    let open = Instant::now();
    let network = HostNetwork::open(settings.clone(), store.clone()).await?;
    let opened = Figure::new("open, with nothing there", "ms", vec![milliseconds(open)]);
    let mut alone = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        tokio::process::Command::new("nft").arg("--version").output().await?;
        alone.push(milliseconds(start));
    }
    let (mut others, mut figures) = (0, vec![Figure::new("`nft --version`", "ms", alone)]);
    for count in OTHERS {
        while others < count {
            network.attach(VmId::random()).await?;
            others += 1;
        }
        let (mut attached, mut detached) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let vm = VmId::random();
            let start = Instant::now();
            network.attach(vm).await?;
            attached.push(milliseconds(start));
            let start = Instant::now();
            network.detach(vm).await?;
            detached.push(milliseconds(start));
        }
        let of = format!("beside {count}");
        figures.push(Figure::new("attach", "ms", attached).of(&of));
        figures.push(Figure::new("detach", "ms", detached).of(&of));
    }
    report.spreads("a VM's network", figures);
    let open = Instant::now();
    let network = HostNetwork::open(settings.clone(), store.clone()).await?;
    let again = Figure::new(format!("open, with {others} attached"), "ms", vec![milliseconds(open)]);
    let sweep = Instant::now();
    let swept = network.sweep(&[]).await?;
    let what = format!("sweep of {} devices and {} addresses", swept.devices, swept.addresses);
    let swept = Figure::new(what, "ms", vec![milliseconds(sweep)]);
    HostNetwork::remove(&settings, store).await?;
    report.spreads("all of it", vec![opened, again, swept]);
    Ok(report)
}
