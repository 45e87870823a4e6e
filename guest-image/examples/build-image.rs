//! Builds one image and shows its progress:
//! `cargo run --release -p anteroom-guest-image --example build-image -- DIRECTORY RECIPE PROFILE [NAME=PROGRAM]...`

use std::process::ExitCode;

use anteroom_guest_image::{Error, Freshness, ImageStore, Inputs, Outcome, Progress, Recipe};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, recipe, profile, programs @ ..] = arguments.as_slice() else {
        eprintln!("usage: build-image DIRECTORY RECIPE PROFILE [NAME=PROGRAM]...");
        return ExitCode::from(2);
    };
    match build(directory, recipe, profile, programs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("build-image: {e}");
            ExitCode::FAILURE
        }
    }
}

fn build(directory: &str, recipe: &str, profile: &str, programs: &[String]) -> Result<(), Error> {
    let inputs = programs
        .iter()
        .filter_map(|program| program.split_once('='))
        .fold(Inputs::default(), |inputs, (name, path)| inputs.with_program(name, path));
    let recipe = Recipe::embedded(recipe)?;
    let image = ImageStore::open(directory)?.build(&recipe, profile, &inputs, Freshness::Reuse, &mut show)?;
    println!("kernel   {}", image.kernel.image.display());
    println!("modules  {}", image.kernel.modules_archive.display());
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
