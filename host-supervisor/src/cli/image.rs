//! `anteroom image`: build, list, verify. Needs no daemon.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use anteroom_guest_image::{
    Depth, Error, Freshness, Image, ImageStore, ImageSummary, Outcome, Progress as Step,
};
use serde_json::{Value, json};

use super::{
    args::ImageCommand,
    exit::{Exit, Problem},
    show::{self, Progress},
};
use crate::{
    config::Config,
    daemon::{layer_inputs, recipe},
    failure::causes,
};

/// Longest line of a tool that is shown while it runs, in characters: one row of a terminal.
const MAX_LINE_CHARS: usize = 90;

pub(super) fn run(command: &ImageCommand, config: &Config) -> Result<Exit, Problem> {
    match command {
        ImageCommand::Build(arguments) => {
            let freshness = if arguments.update { Freshness::Update } else { Freshness::Reuse };
            let image = build(config, &config.image_profile, freshness)?;
            report(&image, arguments.json)?;
            // Nobody has asked for one of them: the other kind of VM needs its own.
            if !arguments.names_a_profile() && !arguments.json {
                report(&build(config, &config.prompt.profile, freshness)?, false)?;
            }
            Ok(Exit::Ok)
        }
        ImageCommand::Ls { json } => list(config, *json),
        ImageCommand::Verify { contents, profile } => {
            verify(config, profile.as_deref(), if *contents { Depth::Contents } else { Depth::Files })
        }
    }
}

/// Builds the configured images, with a desktop and without, if they are missing or out of date.
pub(super) fn ensure(config: &Config) -> Result<(), Problem> {
    for profile in [&config.image_profile, &config.prompt.profile] {
        match ImageStore::open(&config.image_dir)?.find(&recipe(config)?, profile, &layer_inputs()) {
            Ok(_) => {}
            Err(Error::Missing(missing)) => {
                let reasons = missing.reasons.join(", ");
                show::line(format_args!("The VM image {profile} is built first: {reasons}"));
                build(config, profile, Freshness::Reuse)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn build(config: &Config, profile: &str, freshness: Freshness) -> Result<Image, Problem> {
    let mut progress = Progress::new();
    let mut current = String::new();
    let mut tell = |step: Step<'_>| match step {
        Step::Waiting => progress.say("another build is running; waiting for it"),
        Step::Step { number, of, what } => {
            current = format!("[{number}/{of}] {what}");
            progress.say(&current);
        }
        Step::Line(line) => progress.detail(&current, &line.chars().take(MAX_LINE_CHARS).collect::<String>()),
        Step::Done { number, of, what, outcome } => {
            progress.done(&format!("[{number}/{of}] {what}: {}", words(outcome)))
        }
    };
    let store = ImageStore::open(&config.image_dir)?;
    Ok(store.build(&recipe(config)?, profile, &layer_inputs(), freshness, &mut tell)?)
}

fn words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Reused => "unchanged".to_owned(),
        Outcome::Built { elapsed, size_bytes } => format!("{}, {}", seconds(elapsed), megabytes(size_bytes)),
    }
}

fn report(image: &Image, as_json: bool) -> Result<(), Problem> {
    let manifest = &image.manifest;
    if as_json {
        return show::json(&json!({
            "profile": manifest.profile.to_string(),
            "recipe": manifest.recipe.to_string(),
            "digest": manifest.digest().to_string(),
            "size_bytes": manifest.size_bytes(),
            "kernel": image.kernel.image,
            "kernel_kind": manifest.kernel.kind().to_string(),
            "layers": image.layers,
        }));
    }
    let size = megabytes(manifest.size_bytes());
    show::line(format_args!(
        "image {} of {}: {size}, {}",
        manifest.profile,
        manifest.distribution,
        manifest.digest()
    ));
    Ok(())
}

fn list(config: &Config, as_json: bool) -> Result<Exit, Problem> {
    let images = ImageStore::open(&config.image_dir)?.list()?;
    if as_json {
        show::json(&images.iter().map(summary).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let mut table = show::table(&["RECIPE", "PROFILE", "KERNEL", "SIZE", "BUILT", "STATE", "DIGEST"]);
    show::align_right(&mut table, 3);
    for image in &images {
        let manifest = &image.image.manifest;
        table.add_row([
            manifest.recipe.to_string(),
            manifest.profile.to_string(),
            manifest.kernel.kind().to_string(),
            megabytes(image.size_bytes),
            show::span_since(image.built_at),
            state(image).to_owned(),
            image.digest.to_string().chars().take(19).collect(),
        ]);
    }
    show::line(table);
    Ok(Exit::Ok)
}

fn summary(image: &ImageSummary) -> Value {
    let built_at = image.built_at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    json!({
        "recipe": image.image.manifest.recipe.to_string(),
        "profile": image.image.manifest.profile.to_string(),
        "kernel_kind": image.image.manifest.kernel.kind().to_string(),
        "digest": image.digest.to_string(),
        "size_bytes": image.size_bytes,
        "built_at_unix": built_at,
        "complete": image.is_complete,
        "in_use": image.is_in_use,
    })
}

fn state(image: &ImageSummary) -> &'static str {
    match (image.is_complete, image.is_in_use) {
        (false, _) => "damaged",
        (true, true) => "in use",
        (true, false) => "ready",
    }
}

fn verify(config: &Config, profile: Option<&str>, depth: Depth) -> Result<Exit, Problem> {
    let mut progress = Progress::new();
    let mut tell = |path: &Path| progress.say(&format!("reading {}", path.display()));
    let verified = ImageStore::open(&config.image_dir)?.verify(profile, depth, &mut tell)?;
    drop(progress);
    if verified.findings.is_empty() {
        show::line(format_args!(
            "{} files, {}: all of them as they were built",
            verified.files,
            megabytes(verified.bytes)
        ));
        return Ok(Exit::Ok);
    }
    let lines =
        verified.findings.iter().map(|finding| format!("{} {}", finding.path.display(), finding.damage));
    let message = "some files are not what was built; remove them, then run `anteroom image build`";
    Err(Problem::failed(message).with_lines(lines))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Recipe(_) | Error::NoProfile { .. } => Exit::Usage,
            Error::Missing(_) => Exit::NotFound,
            _ => Exit::Failed,
        };
        Self::new(exit, causes(&error))
    }
}
