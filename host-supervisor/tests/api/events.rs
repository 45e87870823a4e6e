//! What was seen of a VM and its session, for whoever follows them.

use std::process::Stdio;

use anteroom_protocol::{EventBody, Note};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use crate::{
    cli,
    service::{PATIENCE, Service, answer},
};

const PATH: &str = ".anteroom-demo/credentials.json";

#[tokio::test]
async fn what_is_seen_of_a_vm_and_its_session_is_told_once_and_as_it_happens_until_their_end() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let mut follow = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(["events", &session, "--follow"])
        .env("ANTEROOM_URL", service.url(""))
        .env("ANTEROOM_STATE_DIR", service.state.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut said = String::new();
    // Each step is told before the next one is made.
    let mut until = async |text: &str| {
        let told = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                said.push_str(&line);
                said.push('\n');
                if line.contains(text) {
                    return;
                }
            }
            panic!("{text} was not told");
        };
        timeout(PATIENCE, told).await.expect("it is told in time");
    };
    until("vm      requested").await;
    guest.tells(EventBody::DesktopReady);
    until("session the desktop is ready").await;
    let id = guest.sign_in().await.session;
    guest.tells(EventBody::Noted { session: id, note: Note::CommandStarted { run: 1 } });
    until("session started: ").await;
    let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } });
    guest.captures(id, "demo", &[(PATH, &file.to_string())]);
    until("vm      gone").await;
    assert!(follow.wait().await.unwrap().success());
    for text in ["vm      requested", "session the desktop is ready", "session started: ", "vm      gone"] {
        assert_eq!(said.matches(&format!("Z  {text}")).count(), 1, "{text}:\n{said}");
    }

    // Of the past the same marks are known, and how it ended.
    let vm = service.get(&format!("/api/auth/session/{session}")).await.body["session"]["vm_id"].clone();
    let vm = vm.as_str().unwrap();
    let past = cli::against(&service, &["events", &vm[..8], "--json"]).await;
    let events: Vec<Value> = past.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last_of =
        |of: &str| events.iter().rfind(|event| event["of"] == of).map(|event| event["text"].clone());
    assert_eq!(last_of("vm"), Some(json!("gone")), "{}", past.out);
    assert!(last_of("session").is_some_and(|end| said.contains(end.as_str().unwrap())), "{}", past.out);
    assert!(events.is_sorted_by_key(|event| event["at"].as_str().unwrap().to_owned()), "{}", past.out);
    service.stop().await;
}

#[tokio::test]
async fn events_are_their_users_and_a_question_about_news_waits_for_them() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let vm = service.get(&format!("/api/auth/session/{session}")).await.body["session"]["vm_id"].clone();
    let path = format!("/api/vms/{}/events", vm.as_str().unwrap());
    for (user, status) in [("ann", StatusCode::OK), ("bob", StatusCode::FORBIDDEN)] {
        let request = service.request(Method::GET, &path).bearer_auth(&service.key).header("x-user-id", user);
        assert_eq!(answer(request).await.status, status, "{user}");
    }
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.acknowledged(1).await;
    let known = service.get(&path).await.body["events"].as_array().unwrap().len();
    let news = async { service.get(&format!("{path}?known={known}&wait=20")).await };
    let playing = async {
        let session = session.parse().unwrap();
        guest.tells(EventBody::Noted { session, note: Note::CommandStarted { run: 2 } });
    };
    let (news, ()) = tokio::join!(news, playing);
    let events = news.body["events"].as_array().unwrap();
    assert!(events.len() > known, "{}", news.text);
    assert_eq!(news.body["over"], false);
    service.stop().await;
}
