//! The real CLIs in real VMs, each signed in at an identity provider of ours that stands where its own is: the VM's only
//! network is this one service, under the provider's names, with a certificate of a throw-away authority.

use anteroom_demo::idp::{Consent, Event, Mishap, Profile, SecretKind};
use anteroom_tests::Scene;
use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn the_real_codex_signs_in_and_its_tokens_are_captured() -> Result<()> {
    let scene = Scene::set("codex", Profile::openai(Consent::Given)).await?;
    let captured = scene.sign_in("codex").await?;
    let tokens = &captured["credentials"]["tokens"];
    assert_eq!(tokens["access_token"], scene.issued(SecretKind::AccessToken)?);
    assert_eq!(tokens["refresh_token"], scene.issued(SecretKind::RefreshToken)?);
    assert!(scene.idp.log().events().contains(&Event::PkceVerified { sign_in: 1 }));

    // In a VM of alice's own, which is started for it, and stays.
    assert_eq!(scene.ask("codex", "hello there").await?, "You said: hello there\n");
    let (vm, renewals) = (scene.cli_vm().await?, scene.renewals("codex").await?);
    let id = vm["id"].as_str().context("an id")?;
    let hibernated = scene.daemon.cli(&["vm", "hibernate", id]).await?;
    ensure!(hibernated.status.success(), "{}", String::from_utf8_lossy(&hibernated.stderr));
    ensure!(scene.leaks().await?.is_empty() && !scene.disk_leaks(id)?, "on the disk is nothing in clear");
    scene.idp.revoke_access_tokens();
    assert_eq!(scene.ask("codex", "woken").await?, "You said: woken\n");
    assert_eq!(scene.cli_vm().await?["id"], vm["id"]);
    assert!(scene.renewals("codex").await? > renewals, "the new token came back");

    let vm_is_lost = async {
        scene.prompted(3).await?;
        let (status, said) = scene.daemon.call(Method::DELETE, &format!("/api/vms/{id}"), None).await?;
        ensure!(status.is_success(), "{said}");
        Ok(())
    };
    let (code, ()) = tokio::try_join!(scene.ask_in_vain("codex", "slowly now"), vm_is_lost)?;
    assert_eq!(code, "vm_lost");
    assert_eq!(scene.ask("codex", "another VM").await?, "You said: another VM\n");
    assert_ne!(scene.cli_vm().await?["id"], vm["id"]);
    scene.idp.revoke_everything();
    assert_eq!(scene.ask_in_vain("codex", "hello").await?, "token_refused");
    scene.end().await
}

#[tokio::test]
async fn the_real_claude_signs_in_and_its_tokens_and_account_are_captured() -> Result<()> {
    let scene = Scene::set("claude", Profile::anthropic(Consent::Given)).await?;
    let captured = scene.sign_in("claude_code").await?;
    let tokens = &captured["credentials"]["claudeAiOauth"];
    assert_eq!(tokens["accessToken"], scene.issued(SecretKind::AccessToken)?);
    assert_eq!(tokens["refreshToken"], scene.issued(SecretKind::RefreshToken)?);
    assert!(tokens["scopes"].to_string().contains("user:inference"), "{}", tokens["scopes"]);
    assert!(scene.idp.log().events().contains(&Event::PkceVerified { sign_in: 1 }));
    let account = &captured["files"][".claude.json"];
    assert_eq!(account["oauthAccount"]["emailAddress"], scene.idp.profile().account.email, "{account}");
    assert_eq!(scene.ask("claude_code", "hello there").await?.trim(), "You said: hello there");

    // Whoever signs out leaves nothing in the VM, which stays.
    let id = scene.cli_vm().await?["id"].as_str().context("an id")?.to_owned();
    let has_file = async || {
        let look = ["exec", &id, "--", "test", "-e", ".claude/.credentials.json"];
        anyhow::Ok(scene.daemon.cli(&look).await?.status.success())
    };
    ensure!(has_file().await?, "it is there while somebody is signed in");
    let path = "/api/auth/credentials/alice/claude_code";
    let (status, out) = scene.daemon.call(Method::DELETE, path, None).await?;
    ensure!(status.is_success() && out["wereAny"] == true, "{out}");
    ensure!(!has_file().await? && scene.cli_vm().await?["id"] == id, "the file is gone, and nothing else");
    assert_eq!(scene.ask_in_vain("claude_code", "hello").await?, "not_signed_in");
    scene.end().await
}

#[tokio::test]
async fn the_real_gemini_signs_in_and_its_tokens_are_captured() -> Result<()> {
    let scene = Scene::set("gemini", Profile::google(Consent::Given)).await?;
    let captured = scene.sign_in("gemini_cli").await?;
    let tokens = &captured["credentials"];
    assert_eq!(tokens["access_token"], scene.issued(SecretKind::AccessToken)?);
    assert_eq!(tokens["refresh_token"], scene.issued(SecretKind::RefreshToken)?);
    assert_eq!(scene.ask("gemini_cli", "hello there").await?.trim(), "You said: hello there");
    scene.end().await
}

#[tokio::test]
async fn a_denied_sign_in_is_told_and_another_one_in_the_same_vm_succeeds() -> Result<()> {
    let profile = Profile { mishap: Some(Mishap::Denied), ..Profile::openai(Consent::Given) };
    let scene = Scene::set("codex-denied", profile).await?;
    scene.fails_first("codex", "sign_in_denied").await?;
    assert!(scene.idp.log().events().contains(&Event::PkceVerified { sign_in: 2 }));
    scene.end().await
}

#[tokio::test]
async fn a_code_that_has_expired_is_told_and_another_sign_in_in_the_same_vm_succeeds() -> Result<()> {
    let profile = Profile { mishap: Some(Mishap::CodeExpired), ..Profile::anthropic(Consent::Given) };
    let scene = Scene::set("claude-expired", profile).await?;
    scene.fails_first("claude_code", "sign_in_refused").await?;
    scene.end().await
}

#[tokio::test]
async fn a_person_who_signs_in_with_a_browser_of_their_own_pastes_its_last_address() -> Result<()> {
    let scene = Scene::set("codex-pasted", Profile::openai(Consent::Asked)).await?;
    let session = scene.daemon.start_session("codex", "alice").await?;
    scene.daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let link = scene.daemon.fetch(&format!("/api/auth/session/{session}/oauth-url")).await?;
    let last = scene.person.allow(link["oauthUrl"].as_str().context("the link")?).await?;
    ensure!(last.starts_with("http://127.0.0.1:1455/auth/callback?"), "the VM's loopback, not ours");

    let paste = async |url: &str| {
        let body = json!({ "url": url });
        scene.daemon.call(Method::POST, &format!("/api/auth/session/{session}/callback"), Some(&body)).await
    };
    let (status, refused) = paste(&last.replace("state=", "state=x")).await?;
    ensure!(
        status == StatusCode::BAD_REQUEST,
        "a foreign state is refused before anything is sent: {refused}"
    );
    let (status, said) = paste(&last).await?;
    ensure!(status.is_success(), "{said}");
    let completed = scene.daemon.wait_for(&session, &["completed"]).await?;
    scene.daemon.vm_gone(completed["vm_id"].as_str().context("a VM")?).await?;
    scene.end().await
}
