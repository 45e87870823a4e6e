//! The smallest program: until it has run, by each way.

use std::time::Instant;

use anteroom_tests::{Daemon, spread::Spread};
use anyhow::Result;

use super::{
    peers::{Connection, Peers},
    run,
};
use crate::report::{Figure, Report, Wanted};

/// The bar is between the medians of the first two.
const OWN: &str = "a shell of the guest runs `true`";
const OURS: &str = "`anteroom exec VM -- true`, the command's own start with it";
const START: &str = "of that, the command's own start (`anteroom --version`)";
const SSH: &str = "`ssh VM true` over vsock, a connection for each";
const SSH_STANDING: &str = "`ssh VM true`, over one that stands (ControlMaster)";
const SOCAT: &str = "socat over vsock, of which the guest's runs `true`";
const ABOVE_OWN: f64 = 10.0;
const A_MINUTE: f64 = 60_000.0;

pub(super) async fn measure(
    report: &mut Report,
    daemon: &Daemon,
    vm: &str,
    runs: usize,
    peers: Option<&Peers>,
) -> Result<()> {
    let own = own(daemon, vm, runs).await?;
    let (mut ours, mut start, mut ssh, mut standing, mut socat) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..runs {
        ours.push(timed(run(daemon, &["exec", vm, "-n", "--", "/bin/true"])).await?);
        start.push(timed(run(daemon, &["--version"])).await?);
        let Some(peers) = peers else { continue };
        // Emulated, one takes seconds.
        if ssh.iter().sum::<f64>() < A_MINUTE {
            ssh.push(timed(peers.true_by_ssh(Connection::New)).await?);
        }
        standing.push(timed(peers.true_by_ssh(Connection::Standing)).await?);
        socat.push(timed(peers.true_by_socat()).await?);
    }
    let above = Spread::of(&ours).median - Spread::of(&own).median;
    let figures =
        [(OWN, own), (OURS, ours), (START, start), (SSH, ssh), (SSH_STANDING, standing), (SOCAT, socat)];
    report.spreads("round trips", figures.map(|(name, ms)| Figure::new(name, "ms", ms)).into());
    report.bar("`exec true` above the guest's own fork and exec", above, Wanted::AtMost(ABOVE_OWN), "ms");
    Ok(())
}

/// Each program's own time, and the time of reading the clock, by the guest's clock.
async fn own(daemon: &Daemon, vm: &str, runs: usize) -> Result<Vec<f64>> {
    let own = "t() { echo $EPOCHREALTIME; }; for i in $(seq $0); do t; /bin/true; done; t";
    let printed = run(daemon, &["exec", vm, "-n", "--", "bash", "-c", own, &runs.to_string()]).await?;
    let moments: Vec<f64> = printed.lines().filter_map(|line| line.parse().ok()).collect();
    Ok(moments.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).collect())
}

/// In milliseconds.
async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<f64> {
    let begin = Instant::now();
    work.await?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}
