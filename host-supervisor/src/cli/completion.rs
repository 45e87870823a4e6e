//! What a shell completes: commands and options as they are defined, and the names of VMs that live.
//!
//! A shell asks by running this program with `COMPLETE` in its environment; `COMPLETE=bash anteroom` prints what teaches it to.

use std::{ffi::OsStr, time::Duration};

use clap::CommandFactory as _;
use clap_complete::{CompleteEnv, CompletionCandidate};
use serde_json::Value;

use super::{args::Arguments, client::Client, environment, vm_name};
use crate::config::{Config, Layers};

/// Nobody waits longer for a suggestion.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers a shell that asks, and ends then.
pub(super) fn answer() {
    CompleteEnv::with_factory(Arguments::command).complete();
}

/// What VMs are called that begin like this: none when no daemon answers.
pub(super) fn vm_names(beginning: &OsStr) -> Vec<CompletionCandidate> {
    let Some(beginning) = beginning.to_str() else { return Vec::new() };
    let vms = living().unwrap_or_default();
    vm_name::names(&vms)
        .filter(|(name, _)| name.starts_with(beginning))
        .map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into())))
        .collect()
}

/// The daemon that the configuration without flags names.
fn living() -> Option<Value> {
    let environment = environment();
    let config = Config::load(&Layers::gather(&environment, None, &[]).ok()?).ok()?;
    let client = Client::new(&config, &environment).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, client.get("/api/vms")).await });
    Some(answer.ok()?.ok()?["vms"].take())
}
