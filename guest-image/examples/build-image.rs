//! Builds one image and shows its progress:
//! `cargo run --release -p anteroom-guest-image --example build-image -- DIRECTORY RECIPE PROFILE [NAME=PROGRAM]...`

use anteroom_guest_image::{Freshness, ImageStore, Inputs, Outcome, Progress, Recipe};
use anyhow::{Context as _, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, recipe, profile, programs @ ..] = arguments.as_slice() else {
        bail!("usage: build-image DIRECTORY RECIPE PROFILE [NAME=PROGRAM]...");
    };
    let mut inputs = Inputs::default();
    for program in programs {
        let (name, path) = program.split_once('=').context("programs are given as NAME=PATH")?;
        inputs = inputs.with_program(name, path);
    }
    let recipe = Recipe::embedded(recipe)?;
    let image = ImageStore::open(directory)?.build(&recipe, profile, &inputs, Freshness::Reuse, &mut show)?;
    println!("kernel   {}", image.kernel.image.display());
    if let Some(modules) = &image.kernel.modules {
        println!("modules  {}", modules.path.display());
    }
    for layer in &image.layers {
        println!("layer    {}", layer.display());
    }
    Ok(())
}

fn show(progress: Progress<'_>) {
    match progress {
        Progress::Waiting => eprintln!("waiting for another build"),
        Progress::Step { number, of, what } => eprintln!("[{number}/{of}] {what}"),
        Progress::Line(line) => eprintln!("      {line}"),
        Progress::Done { number, of, what, outcome: Outcome::Reused } => {
            eprintln!("[{number}/{of}] {what}: unchanged")
        }
        Progress::Done { number, of, what, outcome: Outcome::Built { elapsed, size_bytes } } => {
            eprintln!(
                "[{number}/{of}] {what}: {:.1} s, {} MB",
                elapsed.as_secs_f32(),
                size_bytes / 1_000_000
            );
        }
    }
}
