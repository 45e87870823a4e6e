//! The command-line tool as its users meet it: a process, a terminal's worth of text, a browser, a file, an exit code.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod own_tool;
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anteroom_demo::idp::{Event, SecretKind};
use serde_json::Value;
use tokio::net::TcpListener;

use browser::{parameter, text, with_parameter};
use own_tool::Stage;
use program::Program;

#[tokio::test]
async fn a_login_that_is_allowed_leaves_the_credentials() {
    let stage = Stage::set().await;
    assert_eq!(stage.run(&["whoami"]).await, (1, "anteroom-demo: not signed in".to_owned()));
    let (mut login, url) = stage.login().await;
    let back = stage.decide(&url, "allow").await;
    let page = stage.browser.get(&back).await;
    assert!(text(&page).contains("You are signed in") && text(&page).contains("demo@example.org"));
    assert_eq!(login.end().await, 0);
    assert!(login.all_said().contains("Signed in as demo@example.org."), "{}", login.all_said());

    assert_eq!(fs::metadata(stage.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let file: Value = serde_json::from_slice(&fs::read(stage.file()).unwrap()).unwrap();
    for (field, kind) in
        [("access_token", SecretKind::AccessToken), ("refresh_token", SecretKind::RefreshToken)]
    {
        let secrets = stage.idp.secrets();
        let given = secrets.iter().find(|entry| entry.kind == kind).unwrap();
        assert_eq!(file[field], given.secret.reveal());
    }
    assert_eq!(file["account"]["email"], "demo@example.org");
    for word in ["whoami", "status"] {
        assert_eq!(stage.run(&[word]).await, (0, "Signed in as demo@example.org.".to_owned()));
    }
    assert_eq!(stage.run(&["logout"]).await, (0, "Signed out.".to_owned()));
    assert!(!stage.file().exists());
    assert_eq!(stage.run(&["status"]).await.0, 1);
}

#[tokio::test]
async fn the_browser_gets_the_url_and_the_automatic_login_needs_nobody() {
    let stage = Stage::set().await;
    let (browser, opened) = (stage.home.path().join("browser"), stage.home.path().join("opened"));
    fs::write(
        &browser,
        format!("#!/bin/sh\nprintf '%s' \"$*\" > {0}.new && mv {0}.new {0}\n", opened.display()),
    )
    .unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = stage.tool(&["login", "--auto"]);
    command.env("BROWSER", &browser);
    let mut login = Program::start(command);
    let printed = login.word("http://").await;
    while !opened.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(fs::read_to_string(&opened).unwrap(), printed);
    assert_eq!(parameter(&printed, "client_id").as_deref(), Some("demo-auto"));
    stage.browser.follow(&printed).await;
    assert_eq!(login.end().await, 0);
    assert!(stage.file().exists());
}

#[tokio::test]
async fn a_login_that_is_denied_says_so_and_leaves_nothing() {
    let stage = Stage::set().await;
    let (mut login, url) = stage.login().await;
    let back = stage.decide(&url, "deny").await;
    assert!(text(&stage.browser.get(&back).await).contains("You are not signed in"));
    assert_eq!(login.end().await, 1);
    // Its two outputs come in any order.
    assert!(login.all_said().contains("anteroom-demo: the sign-in was denied"), "{}", login.all_said());
    assert!(!stage.file().exists());
}

#[tokio::test]
async fn a_callback_that_is_not_ours_does_not_disturb_the_login() {
    let stage = Stage::set().await;
    let (mut login, url) = stage.login().await;
    let redirect = parameter(&url, "redirect_uri").unwrap();
    let origin = redirect.strip_suffix("/callback").unwrap();
    for (address, status) in [
        (format!("{origin}/"), 404),
        (format!("{origin}/favicon.ico"), 404),
        (redirect.clone() + "/", 404),
        (redirect.clone(), 400),
        (format!("{redirect}?code=c"), 400),
        (format!("{redirect}?code=c&state=wrong"), 400),
        (format!("{redirect}?error=access_denied&state=wrong"), 400),
    ] {
        assert_eq!(stage.browser.get(&address).await.status(), status, "{address}");
    }
    assert!(login.is_running());
    let back = stage.decide(&url, "allow").await;
    stage.browser.get(&back).await;
    assert_eq!(login.end().await, 0);
}

#[tokio::test]
async fn a_sign_in_that_somebody_else_began_is_refused() {
    let stage = Stage::set().await;
    let (mut login, url) = stage.login().await;
    let foreign = with_parameter(&url, "code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let back = stage.decide(&foreign, "allow").await;
    stage.browser.get(&back).await;
    assert_eq!(login.end().await, 1);
    assert!(login.all_said().ends_with("invalid_grant"), "{}", login.all_said());
    assert!(stage.idp.log().events().contains(&Event::PkceRefused { sign_in: 1 }));
    assert!(!stage.file().exists());
}

#[tokio::test]
async fn a_provider_that_is_gone_is_named() {
    let stage = Stage::set().await;
    let mut command = stage.tool(&["login"]);
    // A port that was free a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    command.env("ANTEROOM_DEMO_ISSUER", format!("http://{gone}"));
    let mut login = Program::start(command);
    let url = login.word("http://").await;
    let (redirect, state) = (parameter(&url, "redirect_uri").unwrap(), parameter(&url, "state").unwrap());
    stage.browser.get(&format!("{redirect}?code=c&state={state}")).await;
    assert_eq!(login.end().await, 1);
    assert!(login.all_said().contains(&format!("the provider at http://{gone} is not to be reached")));
}

#[tokio::test]
async fn two_logins_at_once_do_not_take_one_anothers_callback() {
    let stage = Stage::set().await;
    let ((mut one, one_url), (mut other, other_url)) = (stage.login().await, stage.login().await);
    let (one_back, other_back) =
        (stage.decide(&one_url, "allow").await, stage.decide(&other_url, "deny").await);
    let (one_port, other_port) =
        (parameter(&one_url, "redirect_uri").unwrap(), parameter(&other_url, "redirect_uri").unwrap());
    let crossed = one_back.replace(&one_port, &other_port);
    assert_eq!(stage.browser.get(&crossed).await.status(), 400);
    stage.browser.get(&one_back).await;
    stage.browser.get(&other_back).await;
    assert_eq!((one.end().await, other.end().await), (0, 1));
}

#[tokio::test]
async fn the_terminal_sees_no_secret_but_the_state_in_the_url() {
    let stage = Stage::set().await;
    let (mut login, url) = stage.login().await;
    stage.browser.get(&stage.decide(&url, "allow").await).await;
    login.end().await;
    let secrets = stage.idp.secrets();
    assert!(secrets.len() >= 6, "{secrets:?}");
    for entry in secrets.into_iter().filter(|entry| entry.kind != SecretKind::State) {
        assert!(!login.all_said().contains(entry.secret.reveal()), "{:?}", entry.kind);
    }
}

#[tokio::test]
async fn the_provider_serves_until_it_is_told_to_end() {
    let stage = Stage::set().await;
    let mut provider = Program::start(stage.tool(&["idp", "--listen", "127.0.0.1:0"]));
    let issuer = provider.word("http://").await;
    let mut command = stage.tool(&["login", "--auto"]);
    command.env("ANTEROOM_DEMO_ISSUER", &issuer);
    let mut login = Program::start(command);
    let url = login.word("http://").await;
    assert!(url.starts_with(&issuer));
    stage.browser.follow(&url).await;
    assert_eq!(login.end().await, 0);
    assert!(Command::new("kill").args(["-TERM", &provider.id().to_string()]).status().unwrap().success());
    assert_eq!(provider.end().await, 0);
    assert!(provider.all_said().contains("sign-in 1: PKCE verified"), "{}", provider.all_said());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let stage = Stage::set().await;
    let taken = stage.address.to_string();
    let (code, said) = stage.run(&["idp", "--listen", &taken]).await;
    assert_eq!(code, 1);
    assert!(said.starts_with(&format!("anteroom-demo: {taken} cannot be listened on: ")), "{said}");
}

#[tokio::test]
async fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    let stage = Stage::set().await;
    let (code, said) = stage.run(&["login", "--now"]).await;
    assert_eq!(
        (code, said.as_str()),
        (2, "anteroom-demo: \"--now\" is not understood; see anteroom-demo --help")
    );
    let (code, said) = stage.run(&["--help"]).await;
    assert!(code == 0 && said.contains("login [--auto]"), "{said}");
}
