//! The TypeScript client against this daemon: what its types promise is what the answers are.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use anteroom_protocol::EventBody;
use anteroom_tests::skip;
use tokio::process::Command;

use crate::{
    guest::Guest,
    prompts::SAYS,
    service::{PATIENCE, Service},
    sign_in::{URL, complete, url_found},
};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client");

/// `client/tests/daemon.ts` is the caller; the guests of its session and of its prompt are played here.
#[tokio::test]
async fn the_client_signs_a_user_in_and_asks_for_an_answer() {
    if !Path::new(CLIENT).join("node_modules/esbuild").exists() {
        skip("client", "the client's tools are missing (`npm ci` in host-supervisor/client)");
        return;
    }
    let service = Service::start().await;
    let caller = Command::new("node")
        .args(["test.mjs", "--daemon"])
        .current_dir(CLIENT)
        .env("ANTEROOM_URL", service.url(""))
        .env("ANTEROOM_API_KEY", &service.key)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let caller = tokio::spawn(tokio::time::timeout(2 * PATIENCE, caller));

    let played = async {
        let session = started(&service).await;
        let session = session.as_str();
        let guest = service.guest_of(session).await;
        guest.tells(EventBody::DesktopReady);
        guest.sign_in().await;
        guest.tells(url_found(session, URL));
        service.until(session, "awaiting_user_auth").await;
        complete(&service, session, &guest, "planted-access").await;

        let guest = asked(&service).await;
        guest.home.has_program("anteroom-demo", &format!("[ \"$1\" = status ] && exit 0\n{SAYS}"));
        guest.tells(EventBody::DesktopReady);
    };
    let played = tokio::time::timeout(PATIENCE, played).await;
    let output = caller.await.unwrap().expect("the caller ends").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    played.expect("the caller starts a session, and asks a prompt");
    service.stop().await;
}

/// The caller's session, as soon as there is one.
async fn started(service: &Service) -> String {
    loop {
        let sessions = service.get("/api/auth/sessions").await.body;
        if let Some(id) = sessions["sessions"][0]["session_id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The guest of the caller's prompt, as soon as there is one.
async fn asked(service: &Service) -> Arc<Guest> {
    loop {
        let prompts = service.get("/api/prompts").await.body;
        if let Some(vm) = prompts["prompts"][0]["vmId"].as_str() {
            return service.stage.guest_of(vm).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
