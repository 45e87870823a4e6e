//! A failure is named: the session says what happened, in the words of what failed, within seconds of its happening.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anteroom_guest_image::{ImageStore, Inputs, Recipe};
use anteroom_tests::{Daemon, Turn, daemon, daemon::Options, machine, workspace};
use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// From the moment something breaks to a session that says so.
const SOON: Duration = Duration::from_secs(5);

fn setting(name: &str, value: impl ToString) -> Options {
    Options { environment: BTreeMap::from([(name.to_owned(), value.to_string())]), ..Options::default() }
}

/// All that a person gets to read about a failed session.
fn story(session: &Value) -> String {
    session["failure"].to_string()
}

#[tokio::test]
async fn a_guest_with_too_little_memory_is_reported_with_the_kernels_own_words() -> Result<()> {
    let _turn = Turn::take()?;
    let daemon =
        Daemon::start("too-little-memory", "test", setting("ANTEROOM_VM_BROWSER_MEMORY_MIB", 64)).await?;
    let session = daemon.start_session("demo-auto", "alice").await?;
    let session = daemon.wait_for(&session, &["failed"]).await?;
    let story = story(&session).to_lowercase();
    ensure!(story.contains("memory"), "the cause is not named: {session:#}");
    daemon.stop().await
}

#[tokio::test]
async fn a_guest_whose_agents_disk_is_not_there_says_so_and_ends() -> Result<()> {
    let _turn = Turn::take()?;
    let store = ImageStore::open(daemon::image_dir()?)?;
    let inputs = Inputs::default().with_program("anteroom-demo", daemon::guest_binary("anteroom-demo"));
    let kernel = store.find(&Recipe::embedded("debian-12")?, "test", &inputs)?.kernel;
    let modules = kernel.modules.as_ref().context("a stock kernel's modules")?;
    let mut qemu = tokio::process::Command::new("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-display", "none", "-no-reboot", "-machine", "q35", "-accel", "tcg"])
        .args(["-cpu", "max", "-m", "256M", "-serial", "stdio", "-append"])
        .arg("console=ttyS0 loglevel=4 panic=-1 cryptomgr.notests root=/dev/vda")
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(store.initrd(modules, &daemon::guest_binary("anteroom-loader"))?)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(60), qemu.output()).await.context("it hangs")??;
    let said = String::from_utf8_lossy(&ended.stdout);
    ensure!(said.contains("anteroom: fatal: /dev/vda did not appear within 3 s"), "{said}");
    ensure!(ended.status.success() && said.contains("Power down"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_missing_kernel_is_reported_with_its_path_and_the_remedy() -> Result<()> {
    let _turn = Turn::take()?;
    let images = tempfile::Builder::new().prefix("anteroom-test-").tempdir_in(workspace().join("target"))?;
    link_tree(&daemon::image_dir()?, images.path())?;
    let daemon =
        Daemon::start("missing-kernel", "test", setting("ANTEROOM_IMAGE_DIR", images.path().display()))
            .await?;
    fs::remove_dir_all(images.path().join("kernels"))?;

    let (since, session) = (Instant::now(), daemon.start_session("demo-auto", "alice").await?);
    let session = daemon.wait_for(&session, &["failed"]).await?;
    ensure!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
    let story = story(&session);
    ensure!(story.contains("kernel") && story.contains("anteroom image build"), "no remedy: {session:#}");

    let table = daemon.cli(&["session", "show", session["session_id"].as_str().context("an id")?]).await?;
    let shown = String::from_utf8_lossy(&table.stdout).into_owned();
    ensure!(shown.contains("kernel"), "the command line does not show the cause: {shown}");
    daemon.stop().await
}

#[tokio::test]
async fn a_service_that_cannot_start_is_reported_with_its_last_lines() -> Result<()> {
    let _turn = Turn::take()?;
    let recipe = tempfile::NamedTempFile::with_suffix(".toml")?;
    fs::write(recipe.path(), recipe_with_a_broken_x11vnc()?)?;
    let options = setting("ANTEROOM_IMAGE_RECIPE", recipe.path().display());
    let built = daemon::image_build("broken", &options.environment).await?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let daemon = Daemon::start("broken-service", "broken", options).await?;
    let session = daemon.start_session("demo-auto", "alice").await?;
    let session = daemon.wait_for(&session, &["failed"]).await?;
    ensure!(story(&session).contains("x11vnc"), "the service is not named: {session:#}");
    daemon.stop().await
}

#[tokio::test]
async fn a_vmm_that_dies_ends_the_session_within_seconds() -> Result<()> {
    let _turn = Turn::take()?;
    let daemon = Daemon::start("dead-vmm", "test", Options::default()).await?;
    let session = daemon.start_session("demo", "alice").await?;
    let living = daemon.wait_for(&session, &["ready", "awaiting_user_auth"]).await?;
    let vm = living["vm_id"].as_str().context("a VM")?;
    let qemu = machine::processes_mentioning(vm)
        .into_iter()
        .find(|process| process.contains("qemu-system"))
        .context("the VM's QEMU is running")?;
    let pid = qemu.split(' ').next().context("a pid")?.parse()?;

    let since = Instant::now();
    kill(Pid::from_raw(pid), Signal::SIGKILL)?;
    let failed = daemon.wait_for(&session, &["failed"]).await?;
    ensure!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
    ensure!(story(&failed).to_lowercase().contains("qemu"), "the cause is not named: {failed:#}");
    daemon.stop().await
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_the_address_and_what_to_do() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let state = tempfile::tempdir()?;
    let output = tokio::process::Command::new(daemon::binary())
        .arg("serve")
        .env("ANTEROOM_LISTEN", &address)
        .env("ANTEROOM_STATE_DIR", state.path().join("state"))
        .env("ANTEROOM_IMAGE_PROFILE", "test")
        .env("ANTEROOM_AGENT", daemon::guest_binary("anteroom-agent"))
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success());
    ensure!(said.contains(&address) && said.contains("ANTEROOM_LISTEN"), "{said}");
    Ok(())
}

/// The recipe that Anteroom ships, with one more layer that puts a dangling link where x11vnc was.
fn recipe_with_a_broken_x11vnc() -> Result<String> {
    let text = fs::read_to_string(workspace().join("guest-image/recipes/debian-12.toml"))?;
    let mut recipe: toml::Table = text.parse()?;
    let layer = toml::toml! { links = { "/usr/bin/x11vnc" = "/nowhere/x11vnc" } };
    let files = recipe.get_mut("files").and_then(toml::Value::as_table_mut).context("files layers")?;
    files.insert("broken".into(), layer.into());
    let profiles = recipe.get_mut("profiles").and_then(toml::Value::as_table_mut).context("profiles")?;
    let mut layers = profiles["test"].as_array().context("a list of layers")?.clone();
    layers.push("broken".into());
    profiles.insert("broken".into(), layers.into());
    Ok(recipe.to_string())
}

/// The same files under another directory, without copying them.
fn link_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
