//! How long it takes to give a VM its network and to take it away, beside 0, 1, 10 and 100 others.
//!
//! Makes a network namespace of its own, in which it needs root, and changes nothing outside. Times are of
//! `HostNetwork::attach` and `detach`: the address in the store (SQLite on the disk of `TMPDIR`), the elements of the
//! rules, the TAP device as an isolated port. What starting the program `nft` alone takes is shown beside it.

use std::time::{Duration, Instant};

use anteroom::{
    net::{HostNetwork, HostNetworkSettings},
    store::Store,
};
use anteroom_protocol::VmId;
use nix::sched::{CloneFlags, unshare};

const ROUNDS: usize = 50;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    unshare(CloneFlags::CLONE_NEWNET)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(bench())
}

async fn bench() -> Outcome {
    let directory = tempfile::tempdir()?;
    let store = Store::open(directory.path()).await?;
    let settings = HostNetworkSettings { dns: Some([9, 9, 9, 9].into()), ..HostNetworkSettings::default() };
    let open = Instant::now();
    let network = HostNetwork::open(settings.clone(), store.clone()).await?;
    println!("open, with nothing there: {:.1} ms", ms(open.elapsed()));
    let mut nft = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        tokio::process::Command::new("nft").arg("--version").output().await?;
        nft.push(start.elapsed());
    }
    println!("nft --version: {}\n", quantiles(nft));
    println!("| others | attach, ms: p50 / p95 / max | detach, ms: p50 / p95 / max |\n|---|---|---|");
    let mut others = 0;
    for count in [0, 1, 10, 100] {
        while others < count {
            network.attach(VmId::random()).await?;
            others += 1;
        }
        let (attached, detached) = rounds(&network).await?;
        println!("| {others} | {} | {} |", quantiles(attached), quantiles(detached));
    }
    let open = Instant::now();
    let network = HostNetwork::open(settings.clone(), store.clone()).await?;
    println!("\nopen, with {others} attached: {:.1} ms", ms(open.elapsed()));
    let sweep = Instant::now();
    let swept = network.sweep(&[]).await?;
    println!(
        "sweep of {} devices and {} addresses: {:.1} ms",
        swept.devices,
        swept.addresses,
        ms(sweep.elapsed())
    );
    HostNetwork::remove(&settings, store).await?;
    Ok(())
}

async fn rounds(network: &HostNetwork) -> Outcome<(Vec<Duration>, Vec<Duration>)> {
    let (mut attached, mut detached) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let vm = VmId::random();
        let start = Instant::now();
        network.attach(vm).await?;
        attached.push(start.elapsed());
        let start = Instant::now();
        network.detach(vm).await?;
        detached.push(start.elapsed());
    }
    Ok((attached, detached))
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| ms(times[(times.len() - 1) * percent / 100]);
    format!("{:.1} / {:.1} / {:.1}", at(50), at(95), at(100))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
