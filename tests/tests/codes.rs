//! Codes that a person carries between a sign-in page and a terminal, with the real CLIs in real VMs: typed into the page of
//! another device, pasted from the page that shows one. What goes wrong on the way is told, and tried again in the same VM.

use std::time::{Duration, Instant};

use anteroom_demo::idp::{Consent, Event, GrantType, Profile, SecretKind};
use anteroom_tests::{Scene, Viewer, artefact, browser::Browser, person::with_parameter, skip};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A challenge that no verifier of a CLI meets: RFC 7636's own example.
const FOREIGN_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CLAUDES_PAGE: &str = "https://platform.claude.com/oauth/code/callback";
/// Where the terminal's window has its button to close it, in pixels of the desktop.
const CLOSE_TERMINAL: (u16, u16) = (509, 10);

#[tokio::test]
async fn codex_is_signed_in_from_another_device_when_the_person_says_yes_there() -> Result<()> {
    let scene = Scene::set("codex-device", Profile::openai(Consent::Asked)).await?;
    let session = scene.daemon.start_session_by("device", "codex", "alice").await?;
    let code = denied_at_first(&scene, &session, "sign_in_failed", None).await?;
    let (status, refused) = paste(&scene, &session, "c0de").await?;
    ensure!(status == StatusCode::CONFLICT && refused["code"] == "not_asked", "{status}: {refused}");

    let page = look_at_page(&scene, &session, &code).await?;
    scene.person.type_code(&code, "allow").await?;
    let captured = scene.completed(&session).await?;
    let tokens = &captured["credentials"]["tokens"];
    assert_eq!(tokens["access_token"], scene.issued(SecretKind::AccessToken)?);
    assert_eq!(tokens["refresh_token"], scene.issued(SecretKind::RefreshToken)?);
    if let Some(browser) = page {
        let done = Locator::Css("body[data-status=completed]");
        browser.page.wait().at_most(Duration::from_secs(20)).for_element(done).await?;
        browser.screenshot(&artefact("code-2-completed.png")).await?;
        browser.close().await?;
    }
    scene.end().await
}

#[tokio::test]
async fn the_github_cli_is_signed_in_from_another_device_when_the_person_says_yes_there() -> Result<()> {
    let scene = Scene::set("gh", Profile::github(Consent::Asked)).await?;
    let session = scene.daemon.start_session("github_cli", "alice").await?;
    let operator = operator_of(&scene, &session).await?;
    let code = denied_at_first(&scene, &session, "sign_in_denied", operator.as_ref()).await?;
    scene.person.type_code(&code, "allow").await?;
    let captured = scene.completed(&session).await?;
    if let Some(browser) = operator {
        let done = Locator::XPath("//main//span[contains(@class, 'badge') and .='signed in']");
        browser.page.wait().at_most(Duration::from_secs(20)).for_element(done).await?;
        browser.screenshot(&artefact("console-attempt-2-completed.png")).await?;
        browser.close().await?;
    }
    assert!(captured.to_string().contains(&scene.issued(SecretKind::AccessToken)?), "{}", captured["path"]);
    let issued = Event::TokenIssued { sign_in: 2, grant: GrantType::DeviceCode };
    assert!(scene.idp.log().events().contains(&issued));
    scene.end().await
}

#[tokio::test]
async fn claude_takes_a_pasted_code_of_its_own_sign_in_and_no_other() -> Result<()> {
    let scene = Scene::set("claude-pasted", Profile::anthropic(Consent::Asked)).await?;
    let session = scene.daemon.start_session("claude_code", "alice").await?;
    let link = asks_for_code(&scene, &session, "").await?;
    let manual = with_parameter(&link, "redirect_uri", CLAUDES_PAGE)?;

    let (_, foreign) = scene.person.code(&with_parameter(&manual, "state", "another")?).await?;
    let (status, refused) = paste(&scene, &session, &foreign).await?;
    ensure!(status == StatusCode::BAD_REQUEST, "the state of another sign-in: {status}: {refused}");
    let (_, broken) =
        scene.person.code(&with_parameter(&manual, "code_challenge", FOREIGN_CHALLENGE)?).await?;
    let (status, said) = paste(&scene, &session, &broken).await?;
    ensure!(status.is_success(), "{said}");
    let vm = scene.failed_of(&session, "sign_in_refused").await?;
    ensure!(scene.idp.log().events().iter().any(|event| matches!(event, Event::PkceRefused { .. })));

    let link = asks_for_code(&scene, &session, &link).await?;
    let manual = with_parameter(&link, "redirect_uri", CLAUDES_PAGE)?;
    let (address, _) = scene.person.code(&manual).await?;
    let (status, said) = paste(&scene, &session, &address).await?;
    ensure!(status.is_success(), "{said}");
    let completed = scene.daemon.wait_for(&session, &["completed"]).await?;
    ensure!(completed["vm_id"] == vm, "the same VM");
    let captured = scene.completed(&session).await?;
    let tokens = &captured["credentials"]["claudeAiOauth"];
    assert_eq!(tokens["accessToken"], scene.issued(SecretKind::AccessToken)?);
    scene.end().await
}

#[tokio::test]
async fn the_token_for_a_year_is_read_off_the_terminal() -> Result<()> {
    let scene = Scene::set("claude-token", Profile::anthropic(Consent::Asked)).await?;
    let session = scene.daemon.start_session("claude_setup_token", "alice").await?;
    let link = asks_for_code(&scene, &session, "").await?;
    let (_, code) = scene.person.code(&with_parameter(&link, "redirect_uri", CLAUDES_PAGE)?).await?;
    ensure!(code.contains('#'), "code and state");
    let (status, said) = paste(&scene, &session, &code).await?;
    ensure!(status.is_success(), "{said}");
    let captured = scene.completed(&session).await?;
    assert_eq!(captured["files"]["CLAUDE_CODE_OAUTH_TOKEN"], scene.issued(SecretKind::AccessToken)?);
    scene.end().await
}

#[tokio::test]
async fn gemini_without_a_browser_takes_a_pasted_code() -> Result<()> {
    let scene = Scene::set("gemini-pasted", Profile::google(Consent::Asked)).await?;
    let session = scene.daemon.start_session_by("manual", "gemini_cli", "alice").await?;
    let link = asks_for_code(&scene, &session, "").await?;
    let (_, code) = scene.person.code(&link).await?;
    let (status, said) = paste(&scene, &session, &code).await?;
    ensure!(status.is_success(), "{said}");
    let captured = scene.completed(&session).await?;
    assert_eq!(captured["credentials"]["refresh_token"], scene.issued(SecretKind::RefreshToken)?);
    ensure!(scene.idp.log().events().iter().any(|event| matches!(event, Event::PkceVerified { .. })));
    scene.end().await
}

#[tokio::test]
async fn a_foreign_answer_and_a_closed_terminal_are_told_and_another_try_in_the_same_vm_succeeds()
-> Result<()> {
    let scene = Scene::set("codex-troubles", Profile::openai(Consent::Asked)).await?;
    let session = scene.daemon.start_session("codex", "alice").await?;
    let link = sign_in_address(&scene, &session, "").await?;
    let foreign = with_parameter(&link, "code_challenge", FOREIGN_CHALLENGE)?;
    let callback = scene.person.allow(&foreign).await?;
    paste_callback(&scene, &session, &callback).await?;
    let vm = scene.failed_of(&session, "sign_in_mismatch").await?;

    let link = sign_in_address(&scene, &session, &link).await?;
    let (x, y) = CLOSE_TERMINAL;
    Viewer::open(&scene.daemon, &session).await?.click(x, y).await?;
    let failed = scene.daemon.until_attempt_failed(&session).await?;
    ensure!(failed["attempt_failure"]["code"] == "terminal_closed", "{failed:#}");

    // The terminal is back by itself, and the command in it.
    let link = sign_in_address(&scene, &session, &link).await?;
    let callback = scene.person.allow(&link).await?;
    let (status, said) = paste_callback(&scene, &session, &callback).await?;
    ensure!(status.is_success(), "{said}");
    let completed = scene.daemon.wait_for(&session, &["completed"]).await?;
    ensure!(completed["vm_id"] == vm, "the same VM");
    let captured = scene.completed(&session).await?;
    assert_eq!(captured["credentials"]["tokens"]["access_token"], scene.issued(SecretKind::AccessToken)?);
    scene.end().await
}

/// What a person sees who waits for a code: the code, and how long it is good for.
async fn look_at_page(scene: &Scene, session: &str, code: &str) -> Result<Option<Browser>> {
    if let Some(program) = Browser::missing() {
        skip("the page with a code", &format!("{program} is missing (./setup.sh test installs it)"));
        return Ok(None);
    }
    let browser = Browser::open().await?;
    let page = &browser.page;
    page.goto(&scene.daemon.url(&format!("/#key={}", scene.daemon.key))).await?;
    page.wait().for_element(Locator::Css("[name=provider]")).await?;
    page.goto(&scene.daemon.url(&format!("/session/{session}"))).await?;
    let connected = Locator::Css(".desktop-surface[data-state=connected]");
    page.wait().at_most(Duration::from_secs(30)).for_element(connected).await?;
    let shown = page.wait().for_element(Locator::Css(".user-code")).await?.text().await?;
    ensure!(shown == code, "the page shows {shown:?}");
    let left = page.find(Locator::Css(".countdown")).await?.text().await?;
    ensure!(left.contains("14:"), "a quarter of an hour from now: {left:?}");
    browser.screenshot(&artefact("code-1-device.png")).await?;
    Ok(Some(browser))
}

/// Somebody who has the console open at this sign-in.
async fn operator_of(scene: &Scene, session: &str) -> Result<Option<Browser>> {
    if let Some(program) = Browser::missing() {
        skip("the operator", &format!("{program} is missing (./setup.sh test installs it)"));
        return Ok(None);
    }
    let browser = Browser::open().await?;
    let daemon = &scene.daemon;
    browser.page.goto(&daemon.url(&format!("/console/sessions/{session}#key={}", daemon.key))).await?;
    Ok(Some(browser))
}

/// The operator is told by the page that it has failed, and has it tried again there; the VM's id.
async fn tried_again(scene: &Scene, session: &str, failure: &str, operator: &Browser) -> Result<Value> {
    let page = &operator.page;
    let again = Locator::XPath("//button[.='Try again']");
    let button = page.wait().at_most(Duration::from_secs(60)).for_element(again).await?;
    let told = page.find(Locator::Css(".notice-error")).await?.text().await?;
    ensure!(told.contains(failure), "the console says {told:?}");
    operator.screenshot(&artefact("console-attempt-1-denied.png")).await?;
    let failed = scene.daemon.until_attempt_failed(session).await?;
    button.click().await?;
    let begin = Instant::now();
    while !page.find_all(Locator::Css(".notice-error")).await?.is_empty() {
        ensure!(begin.elapsed() < Duration::from_secs(20), "the console still shows what has failed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(failed["vm_id"].clone())
}

/// The person says no to the first code; the code of the next attempt, in the same VM. It is the operator's, if there is one.
async fn denied_at_first(
    scene: &Scene,
    session: &str,
    failure: &str,
    operator: Option<&Browser>,
) -> Result<String> {
    let code_of = |session: &Value| session["device"]["user_code"].as_str().map(str::to_owned);
    // Some commands show the code, and open the page when Enter was pressed.
    let ready = |session: &Value| code_of(session).is_some() && session["oauth_kind"] == "device";
    let shown = scene.daemon.until(session, ready).await?;
    ensure!(shown["device"]["expires_at"].is_string(), "{shown:#}");
    let first = code_of(&shown).context("a code")?;
    ensure!(first == scene.issued(SecretKind::UserCode)?, "the code that the provider gave");
    scene.person.type_code(&first, "deny").await?;
    let vm = match operator {
        Some(operator) => tried_again(scene, session, failure, operator).await?,
        None => scene.failed_of(session, failure).await?,
    };

    // The page of the first attempt is that of the second as well.
    let other = |session: &Value| ready(session) && code_of(session).is_some_and(|code| code != first);
    let shown = scene.daemon.until(session, other).await?;
    ensure!(shown["vm_id"] == vm, "the same VM");
    code_of(&shown).context("a code")
}

/// The address of an attempt's page, once it is another than this.
async fn sign_in_address(scene: &Scene, session: &str, before: &str) -> Result<String> {
    let other = |session: &Value| session["oauth_url"].as_str().is_some_and(|address| address != before);
    let session = scene.daemon.until(session, other).await?;
    Ok(session["oauth_url"].as_str().context("an address")?.to_owned())
}

/// The same, once the terminal asks for a code of it.
async fn asks_for_code(scene: &Scene, session: &str, before: &str) -> Result<String> {
    let asks = |session: &Value| {
        session["asks_for_code"] == true
            && session["oauth_url"].as_str().is_some_and(|address| address != before)
    };
    let session = scene.daemon.until(session, asks).await?;
    Ok(session["oauth_url"].as_str().context("an address")?.to_owned())
}

async fn paste(scene: &Scene, session: &str, code: &str) -> Result<(StatusCode, Value)> {
    let path = format!("/api/auth/session/{session}/code");
    scene.daemon.call(Method::POST, &path, Some(&json!({ "code": code }))).await
}

async fn paste_callback(scene: &Scene, session: &str, address: &str) -> Result<(StatusCode, Value)> {
    let path = format!("/api/auth/session/{session}/callback");
    scene.daemon.call(Method::POST, &path, Some(&json!({ "url": address }))).await
}
