//! `anteroom snapshot`: build, list, show, verify, remove. Needs no daemon; one that runs makes what it needs by itself.

use std::time::Duration;

use serde_json::Value;

use super::{
    args::SnapshotCommand,
    exit::{Exit, Problem},
    show::{self, Progress},
};
use crate::{
    config::Config,
    daemon::{self, golden},
    failure::causes,
    snapshots::{Manifest, Shelf, ShelfError, Snapshot},
};

const KEY_CHARS: usize = 12;

pub(super) fn run(command: &SnapshotCommand, config: &Config) -> Result<Exit, Problem> {
    let shelf = daemon::shelf(config);
    match command {
        SnapshotCommand::Build { json, .. } => build(config, *json),
        SnapshotCommand::Ls { json } => list(&shelf, *json),
        SnapshotCommand::Show { key } => {
            show::json(&shelf.named(key)?.manifest)?;
            Ok(Exit::Ok)
        }
        SnapshotCommand::Verify { key } => verify(&shelf, key.as_deref()),
        SnapshotCommand::Rm { keys, all } => remove(&shelf, keys, *all),
    }
}

fn build(config: &Config, as_json: bool) -> Result<Exit, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut progress = Progress::new();
    let built = runtime.block_on(golden::build(config, || {
        progress.say("a VM boots, and is written to files once its desktop is painted");
    }));
    let (snapshot, is_new) = built.map_err(|error| Problem::failed(causes(&error)))?;
    if as_json {
        show::json(&snapshot.manifest)?;
        return Ok(Exit::Ok);
    }
    let Manifest { key, build_ms, .. } = &snapshot.manifest;
    let size = megabytes(snapshot.manifest.stored_bytes());
    let how = if is_new { format!("made in {}", seconds(*build_ms)) } else { "there already".to_owned() };
    progress.done(&format!("snapshot {key}: {size}, {how}"));
    Ok(Exit::Ok)
}

fn list(shelf: &Shelf, as_json: bool) -> Result<Exit, Problem> {
    let snapshots = shelf.list()?;
    if as_json {
        let whole: Vec<&Manifest> = snapshots.iter().flatten().map(|snapshot| &snapshot.manifest).collect();
        show::json(&whole)?;
        return Ok(Exit::Ok);
    }
    if snapshots.is_empty() {
        show::line(
            "There are no snapshots; a daemon makes one when it has nothing else to do, or: anteroom snapshot build",
        );
        return Ok(Exit::Ok);
    }
    let mut table = show::table(&["KEY", "PROFILE", "VMM", "SHAPE", "SIZE", "TOOK", "MADE"]);
    show::align_right(&mut table, 4);
    for snapshot in &snapshots {
        match snapshot {
            Ok(snapshot) => table.add_row(row(snapshot)),
            Err(error) => table.add_row([causes(error)]),
        };
    }
    show::line(table);
    Ok(Exit::Ok)
}

fn row(Snapshot { manifest, .. }: &Snapshot) -> [String; 7] {
    let conditions = &manifest.conditions;
    let number = |field: &str| conditions[field].as_u64().unwrap_or_default();
    [
        manifest.key.as_str().chars().take(KEY_CHARS).collect(),
        manifest.profile.clone(),
        vmm(&conditions["vmm"]),
        format!("{} vCPU, {} MiB", number("vcpus"), number("memory_mib")),
        megabytes(manifest.stored_bytes()),
        seconds(manifest.build_ms),
        show::span_since(manifest.made_at.into()),
    ]
}

/// `qemu 10.0.2`: the first of its conditions is named like the program.
fn vmm(conditions: &Value) -> String {
    ["qemu", "firecracker"]
        .into_iter()
        .find_map(|program| Some(format!("{program} {}", conditions[program].as_str()?)))
        .unwrap_or_default()
}

fn verify(shelf: &Shelf, key: Option<&str>) -> Result<Exit, Problem> {
    let snapshots = match key {
        Some(key) => vec![shelf.named(key)],
        None => shelf.list()?,
    };
    let mut exit = Exit::Ok;
    for snapshot in snapshots {
        match snapshot.and_then(|snapshot| snapshot.verify().map(|()| snapshot)) {
            Ok(snapshot) => show::line(format_args!("{}: as it was made", snapshot.manifest.key)),
            Err(error) => {
                exit = Exit::Failed;
                show::line(causes(&error));
            }
        }
    }
    Ok(exit)
}

fn remove(shelf: &Shelf, keys: &[String], all: bool) -> Result<Exit, Problem> {
    let named = keys.iter().map(|key| shelf.named(key)).collect::<Result<Vec<_>, _>>()?;
    let every = if all { shelf.list()? } else { Vec::new() };
    for Snapshot { manifest, .. } in every.into_iter().flatten().chain(named) {
        shelf.remove(&manifest.key)?;
        show::line(format_args!("{} is removed", manifest.key));
    }
    Ok(Exit::Ok)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", Duration::from_millis(ms).as_secs_f64())
}

impl From<ShelfError> for Problem {
    fn from(error: ShelfError) -> Self {
        Self::failed(causes(&error))
    }
}
