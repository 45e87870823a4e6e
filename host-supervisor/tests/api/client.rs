//! The TypeScript client against this daemon: what its types promise is what the answers are.

use std::{path::Path, process::Stdio};

use anteroom_protocol::EventBody;
use tokio::process::Command;

use crate::{
    prompts::SAYS,
    service::{PATIENCE, Service},
    sign_in::{URL, complete, url_found},
};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client");

/// `client/tests/daemon.ts` is the caller; the guests of its session and of its prompt are played here.
#[tokio::test]
async fn the_client_signs_a_user_in_and_asks_for_an_answer() {
    if !Path::new(CLIENT).join("node_modules/esbuild").exists() {
        eprintln!("skipped: the client's tools are missing (`npm ci` in host-supervisor/client)");
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
        service.stage.launched(1).await;
        let guest = service.stage.guests()[0].clone();
        let session = guest.spec.id.to_string();
        let session = service.get(&format!("/api/vms/{session}")).await.body["vm"]["session_id"].take();
        let session = session.as_str().unwrap();
        guest.tells(EventBody::DesktopReady);
        guest.sign_in().await;
        guest.tells(url_found(session, URL));
        service.until(session, "awaiting_user_auth").await;
        complete(&service, session, &guest, "planted-access").await;

        service.stage.launched(2).await;
        let guest = service.stage.guests()[1].clone();
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
