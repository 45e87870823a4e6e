//! What an image costs that is made from nothing: time, and bytes of each of its parts, beside the original's. The packages
//! come from wherever apt has them, so that the times are those of this machine's network as well.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anteroom_tests::{
    Daemon, Turn,
    daemon::{self, Options},
};
use anyhow::{Result, ensure};

use super::start::lane::ORIGINAL;
use crate::{
    original::Image,
    report::{Figure, Report, Wanted},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image profile.
    #[arg(default_value = "test")]
    profile: String,
}

const OURS: &str = "Anteroom";
const INITRAMFS: &str = "initramfs";

pub(crate) async fn measure(Arguments { profile }: Arguments) -> Result<Report> {
    let mut report = Report::new("image");
    let _turn = Turn::take()?;
    let directory = tempfile::tempdir()?;
    let environment =
        BTreeMap::from([("ANTEROOM_IMAGE_DIR".to_owned(), directory.path().display().to_string())]);
    let begin = Instant::now();
    let built = daemon::image_build(&profile, &environment).await?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // The initramfs and the agent's disk are made when a daemon starts.
    let daemon = Daemon::start("bench-image", &profile, Options { environment, config: None }).await?;
    let session = daemon.start_session("demo", "bench").await?;
    daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    daemon.stop().await?;

    let part = |name: &str| stored_mib(&directory.path().join(name), &["json", "jsonl", "lease"]);
    let mut figures = vec![
        Figure::new("built from nothing", "s", vec![seconds]).of(OURS),
        Figure::new("kernel, with all that is kept of it", "MiB", vec![part("kernels")?]).of(OURS),
        Figure::new(INITRAMFS, "MiB", vec![part("initrds")?]).of(OURS),
        Figure::new("the agent's disk", "MiB", vec![part("agents")?]).of(OURS),
        Figure::new("root", "MiB", vec![part("layers")?]).of(OURS),
    ];
    match Image::obstacle() {
        Some(why) => report.note(format!("not beside the original: {why}")),
        None => {
            let image = Image::ensure().await?;
            let [kernel, initramfs, root] = image.sizes_mib()?;
            figures.extend([
                Figure::new("built from nothing", "s", vec![image.seconds()?]).of(ORIGINAL),
                Figure::new("kernel, with all that is kept of it", "MiB", vec![kernel]).of(ORIGINAL),
                Figure::new(INITRAMFS, "MiB", vec![initramfs]).of(ORIGINAL),
                Figure::new("root", "MiB", vec![root]).of(ORIGINAL),
            ]);
            report.note("the original's time is that of the day on which its image was built here");
        }
    }
    report.side_by_side("image", figures);
    if let Some(mib) = report.median(OURS, INITRAMFS) {
        report.bar(INITRAMFS, mib, Wanted::AtMost(3.0), "MiB");
    }
    Ok(report)
}

/// What the files below a directory take up of the disk, but for notes about them.
fn stored_mib(directory: &Path, notes: &[&str]) -> Result<f64> {
    let mut sum = 0.0;
    let mut left: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            let metadata = fs::metadata(&path)?;
            let is_note = path.extension().is_some_and(|ext| notes.iter().any(|note| ext == *note));
            if metadata.is_dir() {
                left.push(path);
            } else if !is_note {
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let mib = metadata.blocks() as f64 * 512.0 / 1_048_576.0;
                sum += mib;
            }
        }
    }
    Ok(sum)
}
