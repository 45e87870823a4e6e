//! What the API does under load, and under abuse: many sessions that are polled, and clients and guests that do not behave.
//!
//! The daemon is a process of its own ([`victim`]) with its real API, sessions, store and sockets; a VM is a program that sleeps,
//! with an agent that answers at once. Load and daemon share this machine. Latencies count from the moment at which a request was due, so
//! that a daemon that stands still is not asked less.

mod abuse;
mod client;
mod guest;
mod load;
mod victim;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::report::{Figure, Report};
pub(crate) use victim::{ServeVictim, serve};

/// From where the load comes; whoever is abusive calls from another address, as another client.
const GOOD: [u8; 4] = [127, 0, 0, 2];
const BAD: [u8; 4] = [127, 0, 0, 3];
/// Sessions that become others, whose guests flood.
const FLOODING: usize = 4;
/// Connections of those who were abusive end meanwhile.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many sessions live, and are polled.
    #[arg(default_value_t = 1000)]
    sessions: usize,
    /// How often a second, all together; beside abuse a tenth of that.
    #[arg(default_value_t = 10_000)]
    rate: usize,
    /// For how long, with nothing beside it and with each kind of abuse.
    #[arg(default_value_t = 20)]
    seconds: u64,
}

pub(crate) async fn measure(Arguments { sessions, rate, seconds }: Arguments) -> Result<Report> {
    raise_descriptors()?;
    let mut report = Report::new("api");
    let victim = victim::Victim::start().await?;
    let at_rest = victim.rss_mib()?;
    let began = Instant::now();
    let mut ids = load::sessions(&victim, sessions).await?;
    report.spreads(
        format!("{sessions} sessions, started by {} clients", load::STARTERS),
        vec![
            Figure::new("all of them", "s", vec![began.elapsed().as_secs_f64()]),
            Figure::new("the daemon before", "MiB", vec![at_rest]),
            Figure::new("the daemon with them", "MiB", vec![victim.rss_mib()?]),
        ],
    );
    let spare = ids.split_off(ids.len().saturating_sub(FLOODING));
    let (ids, time, few) = (Arc::new(ids), Duration::from_secs(seconds), (rate / 10).max(1));
    let poll = |rate| load::observed(&victim, load::poll(&victim, &ids, rate, time));
    let mut observed = vec![("alone", poll(rate).await?), ("alone, a tenth", poll(few).await?)];
    for (name, abuse) in abuse::kinds(&victim, spare) {
        let abuse = tokio::spawn(abuse);
        observed.push((name, poll(few).await?));
        abuse.abort();
        // One that has not been aborted has ended by itself.
        if let Ok(Err(error)) = abuse.await {
            return Err(error.context(name));
        }
        tokio::time::sleep(PAUSE).await;
    }
    observed.push(("those guests, a tenth", poll(few).await?));
    victim.stop().await?;
    let (latencies, costs) = observed.into_iter().map(|(name, observed)| observed.figures(name)).unzip();
    report.spreads(
        format!("polling, {rate} requests a second and a tenth of that, for {seconds} s"),
        latencies,
    );
    let costs: Vec<Vec<Figure>> = costs;
    report.side_by_side("polling", costs.into_iter().flatten().collect());
    for (kind, said, count) in abuse::told() {
        report.note(format!("{kind}: {said}, {count} times"));
    }
    Ok(report)
}

/// As many as this process may have, and those that it starts.
fn raise_descriptors() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("descriptors")
}
