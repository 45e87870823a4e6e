//! A VM that is put to disk in the middle of a sign-in, with the real Codex CLI: nothing of it runs then, nothing that it knows lies on
//! the disk in clear, and it is the same machine when somebody comes, although its daemon was killed meanwhile.

use std::{
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_demo::idp::{Consent, Profile, SecretKind};
use anteroom_tests::{Daemon, Scene, machine};
use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::json;
use time::OffsetDateTime;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Counts on, in a file of the guest's memory.
const COUNT: &str = "i=0; while :; do i=$((i+1)); echo $i >/dev/shm/count; sleep 0.1; done";
/// What the guest's clock may be off after it was woken.
const MOST_OFF: Duration = Duration::from_millis(50);
const ASLEEP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_sign_in_goes_on_after_its_vm_was_on_the_disk_and_its_daemon_was_killed() -> Result<()> {
    let mut scene = Scene::set("hibernation", Profile::openai(Consent::Asked)).await?;
    let (session, vm) = begun(&scene).await?;
    let marker = format!("marker-{}", OffsetDateTime::now_utc().unix_timestamp_nanos());
    write(&scene.daemon, &vm, "/dev/shm/marker", &marker).await?;
    said(&scene.daemon, &["exec", &vm, "--detach", "--", "sh", "-c", COUNT]).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before: u64 = read(&scene.daemon, &vm, "/dev/shm/count").await?.parse()?;
    ensure!(!machine::processes_mentioning(&vm).is_empty(), "the test sees the VM's processes");
    // From here on it is the VM of a daemon that did not launch it.
    scene.daemon.replace_after(Signal::SIGKILL).await?;
    scene.daemon.until(&session, |session| session["oauth_url"].is_string()).await?;
    a_full_disk_is_told_and_the_guest_goes_on(&scene.daemon, &vm).await?;
    let before_sleep: u64 = read(&scene.daemon, &vm, "/dev/shm/count").await?.parse()?;
    ensure!(before_sleep > before, "the program has not gone on");
    let before = before_sleep;
    let boot = read(&scene.daemon, &vm, "/proc/sys/kernel/random/boot_id").await?;

    // Who only looks, as the console does, keeps no VM awake, and has none woken.
    let looking = look(&scene.daemon, &vm).await?;
    let begin = Instant::now();
    let shown = said(&scene.daemon, &["vm", "hibernate", &vm]).await?;
    let took = begin.elapsed();
    ensure!(shown.contains("hibernates"), "{shown}");
    let memory = directory(&scene.daemon, &vm).join("memory.sealed");
    let bytes = std::fs::metadata(&memory)?.len();
    eprintln!("to the disk in {} ms, {} MiB there", took.as_millis(), bytes >> 20);
    it_is_on_the_disk(&scene.daemon, &session, &vm).await?;
    // What the guest knew: ours, and the state of the sign-in.
    let secrets = scene.secrets();
    let known: Vec<&str> = secrets.iter().map(String::as_str).chain([marker.as_str()]).collect();
    let clear = machine::files_holding(&scene.daemon.state_dir(), &known);
    ensure!(clear.is_empty(), "it lies in clear in {clear:?}");
    ensure!(
        !holds(&directory(&scene.daemon, &vm).join("disk.img"), &marker).await?,
        "it lies on the VM's disk"
    );

    drop(looking);
    scene.daemon.replace_after(Signal::SIGKILL).await?;
    let mut looking = look(&scene.daemon, &vm).await?;
    tokio::time::sleep(ASLEEP).await;
    it_is_on_the_disk(&scene.daemon, &session, &vm).await?;

    let begin = Instant::now();
    let after: u64 = read(&scene.daemon, &vm, "/dev/shm/count").await?.parse()?;
    eprintln!("a program of its answered {} ms after it was asked for", begin.elapsed().as_millis());
    ensure!((before..before + 40).contains(&after), "it counted from {before} to {after} while it was away");
    hears_a_service(&mut looking).await?;
    drop(looking);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later: u64 = read(&scene.daemon, &vm, "/dev/shm/count").await?.parse()?;
    ensure!(later > after, "the program does not go on");
    assert_eq!(read(&scene.daemon, &vm, "/dev/shm/marker").await?, marker);
    assert_eq!(read(&scene.daemon, &vm, "/proc/sys/kernel/random/boot_id").await?, boot, "the same machine");
    let off = off(&scene.daemon, &vm).await?;
    eprintln!("its clock is off by {} ms at most", off.as_millis());
    ensure!(off < MOST_OFF, "the clock is off by {off:?}");
    ensure!(!memory.exists(), "what it was woken from is still there");

    // The daemon hears again what only the guest knows, and the CLI still waits at its port.
    let waiting = scene.daemon.until(&session, |session| session["oauth_url"].is_string()).await?;
    let link = waiting["oauth_url"].as_str().context("an address")?;
    let callback = scene.person.allow(link).await?;
    let path = format!("/api/auth/session/{session}/callback");
    let (status, answer) = scene.daemon.call(Method::POST, &path, Some(&json!({ "url": callback }))).await?;
    ensure!(status.is_success(), "{status}: {answer}");
    let captured = scene.completed(&session).await?;
    assert_eq!(captured["credentials"]["tokens"]["access_token"], scene.issued(SecretKind::AccessToken)?);

    a_changed_memory_is_refused(&scene).await?;
    scene.end().await
}

/// Follows the VM and one of its services.
async fn look(daemon: &Daemon, vm: &str) -> Result<reqwest::Response> {
    let request = reqwest::Client::new().get(daemon.url(&format!("/api/vms/{vm}/live?log=x11vnc")));
    Ok(request.bearer_auth(&daemon.key).send().await?.error_for_status()?)
}

/// The same stream goes on when the VM does.
async fn hears_a_service(looking: &mut reqwest::Response) -> Result<()> {
    let mut heard = String::new();
    let hears = async {
        while !heard.contains("event: log") {
            let piece = looking.chunk().await?.context("the stream has ended")?;
            heard.push_str(&String::from_utf8_lossy(&piece));
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), hears).await.context("nothing of the service")??;
    ensure!(heard.contains("hibernated"), "it was on the disk meanwhile: {heard}");
    Ok(())
}

/// Everything comes to nothing when its devices are taken out and it stands still already.
async fn a_full_disk_is_told_and_the_guest_goes_on(daemon: &Daemon, vm: &str) -> Result<()> {
    let part = directory(daemon, vm).join("memory.sealed.part");
    std::os::unix::fs::symlink("/dev/full", &part)?;
    let (status, refused) = daemon.call(Method::POST, &format!("/api/vms/{vm}/hibernate"), None).await?;
    ensure!(status == StatusCode::INTERNAL_SERVER_ERROR, "{status}: {refused}");
    ensure!(refused["code"] == "hibernation_failed" && refused.to_string().contains("No space"), "{refused}");
    ensure!(std::fs::symlink_metadata(part).is_err(), "it is still there");
    Ok(())
}

/// One bit of another VM's, while it is on the disk.
async fn a_changed_memory_is_refused(scene: &Scene) -> Result<()> {
    let (session, vm) = begun(scene).await?;
    said(&scene.daemon, &["vm", "hibernate", &vm]).await?;
    let mut memory = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(directory(&scene.daemon, &vm).join("memory.sealed"))?;
    let (at, mut byte) = (memory.metadata()?.len() / 2, [0]);
    memory.seek(SeekFrom::Start(at))?;
    memory.read_exact(&mut byte)?;
    memory.seek(SeekFrom::Start(at))?;
    memory.write_all(&[byte[0] ^ 1])?;
    let (status, refused) = scene.daemon.call(Method::POST, &format!("/api/vms/{vm}/wake"), None).await?;
    ensure!(status == StatusCode::GONE, "{status}: {refused}");
    let failed = scene.daemon.wait_for(&session, &["failed"]).await?;
    assert_eq!(failed["failure"]["code"], "hibernation_damaged", "{failed:#}");
    let gone = scene.daemon.vm_gone(&vm).await?;
    assert_eq!(gone["failure"]["code"], "hibernation_damaged", "{gone:#}");
    let left = machine::processes_mentioning(&vm);
    ensure!(left.is_empty(), "processes are left: {left:?}");
    Ok(())
}

/// A sign-in whose page is known: the session and its VM.
async fn begun(scene: &Scene) -> Result<(String, String)> {
    let session = scene.daemon.start_session("codex", "alice").await?;
    let shown = scene.daemon.until(&session, |session| session["oauth_url"].is_string()).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?.to_owned();
    Ok((session, vm))
}

async fn it_is_on_the_disk(daemon: &Daemon, session: &str, vm: &str) -> Result<()> {
    let shown = daemon.fetch(&format!("/api/vms/{vm}")).await?["vm"].take();
    assert_eq!(
        (&shown["status"], &shown["phase"]),
        (&json!("hibernated"), &json!("hibernated")),
        "{shown:#}"
    );
    let shown = daemon.fetch(&format!("/api/auth/session/{session}")).await?["session"].take();
    assert_eq!(shown["vm_status"], "hibernated", "{shown:#}");
    let left = machine::processes_mentioning(vm);
    ensure!(left.is_empty(), "processes are left: {left:?}");
    let sockets = machine::unix_sockets_mentioning(vm);
    ensure!(sockets.is_empty(), "sockets are left: {sockets:?}");
    Ok(())
}

/// How far the guest's clock may be from this host's: asked before and after.
async fn off(daemon: &Daemon, vm: &str) -> Result<Duration> {
    let before = OffsetDateTime::now_utc().unix_timestamp_nanos();
    let clock: i128 = said(daemon, &["exec", vm, "-n", "--", "date", "+%s%N"]).await?.parse()?;
    let after = OffsetDateTime::now_utc().unix_timestamp_nanos();
    let off = (before - clock).max(clock - after).max(0);
    Ok(Duration::from_nanos(u64::try_from(off)?))
}

async fn read(daemon: &Daemon, vm: &str, file: &str) -> Result<String> {
    said(daemon, &["exec", vm, "-n", "--", "cat", file]).await
}

/// Through standard input, so that it stands in no argument.
async fn write(daemon: &Daemon, vm: &str, file: &str, text: &str) -> Result<()> {
    let mut command = daemon.command(&["exec", vm, "--", "sh", "-c", &format!("cat >{file}")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes()).await?;
    ensure!(child.wait().await?.success(), "{file} is not written");
    Ok(())
}

async fn said(daemon: &Daemon, arguments: &[&str]) -> Result<String> {
    let output = daemon.cli(arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn directory(daemon: &Daemon, vm: &str) -> PathBuf {
    daemon.state_dir().join("vms").join(vm)
}

/// A disk is long and has holes, which grep knows how to pass over.
async fn holds(path: &Path, text: &str) -> Result<bool> {
    let status =
        Command::new("grep").args(["--text", "--quiet", "--fixed-strings", text]).arg(path).status().await?;
    match status.code() {
        Some(code @ (0 | 1)) => Ok(code == 0),
        _ => bail!("grep: {status}"),
    }
}
