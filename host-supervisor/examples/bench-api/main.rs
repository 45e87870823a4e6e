//! What the API does under load, and under abuse: many sessions that are polled, and clients and guests that do not behave.
//!
//! `bench-api [SESSIONS [REQUESTS_PER_SECOND [SECONDS]]]`: 1000, 10 000 and 20 by default. The daemon is a process of its own with
//! its real API, sessions, store and sockets; a VM is a program that sleeps, with an agent that answers at once. Load and daemon share
//! this machine. Latencies count from the moment at which a request was due, so that a daemon that stands still is not asked less.

mod abuse;
mod client;
mod guest;
mod load;
mod victim;

use std::{env, sync::Arc, time::Duration};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// From where the load comes; whoever is abusive calls from another address, as another client.
pub(crate) const GOOD: [u8; 4] = [127, 0, 0, 2];
pub(crate) const BAD: [u8; 4] = [127, 0, 0, 3];
/// Sessions that become others, whose guests flood.
const FLOODING: usize = 4;

#[tokio::main]
async fn main() -> Outcome {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, state] = arguments.as_slice()
        && word == victim::WORD
    {
        return victim::serve(state).await;
    }
    let number = |at: usize, usual: usize| match arguments.get(at) {
        Some(text) => text.parse::<usize>().map_err(|_| format!("{text} is no number")),
        None => Ok(usual),
    };
    let (sessions, rate, seconds) = (number(0, 1000)?, number(1, 10_000)?, number(2, 20)?);
    let victim = victim::Victim::start().await?;
    println!("{sessions} sessions, {rate} requests/s for {seconds} s, {most} descriptors\n");
    println!("daemon at rest: {} MiB", victim.rss_mib()?);
    let began = std::time::Instant::now();
    let mut ids = load::sessions(&victim, sessions).await?;
    let spare = ids.split_off(ids.len().saturating_sub(FLOODING));
    let ids = Arc::new(ids);
    println!(
        "{sessions} sessions, started one after the other by {} clients, in {:.1} s: {} MiB\n",
        load::STARTERS,
        began.elapsed().as_secs_f64(),
        victim.rss_mib()?
    );
    println!(
        "| polling | answered/s | p50, ms | p99, ms | longest, ms | not 200 | daemon's processor | MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let time = Duration::from_secs(seconds as u64);
    load::report(&victim, "alone", load::poll(&victim, &ids, rate, time)).await?;
    let few = (rate / 10).max(1);
    load::report(&victim, "alone, a tenth", load::poll(&victim, &ids, few, time)).await?;
    for (name, abuse) in abuse::kinds(&victim, spare) {
        let abuse = tokio::spawn(abuse);
        load::report(&victim, name, load::poll(&victim, &ids, few, time)).await?;
        abuse.abort();
        if let Ok(Err(error)) = abuse.await {
            return Err(format!("{name}: {error}").into());
        }
        // Its connections end meanwhile.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    load::report(&victim, "those guests, a tenth", load::poll(&victim, &ids, few, time)).await?;
    println!("\n{}", abuse::told());
    victim.stop().await
}
