//! Every way in which a program opens a page leads to the VM's browser, once: the sign-in page comes by the desktop portal,
//! and pages that have nothing to do with it come by everything else.

use std::{fs, time::Instant};

use anteroom_tests::{
    Daemon, Turn,
    daemon::{Options, PATIENCE},
};
use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// What a program may call, with the address at the end. In each a shell expands what the desktop's environment has.
const WAYS: [(&str, &str); 11] = [
    ("gio", "gio open"),
    ("BROWSER", "\"$BROWSER\""),
    ("xdg-open", "xdg-open"),
    // The distribution's own, which asks for the default handler of the desktop; seconds, on an emulated processor.
    ("default-handler", "/usr/bin/xdg-open"),
    ("exo-open", "exo-open"),
    ("exo-launch", "exo-open --launch WebBrowser"),
    ("x-www-browser", "/usr/bin/x-www-browser"),
    ("www-browser", "/usr/bin/www-browser"),
    ("gnome-www-browser", "gnome-www-browser"),
    ("sensible-browser", "sensible-browser"),
    ("sensible-of-the-distribution", "env -u BROWSER /usr/bin/sensible-browser"),
];

const PROVIDER: &str = "demo-ways";
/// The identity provider of the image. It knows none of these pages, which is all the same to whoever opens them.
const PLACE: &str = "http://127.0.0.1:9400";

#[tokio::test]
async fn every_way_to_open_a_page_opens_it_once() -> Result<()> {
    let _turn = Turn::take()?;
    let providers = tempfile::tempdir()?;
    fs::write(providers.path().join("ways.toml"), definition()?)?;
    let setting = ("ANTEROOM_PROVIDERS_DIR".to_owned(), providers.path().display().to_string());
    let options = Options { environment: [setting].into(), ..Options::default() };
    let daemon = Daemon::start("browsers", "test", options).await?;

    let session = daemon.start_session(PROVIDER, "alice").await?;
    let (session, seen) = watch(&daemon, &session).await?;
    let story = seen.join("\n");
    ensure!(session["status"] == "completed", "{session:#}\nwhat was seen:\n{story}");

    // The terminal shows the address as well, and its page would open without the portal.
    let by_portal = format!("the command opens {PLACE}/oauth/authorize with ");
    ensure!(
        seen.iter().any(|moment| moment.starts_with(&by_portal)),
        "the portal had no part in it:\n{story}"
    );
    let pages = WAYS.iter().map(|(name, _)| format!("{PLACE}/by/{name}"));
    for page in pages.chain([format!("{PLACE}/by/portal"), format!("{PLACE}/oauth/authorize")]) {
        let opened = format!("opened in the VM's browser: {page}");
        let times = seen.iter().filter(|moment| **moment == opened).count();
        ensure!(times == 1, "{page} was opened {times} times; what was seen:\n{story}");
    }
    daemon.stop().await
}

/// The demo, with two changes: its page comes by the portal, and whoever asks whether somebody is signed in opens other pages.
/// That question is the one command of a definition that may be any program of the VM.
fn definition() -> Result<String> {
    let demo = anteroom_tests::workspace().join("host-supervisor/providers/demo_auto.toml");
    let mut definition: toml::Table = fs::read_to_string(demo)?.parse()?;
    definition.insert("id".into(), PROVIDER.into());
    let launch = definition["launch"]["browser"].as_table_mut().context("the demo has a launch")?;
    launch.insert("env".into(), toml::toml! { ANTEROOM_DEMO_PORTAL = "1" }.into());
    let verify = toml::toml! { argv = ["/bin/sh", "-euc"] };
    definition.insert("verify".into(), verify.into());
    let argv = definition["verify"]["argv"].as_array_mut().context("its words")?;
    argv.push(script().into());
    Ok(definition.to_string())
}

fn script() -> String {
    let ways = WAYS.iter().map(|(name, command)| format!("{command} {PLACE}/by/{name}"));
    let portal = format!(
        "gdbus call --session --dest=org.freedesktop.portal.Desktop --object-path=/org/freedesktop/portal/desktop \
         --method=org.freedesktop.portal.OpenURI.OpenURI '' {PLACE}/by/portal '{{}}'"
    );
    let words: Vec<String> = ways.chain([portal, "exec anteroom-demo status".to_owned()]).collect();
    words.join("\n")
}

/// What was seen of a session until its attempt was over, well or not.
async fn watch(daemon: &Daemon, session: &str) -> Result<(Value, Vec<String>)> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let now = daemon.fetch(&format!("/api/auth/session/{session}")).await?["session"].take();
        let path = format!("/api/auth/session/{session}/history?after={}&wait=2", seen.len());
        let (status, body) = daemon.call(Method::GET, &path, None).await?;
        ensure!(status.is_success() || status == StatusCode::GONE, "{status}: {body}");
        let moments = body["history"].as_array().into_iter().flatten();
        let known = seen.len();
        seen.extend(moments.filter_map(|moment| moment["text"].as_str()).map(str::to_owned));
        let over = matches!(now["status"].as_str(), Some("completed" | "failed"))
            || !now["attempt_failure"].is_null();
        // Whatever came before the end is told before it.
        if (over && seen.len() == known) || Instant::now() > deadline {
            return Ok((now, seen));
        }
    }
}
