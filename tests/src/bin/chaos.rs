//! Kills parts of Anteroom at random moments of sign-ins, round after round: `chaos [ROUNDS [SEED [snapshots] [bridge]]]`, twenty by
//! default, with VMs that boot, or begin with a snapshot, on networks of their VMMs', or on a bridge in a network namespace of this
//! program's own, as root.
//!
//! It ends at the first thing that does not hold, with the seed that leads there again, or when it is interrupted; it leaves nothing
//! behind then, either. `ANTEROOM_BIN` names the daemon: with
//! `anteroom-bare`, whose guests are namespaces, a round takes seconds, and what runs in a guest is struck as well; on a bridge its
//! daemon makes and removes everything that a VM would use, but no guest does.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anteroom_tests::{
    Daemon, Seclusion, Turn,
    chaos::{self, Tally},
    daemon::Options,
    seclusion,
};
use anyhow::{Context as _, Result, anyhow};
use fastrand::Rng;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Debug, Clone, Copy)]
struct Arguments {
    rounds: usize,
    seed: u64,
    snapshots: bool,
    bridge: bool,
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let rounds = words.next().map_or(Ok(20), |text| text.parse()).context("a number of rounds")?;
    let seed = words.next().map_or(Ok(fastrand::u64(..)), |text| text.parse()).context("a seed")?;
    let others: Vec<String> = words.collect();
    let has = |word: &str| others.iter().any(|other| other == word);
    let arguments = Arguments { rounds, seed, snapshots: has("snapshots"), bridge: has("bridge") };
    // Before there is a second thread.
    let seclusion = arguments.bridge.then(Seclusion::enter).transpose()?;
    tokio::runtime::Runtime::new()?.block_on(run(arguments, seclusion))
}

async fn run(arguments: Arguments, seclusion: Option<Seclusion>) -> Result<()> {
    let seed = arguments.seed;
    let mut rng = Rng::with_seed(seed);
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    // With one, the second session of a round waits for the first, and may be struck then.
    let launched_at_once = rng.u8(1..3).to_string();
    let settings = [
        ("ANTEROOM_VM_BROWSER_MEMORY_MIB", "768"),
        ("ANTEROOM_VM_BROWSER_VCPUS", "1"),
        ("ANTEROOM_LAUNCH_AT_ONCE", launched_at_once.as_str()),
        ("ANTEROOM_SNAPSHOT_USE", if arguments.snapshots { "true" } else { "false" }),
        ("ANTEROOM_SNAPSHOT_DIR", snapshots.path().to_str().context("UTF-8")?),
    ];
    let of_bridge = seclusion.iter().flat_map(|_| seclusion::SETTINGS);
    println!("seed {seed}, {launched_at_once} launched at once");
    let environment: BTreeMap<String, String> = settings
        .into_iter()
        .chain(of_bridge)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // From here on a signal ends the rounds, and not this program before what it has begun is gone.
    let interrupted = Interruption::listen()?;
    let mut daemon = Daemon::start("chaos", "test", Options { environment, config: None }).await?;
    let ended = tokio::select! {
        ended = all_rounds(&mut daemon, seclusion.as_ref(), &mut rng, arguments) => {
            ended.with_context(|| format!("seed {seed}; the log is artefacts/chaos.log"))
        }
        () = interrupted.comes() => Err(anyhow!("interrupted")),
    };
    let (vms, ended) = match ended {
        Ok(tally) => {
            let vms = chaos::vms_of(&daemon).await?;
            daemon.stop().await?;
            (vms, Ok(tally))
        }
        Err(cause) => {
            (chaos::clear_away(daemon).await.with_context(|| format!("after: {cause:#}"))?, Err(cause))
        }
    };
    let nothing_left = chaos::nothing_outlives(&vms, seclusion.as_ref());
    let tally = ended?;
    nothing_left?;
    println!("{} rounds, nothing left behind, nothing lost: {:?}", tally.rounds, tally.ends);
    Ok(())
}

async fn all_rounds(
    daemon: &mut Daemon,
    seclusion: Option<&Seclusion>,
    rng: &mut Rng,
    arguments: Arguments,
) -> Result<Tally> {
    while arguments.snapshots && !daemon.log().contains("a snapshot is made") {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // How long one takes here, undisturbed: strikes fall within that time.
    let began = Instant::now();
    let calm = daemon.start_session("demo-auto", "calm").await?;
    daemon.wait_for(&calm, &["completed"]).await?;
    let span = began.elapsed();
    println!("an undisturbed session takes {} ms", span.as_millis());

    let mut tally = Tally::default();
    for round in 1..=arguments.rounds {
        let sessions = rng.usize(1..3);
        let told = chaos::round(daemon, seclusion, rng, sessions, span, &mut tally).await;
        println!("{round}: {}", told.with_context(|| format!("round {round}"))?);
    }
    Ok(tally)
}

/// Somebody wants this to end.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    fn listen() -> Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// At once when it has come since this listens.
    async fn comes(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
