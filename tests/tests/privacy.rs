//! Nothing secret stays behind, not even when a VM dies in the middle of a sign-in.

use anteroom_demo::idp::{Consent, Profile, SecretKind};
use anteroom_tests::{machine, scene::Scene};
use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

#[tokio::test]
async fn a_vm_that_crashes_in_the_middle_of_a_sign_in_leaves_none_of_its_secrets() -> Result<()> {
    let scene = Scene::set("privacy", Profile::openai(Consent::Asked)).await?;
    let session = scene.daemon.start_session("codex", "alice").await?;
    let waiting = scene.daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = waiting["vm_id"].as_str().context("a VM")?.to_owned();
    // Asking for the page makes its state and its code known to the provider, as what they are.
    let link = waiting["oauth_url"].as_str().context("the link")?;
    let last = scene.person.allow(link).await?;
    ensure!(
        last.contains(&scene.issued(SecretKind::Code)?) && last.contains(&scene.issued(SecretKind::State)?)
    );

    // While the VM lives, its secrets are in its memory and on its disk, and nowhere else on the host.
    let disk = scene.daemon.state_dir().join("vms").join(&vm).join("disk.img").display().to_string();
    ensure!(machine::remains(&scene.daemon.state_dir()) == [disk], "the test sees the disk, and no other");
    let leaks = scene.leaks().await?;
    ensure!(leaks.is_empty(), "secrets stand in {leaks:#?}");

    let processes = machine::processes_mentioning(&vm);
    let qemu = processes.iter().find(|process| process.contains("qemu-system")).context("a VMM")?;
    let pid: i32 = qemu.split(' ').next().unwrap_or_default().parse()?;
    ensure!(machine::limit(pid, "Max core file size") == ["0", "0"], "the VMM may write a core file");
    kill(Pid::from_raw(pid), Signal::SIGABRT)?;
    let failed = scene.daemon.wait_for(&session, &["failed"]).await?;
    ensure!(failed["oauth_url"].is_null(), "the address outlives its session");
    scene.daemon.vm_gone(&vm).await?;
    let remains = machine::remains(&scene.daemon.state_dir());
    ensure!(remains.is_empty(), "left on the disk: {remains:#?}");
    scene.end().await
}
