//! Several sessions at once, and what is left when the daemon ends: nothing.

use std::{collections::BTreeSet, time::Duration};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

#[tokio::test]
async fn two_sessions_of_one_user_do_not_see_one_another() -> Result<()> {
    let _turn = Turn::take()?;
    let daemon = Daemon::start("two-sessions", "test", small()).await?;
    let (one, two) = (
        daemon.start_session("demo-auto", "alice").await?,
        daemon.start_session("demo-auto", "alice").await?,
    );
    let stranger = daemon.start_session("demo", "bob").await?;
    let first = daemon.wait_for(&one, &["completed"]).await?;
    let second = daemon.wait_for(&two, &["completed"]).await?;
    ensure!(first["vm_id"] != second["vm_id"], "each has a VM of its own");
    let third = daemon.wait_for(&stranger, &["ready", "awaiting_user_auth"]).await?;
    ensure!(third["status"] != "completed", "nobody pressed Allow for bob");

    let token = |status: &Value| status["credentials"]["access_token"].as_str().map(str::to_owned);
    let of = async |id: &str| daemon.fetch(&format!("/api/auth/session/{id}/credentials/status")).await;
    // The later sign-in of one user and provider replaces the earlier one; neither may have got the other's token.
    let tokens = [token(&of(&one).await.unwrap_or_default()), token(&of(&two).await.unwrap_or_default())];
    ensure!(tokens[0] != tokens[1], "one session has the other's token");
    ensure!(token(&of(&stranger).await?).is_none(), "bob's session has somebody's token");

    let as_bob = reqwest::Client::new()
        .get(daemon.url(&format!("/api/auth/session/{one}")))
        .bearer_auth(&daemon.key)
        .header("x-user-id", "bob")
        .send()
        .await?;
    ensure!(as_bob.status() == StatusCode::FORBIDDEN, "bob may look at alice's session: {}", as_bob.status());
    daemon.stop().await
}

#[tokio::test]
async fn a_cancelled_session_and_a_stopped_daemon_leave_nothing_behind() -> Result<()> {
    let _turn = Turn::take()?;
    let daemon = Daemon::start("leftovers", "test", small()).await?;
    let state = daemon.state_dir().display().to_string();
    let own = daemon.pid().to_string();
    let living = || -> BTreeSet<String> {
        machine::processes_mentioning(&state)
            .into_iter()
            .filter(|p| !p.starts_with(&format!("{own} ")))
            .collect()
    };

    let cancelled = daemon.start_session("demo", "alice").await?;
    daemon.wait_for(&cancelled, &["vm_created", "ready", "awaiting_user_auth"]).await?;
    ensure!(!living().is_empty(), "the test sees the VM's processes");
    let (status, body) =
        daemon.call(Method::POST, &format!("/api/auth/session/{cancelled}/cancel"), None).await?;
    ensure!(status.is_success(), "{body}");
    let ended = daemon.wait_for(&cancelled, &["cancelled"]).await?;
    let vm = ended["vm_id"].as_str().context("a VM")?.to_owned();
    gone(|| machine::processes_mentioning(&vm)).await?;
    let asked = format!("/api/auth/session/{cancelled}/vm");
    let until_gone = async {
        while daemon.call(Method::GET, &asked, None).await?.0 != StatusCode::GONE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(10), until_gone).await.context("the VM is still there")??;

    let running = daemon.start_session("demo", "alice").await?;
    daemon.wait_for(&running, &["ready", "awaiting_user_auth"]).await?;
    daemon.stop().await?;
    ensure!(living().is_empty(), "processes are left: {:?}", living());
    let sockets = machine::unix_sockets_mentioning(&state);
    ensure!(sockets.is_empty(), "sockets are left: {sockets:?}");
    Ok(())
}

/// VMs small enough that three of them run side by side.
fn small() -> Options {
    let settings = [("ANTEROOM_VM_BROWSER_MEMORY_MIB", "768"), ("ANTEROOM_VM_BROWSER_VCPUS", "1")];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Options { environment, ..Options::default() }
}

/// Waits, for ten seconds at most, until nothing is found any more.
async fn gone(look: impl Fn() -> BTreeSet<String>) -> Result<()> {
    for _ in 0..100 {
        if look().is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("still there: {:?}", look())
}
