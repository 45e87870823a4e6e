//! A daemon that ends without ending its VMs, and the one that comes after it: the people at their desktops notice nothing.

use std::time::Duration;

use anteroom_demo::idp::{Consent, Profile, SecretKind};
use anteroom_tests::{Scene, machine};
use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[tokio::test]
async fn a_sign_in_goes_on_although_its_daemon_was_killed_twice_and_then_handed_it_over() -> Result<()> {
    let mut scene = Scene::set("takeover", Profile::openai(Consent::Asked)).await?;
    let session = scene.daemon.start_session_by("device", "codex", "alice").await?;
    let begun = scene.daemon.wait_for(&session, &["vm_created", "ready", "awaiting_user_auth"]).await?;
    let vm = begun["vm_id"].as_str().context("a VM")?.to_owned();
    scene.daemon.replace_after(Signal::SIGKILL).await?;

    let before = with_code(&scene, &session).await?;
    ensure!(before["vm_id"] == vm.as_str(), "the same VM");
    scene.daemon.replace_after(Signal::SIGKILL).await?;
    let after = with_code(&scene, &session).await?;
    for field in ["/vm_id", "/device/user_code", "/status", "/created_at"] {
        let [before, after] = [&before, &after].map(|session| session.pointer(field));
        ensure!(before == after && before.is_some(), "{field} was {before:?}, and is {after:?}");
    }
    let drift = expiry(&after)? - expiry(&before)?;
    ensure!(drift.abs() < Duration::from_secs(2), "the code expires {drift} later than before");

    scene.daemon.end_by(Signal::SIGUSR2).await?;
    ensure!(!machine::processes_mentioning(&vm).is_empty(), "the VM has ended with its daemon");
    scene.daemon.start_again().await?;
    let after = with_code(&scene, &session).await?;

    // The guest's own endpoint has another token now.
    let shown = scene.daemon.fetch(&format!("/api/auth/session/{session}/vm")).await?;
    ensure!(shown["agentToken"].as_str().is_some_and(|token| token.len() > 20), "{shown:#}");
    let timeline = scene.daemon.fetch(&format!("/api/vms/{vm}")).await?["vm"]["timeline"].to_string();
    for mark in ["requested", "vmm-started", "agent-answered", "taken-over", "desktop-ready"] {
        ensure!(timeline.contains(mark), "{mark} is missing: {timeline}");
    }
    let log = std::fs::read_to_string(scene.daemon.state_dir().join("vms").join(&vm).join("console.log"))?;
    for line in ["mark pid1", "mark sign-in-url"] {
        ensure!(log.contains(line), "the console lost {line:?}: {log}");
    }

    let code = after["device"]["user_code"].as_str().context("a code")?;
    scene.person.type_code(code, "allow").await?;
    let captured = scene.completed(&session).await?;
    assert_eq!(captured["credentials"]["tokens"]["access_token"], scene.issued(SecretKind::AccessToken)?);
    let left = machine::processes_mentioning(&vm);
    ensure!(left.is_empty(), "processes are left: {left:?}");
    scene.end().await
}

/// The session, once the code for the page is known.
async fn with_code(scene: &Scene, session: &str) -> Result<Value> {
    scene.daemon.until(session, |session| session["device"]["user_code"].is_string()).await
}

fn expiry(session: &Value) -> Result<OffsetDateTime> {
    let text = session["device"]["expires_at"].as_str().context("an expiry")?;
    Ok(OffsetDateTime::parse(text, &Rfc3339)?)
}
