//! The control API as the host sees it, but over a Unix socket: real services, real events, real upgrades.

mod copy;

use std::{path::PathBuf, time::Duration};

use anteroom_protocol::{
    EventBody,
    agent::{Hello, Memory, Problem, ServiceStatus},
};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener, UnixStream},
    time::timeout,
};

use super::*;
use crate::{
    exec::Programs,
    process::Children,
    service::{Groups, ServiceSet},
};

struct Agent {
    directory: TempDir,
    control: Control,
    journal: Arc<Journal>,
    ends: mpsc::Receiver<EndReason>,
}

impl Agent {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::new());
        let timeline = Arc::new(Timeline::new(Arc::clone(&journal)));
        let (end, ends) = mpsc::channel(1);
        let control = Control::new(Some(VmId::random()), Arc::clone(&journal), timeline, end);
        let listener = UnixListener::bind(directory.path().join("agent.sock")).unwrap();
        let app = app::router(control.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { directory, control, journal, ends }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    /// From now on with one service, which prints a line.
    fn with_service(&self) {
        self.with_script("echo hello; exec sleep 60", "started");
    }

    fn with_script(&self, script: &str, readiness: &str) {
        let services = self.directory.path().join("services");
        std::fs::create_dir(&services).unwrap();
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
        let text = format!(
            "name = \"talker\"\ncommand = [\"/bin/sh\", \"-c\", {script:?}]\nuser = {user:?}\nreadiness.protocol = {readiness:?}\nrestart.give_up_after = 1\n"
        );
        std::fs::write(services.join("talker.toml"), text).unwrap();
        let Parts { journal, timeline, .. } = &*self.control.0;
        let set = ServiceSet::load(&services).unwrap();
        let children = Children::watch().unwrap();
        let programs = Programs::new(children.clone(), Groups::none());
        let supervisor = Supervisor::start(set, children, Groups::none(), journal.clone(), timeline.clone());
        self.control.attach(supervisor, programs);
    }

    /// Status and body of a call with these header lines.
    async fn raw(&self, call: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        let length = body.len();
        let text = format!(
            "{call} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        (answer[9..12].parse().unwrap(), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    async fn ask(&self, call: &str, body: &str) -> (u16, String) {
        self.raw(call, "anteroom-protocol: 1.0\r\n", body).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, body) = self.ask(&format!("GET {path}"), "").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn refused(&self, call: &str, body: &str) -> (u16, String) {
        let (status, body) = self.ask(call, body).await;
        let problem: Problem = serde_json::from_str(&body).unwrap_or_else(|_| panic!("no problem: {body}"));
        (status, problem.error)
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test]
async fn hello_is_for_everybody_and_the_rest_for_hosts_that_say_their_version() {
    let agent = Agent::start();
    let (status, body) = agent.raw("GET /hello", "", "").await;
    let hello: Hello = serde_json::from_str(&body).unwrap();
    assert_eq!((status, hello.vm), (200, agent.control.0.life.vm()));
    assert!(hello.uptime_ns > 0 && hello.boot_id.len() == 36);
    assert_eq!(agent.raw("GET /timeline", "", "").await.0, 400);
    assert_eq!(agent.raw("GET /timeline", "anteroom-protocol: 99.0\r\n", "").await.0, 426);
    assert_eq!(agent.ask("GET /timeline", "").await.0, 200);
}

#[tokio::test]
async fn every_refusal_is_a_problem_in_json() {
    let agent = Agent::start();
    assert_eq!(agent.refused("GET /nothing", "").await.0, 404);
    assert_eq!(agent.refused("DELETE /hello", "").await.0, 405);
    assert_eq!(agent.refused("POST /events/ack", "{\"through\":").await.0, 400);
    assert_eq!(agent.refused("POST /events/ack", "{}").await.0, 422);
    assert_eq!(agent.refused("GET /events?before=1", "").await.0, 400);
    assert_eq!(agent.refused("PUT /clock", "{\"unix_ns\":5}").await.0, 400);
    let large = format!("{{\"through\":1,\"x\":\"{}\"}}", "x".repeat(600 * 1024));
    assert_eq!(agent.refused("POST /events/ack", &large).await.0, 413);
    assert_eq!(agent.refused("GET /services", "").await, (503, "the root is not mounted yet".to_owned()));
}

#[tokio::test]
async fn a_requests_name_comes_back_with_its_answer_when_it_is_one() {
    let agent = Agent::start();
    for (sent, told) in [("abc-1", true), ("a\"b", false)] {
        let mut stream = UnixStream::connect(agent.socket()).await.unwrap();
        let head =
            format!("GET /hello HTTP/1.1\r\nhost: x\r\nx-request-id: {sent}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.contains(&format!("x-request-id: {sent}")), told, "{answer}");
    }
}

#[tokio::test]
async fn services_and_what_they_say_can_be_asked_for() {
    let agent = Agent::start();
    agent.with_service();
    soon(agent.control.supervisor().unwrap().wait_ready("talker")).await.unwrap();
    let services: Vec<ServiceStatus> = agent.get("/services").await;
    assert_eq!((services.len(), services[0].name.as_str()), (1, "talker"));
    soon(async {
        while agent.ask("GET /services/talker/log", "").await.1 != "hello\n" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let log = agent.control.supervisor().unwrap().log("talker").unwrap();
    let asked = format!("GET /services/talker/log?known={}&wait=25", log.position());
    let asking = async { agent.ask(&asked, "").await.1 };
    let speaking = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        log.append("more".into());
    };
    assert_eq!(soon(async { tokio::join!(asking, speaking) }).await.0, "hello\nmore\n");
    assert_eq!(agent.refused("GET /services/nobody/log", "").await.0, 404);
    let memory: Memory = agent.get("/memory").await;
    assert!(memory.total_kib > memory.available_kib && memory.available_kib > 0);
}

#[tokio::test]
async fn events_are_streamed_from_where_the_host_asks_and_again_although_they_were_acknowledged() {
    let agent = Agent::start();
    for name in ["a", "b", "c"] {
        agent.journal.publish(EventBody::Mark { name: name.into() });
    }
    assert_eq!(agent.ask("POST /events/ack", "{\"through\":1}").await.0, 204);
    let mut stream = UnixStream::connect(agent.socket()).await.unwrap();
    stream
        .write_all(b"GET /events?after=1 HTTP/1.1\r\nHost: a\r\nanteroom-protocol: 1.0\r\n\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    while !seen.contains("\"number\":3") {
        let mut chunk = [0; 4096];
        let length = soon(stream.read(&mut chunk)).await.unwrap();
        seen += &String::from_utf8_lossy(&chunk[..length]);
    }
    assert!(seen.contains("application/x-ndjson") && seen.contains("\"number\":2"), "{seen}");
    assert!(!seen.contains("\"number\":1,"), "{seen}");

    let mut successor = UnixStream::connect(agent.socket()).await.unwrap();
    successor.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\nanteroom-protocol: 1.0\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    while !seen.contains("\"number\":3") {
        let mut chunk = [0; 4096];
        let length = soon(successor.read(&mut chunk)).await.unwrap();
        seen += &String::from_utf8_lossy(&chunk[..length]);
    }
    assert!(seen.contains("\"number\":1,"), "{seen}");
}

#[tokio::test]
async fn a_port_of_the_loopback_is_connected_by_an_upgrade_only() {
    let agent = Agent::start();
    let program = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = program.local_addr().unwrap().port();
    assert_eq!(agent.refused("GET /connect/http", "").await.0, 400);
    assert_eq!(agent.refused(&format!("GET /connect/{port}"), "").await.0, 426);
    let mut stream = UnixStream::connect(agent.socket()).await.unwrap();
    let upgrade = format!(
        "GET /connect/{port} HTTP/1.1\r\nHost: a\r\nanteroom-protocol: 1.0\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let (mut peer, _) = soon(program.accept()).await.unwrap();
    peer.write_all(b"RFB 003.008\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("RFB 003.008\n") {
        answer.push(char::from(soon(stream.read_u8()).await.unwrap()));
    }
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    soon(peer.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");
}

#[tokio::test]
async fn a_sign_in_without_a_desktop_is_refused_and_leaves_nothing_behind() {
    let agent = Agent::start();
    assert_eq!(agent.refused("POST /sign-in", "{\"session\":1}").await.0, 422);
    assert_eq!(agent.refused("GET /sign-in", "").await.0, 503);
}

#[tokio::test]
async fn the_power_goes_off_when_the_host_says_so() {
    let mut agent = Agent::start();
    assert_eq!(agent.ask("POST /power-off", "").await.0, 202);
    assert!(matches!(soon(agent.ends.recv()).await, Some(EndReason::Asked)));
}
