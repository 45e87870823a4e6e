//! The whole job without a person: `demo-auto` from `session start` to `completed`, and the VM gone.

use anteroom_tests::{Daemon, Turn, machine};
use anyhow::{Context as _, Result};
use serde_json::Value;

#[tokio::test]
async fn a_sign_in_is_captured_and_sealed_and_its_vm_is_gone() -> Result<()> {
    let _turn = Turn::take()?;
    let daemon = Daemon::start("demo-auto", "test", Default::default()).await?;

    let start =
        ["session", "start", "--provider", "demo-auto", "--user", "alice", "--wait", "completed", "--json"];
    let output = daemon.cli(&start).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let session: Value = serde_json::from_str(&said).context("the command line printed JSON")?;
    assert_eq!(session["status"], "completed");
    let id = session["session_id"].as_str().context("an id")?;

    let status = daemon.fetch(&format!("/api/auth/session/{id}/credentials/status")).await?;
    assert_eq!(status["status"], "ready", "{status}");
    assert_eq!(status["source"], "database");
    let file = &status["credentials"];
    let token = file["access_token"].as_str().context("the captured token")?;
    assert!(token.len() >= 16, "a real token");

    let listed = daemon.fetch("/api/auth/credentials/alice").await?;
    assert_eq!(listed["credentials"][0]["provider"], "demo-auto");
    assert!(!listed.to_string().contains(token), "a list holds no secrets");

    let sealed = machine::files_holding(&daemon.state_dir(), &[token]);
    assert!(sealed.is_empty(), "the token stands in clear in {sealed:?}");
    assert!(!daemon.log().contains(token), "the token stands in the daemon's log");

    let vm = session["vm_id"].as_str().context("the session names its VM")?;
    let left = machine::processes_mentioning(vm);
    assert!(left.is_empty(), "processes of the VM are still there: {left:?}");
    assert!(
        !daemon.state_dir().join("vms").join(vm).join("disk.img").exists(),
        "the VM's disk is still there"
    );
    daemon.stop().await
}
