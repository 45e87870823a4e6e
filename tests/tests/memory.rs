//! Memory that a guest has freed is this machine's again: of a VM that began with a snapshot, also after it was on the disk.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What a program of the guest's uses, and how much of that has to come back.
const USED_MIB: f64 = 500.0;
const BACK_MIB: f64 = 400.0;
/// A guest tells of what it has freed every two seconds, in pieces.
const PATIENCE: Duration = Duration::from_secs(60);
/// To a VM that began with a snapshot, under emulation.
const PREPARATION: Duration = Duration::from_secs(300);
/// `tail` keeps all of it, says that it has, and ends when it is told to.
const USE: &str = "head -c 500M /dev/zero | (tail -c 500M | (head -c 1 >/dev/null; touch /dev/shm/used; \
                   until [ -e /dev/shm/free ]; do sleep 0.2; done)); rm /dev/shm/free";

#[tokio::test]
async fn what_a_guest_has_freed_is_the_hosts_again_before_and_after_it_was_on_the_disk() -> Result<()> {
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    let settings = [
        ("ANTEROOM_SNAPSHOT_USE", "true"),
        ("ANTEROOM_SNAPSHOT_DIR", snapshots.path().to_str().context("UTF-8")?),
        ("ANTEROOM_POOL_MIN", "1"),
        ("ANTEROOM_POOL_MAX", "1"),
        ("ANTEROOM_VM_BROWSER_MEMORY_MIB", "1536"),
    ];
    let environment: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let daemon = Daemon::start("memory", "test", Options { environment, ..Options::default() }).await?;
    a_clone_waits(&daemon).await?;
    let session = daemon.start_session("demo", "alice").await?;
    let shown = daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?.to_owned();
    let origin = daemon.fetch(&format!("/api/vms/{vm}")).await?["vm"]["origin"].take();
    ensure!(origin["begun"]["from"] == "snapshot", "{origin}");

    memory_comes_back(&daemon, &vm, "a clone").await?;
    said(&daemon, &["vm", "hibernate", &vm]).await?;
    let memory = daemon.state_dir().join("vms").join(&vm).join("memory.sealed");
    let mib = std::fs::metadata(memory)?.len() >> 20;
    eprintln!("on the disk: {mib} MiB");
    ensure!(mib < 500, "what was freed lies on the disk: {mib} MiB");
    memory_comes_back(&daemon, &vm, "a VM that was on the disk").await?;
    daemon.stop().await
}

async fn memory_comes_back(daemon: &Daemon, vm: &str, what: &str) -> Result<()> {
    said(daemon, &["exec", vm, "-n", "--", "true"]).await?;
    let before = pss_mib(vm)?;
    said(daemon, &["exec", vm, "--detach", "--", "sh", "-c", USE]).await?;
    said(daemon, &["exec", vm, "-n", "--", "sh", "-c", "until [ -e /dev/shm/used ]; do sleep 0.2; done"])
        .await?;
    let used = pss_mib(vm)?;
    ensure!(used - before > USED_MIB * 0.9, "{what}: {before:.0} MiB, and {used:.0} MiB with the program");
    said(daemon, &["exec", vm, "-n", "--", "sh", "-c", "rm /dev/shm/used; touch /dev/shm/free"]).await?;
    let begin = Instant::now();
    let mut after = used;
    while used - after < BACK_MIB {
        ensure!(begin.elapsed() < PATIENCE, "{what}: {used:.0} MiB were used, and {after:.0} MiB are still");
        tokio::time::sleep(Duration::from_millis(200)).await;
        after = pss_mib(vm)?;
    }
    let ms = begin.elapsed().as_millis();
    eprintln!(
        "{what}: {before:.0} MiB, {used:.0} MiB with a program of 500, {after:.0} MiB {ms} ms after its end"
    );
    Ok(())
}

/// Of its QEMU and what belongs to that.
fn pss_mib(vm: &str) -> Result<f64> {
    let processes = machine::processes_mentioning(vm);
    let pids = processes.iter().filter_map(|process| process.split_once(' ')?.0.parse::<u32>().ok());
    let kib: f64 = pids.filter_map(|pid| machine::pss_kib(pid).ok()).sum();
    ensure!(kib > 0.0, "the VM's processes are not seen: {processes:?}");
    Ok(kib / 1024.0)
}

/// One that booted, because the snapshot was late, is not waited with.
async fn a_clone_waits(daemon: &Daemon) -> Result<()> {
    let begin = Instant::now();
    loop {
        let vms = daemon.fetch("/api/vms").await?["vms"].take();
        let waits = |vm: &&Value| vm["phase"] == "ready" && vm["session_id"].is_null();
        if daemon.log().contains("a snapshot is made")
            && let Some(vm) = vms.as_array().into_iter().flatten().find(waits)
        {
            let id = vm["id"].as_str().context("an id")?;
            if daemon.fetch(&format!("/api/vms/{id}")).await?["vm"]["origin"]["from"] == "snapshot" {
                return Ok(());
            }
            daemon.call(reqwest::Method::DELETE, &format!("/api/vms/{id}"), None).await?;
        }
        ensure!(begin.elapsed() < PREPARATION, "no clone waits: {}", daemon.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn said(daemon: &Daemon, arguments: &[&str]) -> Result<String> {
    let output = daemon.cli(arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
