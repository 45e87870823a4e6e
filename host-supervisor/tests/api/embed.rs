//! The web application of `docs/embed.md`, run as it stands there: its server in Node, its page in a real Chromium, a sign-in in
//! its frame.

use std::{fs, net::TcpListener, os::unix::fs::symlink, path::Path, process::Stdio, time::Duration};

use anteroom_protocol::EventBody;
use anteroom_tests::{artefact, browser::Browser, skip};
use fantoccini::Locator;
use serde_json::json;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    keys,
    service::{PATIENCE, Service},
    sign_in::{URL, complete, url_found},
};

const DOCS: &str = include_str!("../../../docs/embed.md");
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client");

/// The file of this name, as the page shows it.
fn file(name: &str) -> &'static str {
    let (_, after) = DOCS.split_once(&format!("\n`{name}`:\n\n```")).expect("the page has the file");
    let (_, text) = after.split_once('\n').unwrap();
    text.split_once("\n```\n").expect("the file ends").0
}

fn missing() -> Option<&'static str> {
    let built = Path::new(CLIENT).join("dist/index.js").exists();
    Browser::missing().or((!built).then_some("host-supervisor/client/dist (`make test` builds it)"))
}

/// The application's server, once it answers.
async fn application(directory: &Path, port: u16, service: &Service) -> Child {
    fs::write(directory.join("server.mjs"), file("server.mjs")).unwrap();
    fs::write(directory.join("page.html"), file("page.html")).unwrap();
    // What `npm install` makes of a package that is a directory.
    fs::create_dir_all(directory.join("node_modules/@anteroom")).unwrap();
    symlink(CLIENT, directory.join("node_modules/@anteroom/client")).unwrap();
    let (_, key) = keys::make(service, &json!({ "name": "web-application", "scopes": ["sessions"] })).await;
    let server = Command::new("node")
        .arg("server.mjs")
        .current_dir(directory)
        .env("ANTEROOM_URL", service.url(""))
        .env("ANTEROOM_API_KEY", key)
        .env("PROVIDER", "demo")
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let answers = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("the application answers");
    server
}

#[tokio::test]
async fn the_application_of_the_documentation_signs_a_user_in() {
    if let Some(missing) = missing() {
        skip("embed", &format!("{missing} is missing (make test installs it)"));
        return;
    }
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let site = format!("http://localhost:{port}");
    let service = Service::with(&[("frame_ancestors", &site)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut server = application(directory.path(), port, &service).await;
    let browser = Browser::open().await.unwrap();
    let page = &browser.page;
    let appears = async |path: &str| {
        let found = page.wait().at_most(PATIENCE).for_element(Locator::XPath(path)).await;
        found.unwrap_or_else(|error| panic!("{path}: {error}"));
    };
    page.goto(&site).await.unwrap();
    page.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
    appears("//iframe").await;
    let sessions = service.get("/api/auth/sessions/ann").await.body;
    let session = sessions["sessions"][0]["session_id"].as_str().unwrap();
    let guest = service.guest_of(session).await;
    page.enter_frame(0).await.unwrap();
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(session, URL));
    appears("//body[@data-status='awaiting_user_auth']").await;
    browser.screenshot(&artefact("embed-sign-in.png")).await.unwrap();
    complete(&service, session, &guest, "planted-access").await;
    appears("//body[@data-status='completed']").await;
    page.clone().enter_parent_frame().await.unwrap();
    appears("//*[@role='status' and text()='Your tool is signed in.']").await;
    browser.screenshot(&artefact("embed-completed.png")).await.unwrap();

    // Nobody learns of the sign-in of somebody else, and nonsense does not stop the server.
    for id in ["7e3b9d3c-0d5e-4d57-8c3f-111111111111", "..%2F..", ""] {
        let refused = reqwest::get(format!("{site}/sign-in/end?id={id}")).await.unwrap();
        assert!(refused.status().is_server_error(), "{id}: {}", refused.status());
    }
    assert!(server.try_wait().unwrap().is_none(), "the server has ended");
    browser.close().await.unwrap();
    server.kill().await.unwrap();
    service.stop().await;
}
