//! The command line against a running daemon: what people see, what programs read, and the exit codes.

use std::{process::Stdio, sync::Arc};

use anteroom_protocol::EventBody;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{guest::Guest, service::Service};

const PATH: &str = ".anteroom-demo/credentials.json";

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

/// Runs `anteroom` with these variables and no others of ours.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Said {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // A command that does not read what it is told may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Against this daemon, whose key is found in its state directory.
pub(crate) async fn against(service: &Service, arguments: &[&str]) -> Said {
    told(service, arguments, "").await
}

/// The same, with something on its standard input.
pub(crate) async fn told(service: &Service, arguments: &[&str], input: &str) -> Said {
    let state = service.state.path().display().to_string();
    run(arguments, &[("ANTEROOM_URL", &service.url("")), ("ANTEROOM_STATE_DIR", &state)], input).await
}

/// The guest of this user's newest session, as soon as there is one.
pub(crate) async fn next_guest(service: &Service, user: &str) -> Arc<Guest> {
    let vm = loop {
        let listed = service.get(&format!("/api/auth/sessions/{user}")).await.body;
        if let Some(vm) = listed["sessions"][0]["vm_id"].as_str() {
            break vm.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    service.stage.guest_of(&vm).await
}

/// Plays the guest of the next session up to its end.
async fn sign_in_next(service: &Service, user: &str) -> Arc<Guest> {
    let guest = next_guest(service, user).await;
    guest.tells(EventBody::DesktopReady);
    let session = guest.sign_in().await.session;
    let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } }).to_string();
    guest.captures(session, "demo", &[(PATH, &file)]);
    guest
}

#[tokio::test]
async fn a_program_can_start_a_session_and_wait_for_its_end() {
    let service = Service::start().await;
    let start = ["session", "start", "-p", "demo", "-u", "ann", "--wait", "completed", "--json"];
    let (said, guest) = tokio::join!(against(&service, &start), sign_in_next(&service, "ann"));
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!((&said.json()["status"], &said.json()["user_id"]), (&json!("completed"), &json!("ann")));
    assert!(!guest.is_running(), "the VM is gone when the waiting ends");
    assert!(
        said.err.contains("the VM boots") && said.err.contains("the VM is being removed"),
        "{}",
        said.err
    );
    let listed = against(&service, &["session", "ls", "--json"]).await.json();
    assert_eq!(listed[0]["session_id"], said.json()["session_id"]);
    service.stop().await;
}

#[tokio::test]
async fn another_end_than_the_one_waited_for_has_its_own_exit_code_and_tells_the_cause() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    service.until(&session, "vm_created").await;
    let start = ["session", "start", "-p", "demo", "-u", "bob", "--wait", "ready"];
    let dies = async {
        let guest = next_guest(&service, "bob").await;
        guest.prints("Kernel panic - not syncing: no init found\n").await;
        guest.dies();
    };
    let (said, ()) = tokio::join!(against(&service, &start), dies);
    assert_eq!(said.code, 6, "{}{}", said.out, said.err);
    assert!(said.out.contains("status   failed") && said.out.contains("no init found"), "{}", said.out);
    drop(guest);
    service.stop().await;
}

#[tokio::test]
async fn people_see_tables_and_may_shorten_ids() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::Mark { name: "desktop-painted".into() });
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let vm = guest.spec.id.to_string();
    let sessions = against(&service, &["session", "ls", "--user", "ann"]).await.out;
    assert!(
        sessions.starts_with("SESSION") && sessions.contains(&session) && sessions.contains("ready"),
        "{sessions}"
    );
    let shown = against(&service, &["session", "show", &session[..8]]).await.out;
    assert!(shown.contains(&vm) && shown.contains("/novnc?token="), "{shown}");
    let vms = against(&service, &["vm", "ls"]).await.out;
    assert!(vms.contains(&vm) && vms.contains("2 vCPU, 4096 MiB"), "{vms}");
    let shown = against(&service, &["vm", "show", &vm[..8]]).await.out;
    assert!(shown.contains("SINCE REQUEST") && shown.contains("desktop-painted"), "{shown}");
    guest.prints("hello from the console\n").await;
    let console = against(&service, &["vm", "console", &vm]).await.out;
    assert_eq!(console, "hello from the console\n");
    assert_eq!(against(&service, &["vm", "rm", &vm[..8]]).await.code, 0);
    assert!(!guest.is_running());
    assert_eq!(against(&service, &["session", "rm", &session[..8]]).await.code, 0);
    assert_eq!(against(&service, &["session", "ls", "--json"]).await.json(), json!([]));
    service.stop().await;
}

#[tokio::test]
async fn every_refusal_has_its_exit_code_and_says_what_to_do() {
    let service = Service::start().await;
    let unknown = against(&service, &["session", "show", "8f14e45f-ceea-467f-a8b8-4a1d8a5b1c2d"]).await;
    assert_eq!((unknown.code, unknown.err.as_str()), (4, "anteroom: there is no such session\n"));
    assert_eq!(against(&service, &["vm", "show", "ffff"]).await.code, 4);
    let refused = against(&service, &["session", "start", "-p", "nope", "-u", "ann"]).await;
    assert_eq!(refused.code, 5);
    assert!(refused.err.contains("there are: claude_code, claude_setup_token, codex"), "{}", refused.err);
    let url = service.url("");
    let no_key = run(&["vm", "ls"], &[("ANTEROOM_URL", &url)], "").await;
    assert_eq!(no_key.code, 5);
    assert!(no_key.err.contains("set ANTEROOM_API_KEY"), "{}", no_key.err);
    let wrong_key = run(&["vm", "ls"], &[("ANTEROOM_URL", &url), ("ANTEROOM_API_KEY", "x")], "").await;
    assert!(wrong_key.code == 5 && wrong_key.err.contains("not that daemon's"), "{}", wrong_key.err);
    let right_key =
        run(&["vm", "ls"], &[("ANTEROOM_URL", &url), ("ANTEROOM_API_KEY", &service.key)], "").await;
    assert_eq!(right_key.code, 0, "{}", right_key.err);
    service.stop().await;
    let no_certificates = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    let gone =
        run(&["vm", "ls"], &[&[("ANTEROOM_URL", url.as_str())], &no_certificates[..]].concat(), "").await;
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("Connection refused") && gone.err.contains("anteroom up"), "{}", gone.err);
    assert_eq!(run(&["session", "start"], &[], "").await.code, 2);
    let wrong = run(&["vm", "ls", "--set", "vm.mx=1"], &[], "").await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean vm.max?"), "{}", wrong.err);
}

#[tokio::test]
async fn settings_are_shown_with_their_source_and_files_are_checked() {
    let shown = run(&["config", "show", "--json"], &[("ANTEROOM_VM_MAX", "3")], "").await.json();
    let setting = shown.as_array().unwrap().iter().find(|setting| setting["key"] == "vm.max").unwrap();
    assert_eq!((&setting["value"], &setting["source"]["variable"]), (&json!("3"), &json!("ANTEROOM_VM_MAX")));
    let table = run(&["config", "show"], &[("PORT", "4100")], "").await.out;
    assert!(table.contains("127.0.0.1:4100") && table.contains("environment PORT"), "{table}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("anteroom.toml");
    let check = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&["config", "check", file.to_str().unwrap()], &[], "").await
    };
    let good = check("[vm]\nmax = 3\n").await;
    assert!(good.code == 0 && good.out.contains("1 setting, all of them right"), "{}{}", good.out, good.err);
    let bad = check("[vm]\nmax = \"many\"\n").await;
    assert_eq!(bad.code, 2);
    assert!(
        bad.err.contains("anteroom.toml:2") && bad.err.contains("a number from 1 to 1000"),
        "{}",
        bad.err
    );
    // Without a file: all that counts for a daemon, the environment too. `systemctl reload` asks so.
    std::fs::write(&file, "[vm]\nmax = 3\n").unwrap();
    let place = file.to_str().unwrap();
    for (requests, code, said) in
        [("77", 0, "3 settings, all of them right"), ("many", 2, "ANTEROOM_RATE_LIMIT_REQUESTS")]
    {
        let environment =
            [("ANTEROOM_CONFIG", place), ("ANTEROOM_RATE_LIMIT_REQUESTS", requests), ("PORT", "4100")];
        let all = run(&["config", "check"], &environment, "").await;
        assert!(
            all.code == code && format!("{}{}", all.out, all.err).contains(said),
            "{}{}",
            all.out,
            all.err
        );
    }
}

#[tokio::test]
async fn the_master_key_can_be_replaced_while_no_daemon_runs_and_only_then() {
    let service = Service::start().await;
    let start = ["session", "start", "-p", "demo", "-u", "ann", "--wait", "completed", "--json"];
    let (said, _guest) = tokio::join!(against(&service, &start), sign_in_next(&service, "ann"));
    let session = said.json()["session_id"].as_str().unwrap().to_owned();
    let before = against(&service, &["key", "show", "--json"]).await.json();
    assert_eq!((&before[0]["role"], &before[0]["credentials"]), (&json!("present"), &json!(1)));
    let refused = against(&service, &["key", "rotate"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("in use by process"), "{}", refused.err);

    let state = service.state.clone();
    let directory = state.path().display().to_string();
    let key = std::fs::read_to_string(state.path().join("key")).unwrap();
    service.stop().await;
    let rotated = run(&["key", "rotate"], &[("ANTEROOM_STATE_DIR", &directory)], "").await;
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    assert!(rotated.out.contains("re-sealed    1"), "{}", rotated.out);
    let new_key = std::fs::read_to_string(state.path().join("key")).unwrap();
    for key in [key.trim(), new_key.trim()] {
        assert!(!format!("{}{}", rotated.out, rotated.err).contains(key), "a key is printed");
    }
    let shown = run(&["key", "show"], &[("ANTEROOM_STATE_DIR", &directory)], "").await.out;
    assert!(!shown.contains(before[0]["key_id"].as_str().unwrap()), "{shown}");

    let service = Service::in_directory(state, &[]).await;
    let status = service.get(&format!("/api/auth/session/{session}/credentials/status")).await.body;
    assert_eq!(status["credentials"]["access_token"], "a", "{status}");
    service.stop().await;
}

#[tokio::test]
async fn a_reader_that_closes_early_is_no_crash() {
    // The pipe is closed before anything is written.
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(["config", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[tokio::test]
async fn which_providers_are_ready_is_told_by_the_image_that_the_daemon_runs() {
    let service = Service::start().await;
    let image = service.get("/api/image").await.body;
    assert_eq!(image["programs"], json!(["anteroom-demo", "claude", "codex"]));
    let listed = against(&service, &["provider", "ls", "--json"]).await.json();
    let missing = |id: &str| {
        let providers = listed["providers"].as_array().unwrap();
        providers.iter().find(|provider| provider["id"] == id).unwrap()["missing_programs"].clone()
    };
    assert_eq!((missing("codex"), missing("github_cli")), (json!([]), json!(["gh"])));
    let shown = against(&service, &["provider", "show", "github_cli"]).await;
    let lacks = format!("image {} lacks gh", image["profile"].as_str().unwrap());
    assert!(shown.out.contains(&lacks), "{}", shown.out);
    service.stop().await;
}

#[tokio::test]
async fn a_definition_is_checked_and_listed_without_a_daemon() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mine.toml");
    let path = file.to_str().unwrap();
    let good = include_str!("../../providers/codex.toml");
    std::fs::write(&file, good).unwrap();
    let said = run(&["provider", "check", path], &[], "").await;
    assert_eq!(
        (said.code, said.out),
        (0, format!("{path}: a definition of codex (Codex), all of it right\n"))
    );
    std::fs::write(&file, good.replace("kind = ", "knid = ")).unwrap();
    let said = run(&["provider", "check", path], &[], "").await;
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
    let shown = format!("{path}:21:1: url[0].knid: unknown field `knid`");
    assert!(said.err.contains("mine.toml: 2 mistakes") && said.err.contains(&shown), "{}", said.err);
    assert!(
        said.err.contains("21 | knid = \"callback\"\n         | ^^^^\n      write: kind ="),
        "{}",
        said.err
    );
    let ours = [("ANTEROOM_PROVIDERS_DIR", place.path().to_str().unwrap())];
    let said = run(&["provider", "ls"], &ours, "").await;
    assert!(said.out.starts_with("PROVIDER") && said.out.contains("github_cli"), "{}", said.out);
    assert!(said.out.contains(&format!("\nbroken: {path}\n  line 21, column 1: ")), "{}", said.out);
    let shown = run(&["provider", "show", "codex", "--json"], &ours, "").await.json();
    assert_eq!((&shown["from"], &shown["definition"]["name"]), (&json!("built in"), &json!("Codex")));
    assert_eq!(run(&["provider", "show", "nothing"], &ours, "").await.code, 4);
}
