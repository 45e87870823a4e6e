//! Kills parts of Anteroom at random moments of sign-ins, round after round: `chaos [ROUNDS [SEED [snapshots]]]`, twenty by default,
//! with VMs that boot, or begin with a snapshot.
//!
//! It ends at the first thing that does not hold, with the seed that leads there again. `ANTEROOM_BIN` names the daemon: with
//! `anteroom-bare`, whose guests are namespaces, a round takes seconds, and what runs in a guest is struck as well.

use std::time::{Duration, Instant};

use anteroom_tests::{
    Daemon, Turn,
    chaos::{self, Tally},
    daemon::Options,
};
use anyhow::{Context as _, Result};
use fastrand::Rng;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(20), |text| text.parse()).context("a number of rounds")?;
    let seed: u64 = arguments.next().map_or(Ok(fastrand::u64(..)), |text| text.parse()).context("a seed")?;
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let _turn = Turn::take()?;
    let with_snapshots = arguments.next().is_some_and(|word| word == "snapshots");
    let snapshots = tempfile::tempdir()?;
    let settings = [
        ("ANTEROOM_VM_BROWSER_MEMORY_MIB", "768"),
        ("ANTEROOM_VM_BROWSER_VCPUS", "1"),
        ("ANTEROOM_SNAPSHOT_USE", if with_snapshots { "true" } else { "false" }),
        ("ANTEROOM_SNAPSHOT_DIR", snapshots.path().to_str().context("UTF-8")?),
    ];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut daemon = Daemon::start("chaos", "test", Options { environment, config: None }).await?;
    while with_snapshots && !daemon.log().contains("a snapshot is made") {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    // How long one takes here, undisturbed: strikes fall within that time.
    let began = Instant::now();
    let calm = daemon.start_session("demo-auto", "calm").await?;
    daemon.wait_for(&calm, &["completed"]).await?;
    let span = began.elapsed();
    println!("an undisturbed session takes {} ms", span.as_millis());

    let mut tally = Tally::default();
    for round in 1..=rounds {
        let sessions = rng.usize(1..3);
        let told = chaos::round(&mut daemon, &mut rng, sessions, span, &mut tally).await;
        let told =
            told.with_context(|| format!("round {round} of seed {seed}; the log is artefacts/chaos.log"))?;
        println!("{round}: {told}");
    }
    println!("{} rounds, nothing left behind, nothing lost: {:?}", tally.rounds, tally.ends);
    daemon.stop().await?;
    Ok(())
}
