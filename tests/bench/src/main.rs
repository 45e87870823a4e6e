//! What is measured: how long people wait and what it costs, part by part, each beside the original's way or the peers.
//!
//! ```text
//!  anteroom-bench PART ──▶ daemon and VMs of its own ──▶ figures with names and units ──▶ tables, --json, plots
//! ```
//! `ANTEROOM_BIN` names the daemon that is measured, the one of this build by default: with `anteroom-bare`, whose guests are
//! namespaces, what depends on it is measured without emulation. A program, never a test: nothing here fails because a machine is
//! slow.

mod original;
mod part;
mod plot;
mod report;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use report::Report;

/// Measures Anteroom on this machine, in VMs of its own.
#[derive(Debug, Parser)]
#[command(version, after_help = "Let nothing else run meanwhile: only ratios within one run can be trusted.")]
struct Arguments {
    /// Write the figures there, too, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write plots there, as SVG.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    plots: Option<PathBuf>,
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// From the request to the desktop and the sign-in's address: from a boot, a snapshot, the pool, and the original's
    /// way.
    Start(part::start::Arguments),
    /// From what happens in a VM to whoever asks the API.
    SignIn(part::sign_in::Arguments),
    /// The live picture beside noVNC and GStreamer's WebRTC: latency, frames, bandwidth, processor time.
    Stream(part::stream::Arguments),
    /// The way into a VM beside ssh and socat: round trips, and bytes a second beside those of vsock.
    Exec(part::exec::Arguments),
    /// To the first word of an answer, by where the user's VM is.
    Prompt(part::Runs),
    /// Until a sign-in's page can be used.
    Page(part::page::Arguments),
    /// What 1, 2, 4 and 8 clones of one snapshot take up.
    Clones(part::clones::Arguments),
    /// Many people who come in one moment.
    Burst(part::burst::Arguments),
    /// Fails when a start with a snapshot or from the pool is hardly sooner than a boot.
    Check,
    /// Time and bytes of an image that is built from nothing.
    Image(part::image::Arguments),
    /// To the disk and awake again.
    Hibernation(part::Runs),
    /// The API with many sessions, polled, alone and beside clients and guests that do not behave.
    Api(part::api::Arguments),
    /// What the supervisor itself costs, beside 0, 1, 10 and 100 other VMs.
    Supervisor(part::supervisor::Arguments),
    /// A VM's network on the host, given and taken away, beside 0, 1, 10 and 100 others (as root).
    Network(part::network::Arguments),
    /// Not a part: what ssh runs to be connected.
    #[command(hide = true)]
    HandOver(part::exec::HandOver),
    /// Not a part: the daemon that `api` measures.
    #[command(hide = true)]
    ServeVictim(part::api::ServeVictim),
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { json, plots, part } = Arguments::parse();
    let report: Report = match part {
        Part::Start(arguments) => part::start::measure(arguments).await,
        Part::SignIn(arguments) => part::sign_in::measure(arguments).await,
        Part::Stream(arguments) => part::stream::measure(arguments).await,
        Part::Exec(arguments) => part::exec::measure(arguments).await,
        Part::Prompt(arguments) => part::prompt::measure(arguments).await,
        Part::Page(arguments) => part::page::measure(arguments).await,
        Part::Clones(arguments) => part::clones::measure(arguments).await,
        Part::Burst(arguments) => part::burst::measure(arguments).await,
        Part::Check => part::check::measure().await,
        Part::Image(arguments) => part::image::measure(arguments).await,
        Part::Hibernation(arguments) => part::hibernation::measure(arguments).await,
        Part::Api(arguments) => part::api::measure(arguments).await,
        Part::Supervisor(arguments) => part::supervisor::measure(arguments).await,
        Part::Network(arguments) => part::network::measure(arguments).await,
        Part::ServeVictim(arguments) => return part::api::serve(&arguments).await,
        Part::HandOver(arguments) => return part::exec::hand_over(&arguments),
    }?;
    println!("{}", report.markdown());
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(&file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    if let Some(directory) = plots {
        fs::create_dir_all(&directory)?;
        for (name, plot) in &report.plots {
            svg::save(directory.join(name).with_extension("svg"), &plot.svg())?;
        }
    }
    Ok(())
}
