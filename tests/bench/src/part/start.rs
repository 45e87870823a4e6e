//! How long a person waits: `demo-auto` sessions one after another, by turns one whose VM boots, one that begins with a snapshot,
//! one that was ready before, and a VM as the original had it; every mark of the VM's timeline. And what a VM takes up while it
//! waits: the agent's roles in the guest, and the processes of the host that stand for it. The first run of each kind warms the
//! page cache, or makes the snapshot, and is not counted.

pub(super) mod lane;

use anteroom_tests::Turn;
use anyhow::{Context as _, Result};
use lane::{ASSIGNED, Beginning, Lane, ORIGINAL, ROLES, TO_8080, TO_ETH0};

use crate::{
    original::Image,
    plot::Plot,
    report::{Figure, Report, Wanted},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many are counted; one of each kind before them is not.
    #[arg(default_value_t = 5)]
    pub(super) runs: usize,
    /// The image profile of their VMs; `test` has no browser, as the original's has none here.
    #[arg(default_value = "test")]
    pub(super) profile: String,
    /// Boots of the custom kernel, too; its image has to be there.
    #[arg(long)]
    pub(super) custom_kernel: bool,
    /// Boots only: for a daemon whose guests are no VMs and cannot be copied.
    #[arg(long)]
    pub(super) only_boots: bool,
    /// Leave out the VM as the original had it, whose image takes minutes to build the first time.
    #[arg(long)]
    pub(super) without_original: bool,
}

/// What a person waits for.
const MILESTONES: [&str; 9] = [
    ASSIGNED,
    "pid1",
    "network-configured",
    "agent-answered",
    "service:oauth",
    "service:x11vnc",
    "desktop-painted",
    "sign-in-url",
    "credentials",
];

pub(crate) async fn measure(arguments: Arguments) -> Result<Report> {
    let mut report = Report::new("start");
    let snapshots = tempfile::tempdir()?;
    let original = match Image::obstacle() {
        _ if arguments.without_original || arguments.only_boots => None,
        Some(why) => {
            report.note(format!("not beside the original: {why}"));
            None
        }
        None => Some(Image::ensure().await?),
    };
    let _turn = Turn::take()?;
    let mut lanes = Vec::new();
    for beginning in [Beginning::Boot, Beginning::BootOfCustomKernel, Beginning::Snapshot, Beginning::Pool] {
        let wanted = match beginning {
            Beginning::Boot => true,
            Beginning::BootOfCustomKernel => arguments.custom_kernel,
            Beginning::Snapshot | Beginning::Pool => !arguments.only_boots,
        };
        if wanted {
            lanes.push(Lane::ours(beginning, &arguments.profile, snapshots.path()).await?);
        }
    }
    lanes.extend(original.map(Lane::original));
    for run in 0..=arguments.runs {
        for lane in &mut lanes {
            let name = lane.name;
            lane.run(run, snapshots.path()).await.with_context(|| format!("run {run}, {name}"))?;
        }
    }
    let names: Vec<&str> = lanes.iter().map(|lane| lane.name).collect();
    for lane in lanes {
        let name = lane.name;
        let [moments, memory] = lane.end().await?;
        report.spreads(format!("since the request: {name}"), moments);
        report.spreads("resident; of the host, PSS", memory);
    }
    compare(&mut report, &names);
    bars(&mut report);
    Ok(report)
}

/// What a person waits for in every way, and how many times sooner it is there than in another.
fn compare(report: &mut Report, names: &[&str]) {
    let medians = |report: &Report, name: &str| {
        MILESTONES.map(|mark| Some(Figure::new(mark, "ms", vec![report.median(name, mark)?]).of(name)))
    };
    let side_by_side = names.iter().flat_map(|name| medians(report, name)).flatten().collect();
    report.side_by_side("since the request, median", side_by_side);
    let seen = ["service:oauth", "service:x11vnc", "desktop-painted", "sign-in-url"];
    let figures =
        seen.iter().flat_map(|mark| names.iter().filter_map(|name| report.figure(name, mark).cloned()));
    let plot = Plot { title: "From the request".to_owned(), logarithmic: true, figures: figures.collect() };
    report.plot("start", plot);
    for slow in [ORIGINAL, Beginning::Boot.name()] {
        let times = |mark: &str, name: &str| {
            let (than, now) = report.median(slow, mark).zip(report.median(name, mark))?;
            (now > 0.0).then(|| Figure::new(mark, "times", vec![than / now]).of(name))
        };
        let others = || names.iter().filter(|name| **name != slow && **name != ORIGINAL);
        let figures: Vec<Figure> =
            MILESTONES.iter().flat_map(|mark| others().filter_map(|name| times(mark, name))).collect();
        if !figures.is_empty() {
            report.side_by_side(format!("sooner than {slow}"), figures);
        }
    }
}

fn bars(report: &mut Report) {
    let boot = Beginning::Boot.name();
    let painted = |report: &Report, of: &str| report.median(of, "desktop-painted");
    for (beginning, least) in
        [(Beginning::Boot, 5.0), (Beginning::BootOfCustomKernel, 5.0), (Beginning::Snapshot, 20.0)]
    {
        let name = beginning.name();
        if let Some((theirs, ours)) = painted(report, ORIGINAL).zip(painted(report, name)) {
            let what = format!("desktop painted sooner than {ORIGINAL}, from {name}");
            report.bar(what, theirs / ours, Wanted::AtLeast(least), "times");
        }
    }
    // What was ready before can be seen as soon as it is somebody's.
    if let Some((after_boot, ours)) =
        painted(report, boot).zip(report.median(Beginning::Pool.name(), ASSIGNED))
    {
        let what = "a desktop to be seen sooner than after a boot, from the pool";
        report.bar(what, after_boot / ours, Wanted::AtLeast(20.0), "times");
    }
    for (name, most) in [(TO_ETH0, 5.0), (TO_8080, 20.0)] {
        for of in [boot, Beginning::BootOfCustomKernel.name()] {
            if let Some(ms) = report.median(of, name) {
                report.bar(format!("{name}, {of}"), ms, Wanted::AtMost(most), "ms");
            }
        }
    }
    if let Some(kib) = report.median(boot, ROLES) {
        report.bar(ROLES, kib / 1024.0, Wanted::AtMost(20.0), "MiB");
    }
}
