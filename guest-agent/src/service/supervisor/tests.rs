use std::time::Duration;

use anteroom_protocol::EventBody;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::*;
use crate::service::spec::{Readiness, Restart, ServiceSpec, Start};

fn spec(name: &str, script: &str, after: &[&str]) -> ServiceSpec {
    ServiceSpec {
        name: name.into(),
        command: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        user: nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name,
        environment: BTreeMap::new(),
        after: after.iter().map(ToString::to_string).collect(),
        readiness: Readiness::Started,
        ready_within_ms: 5_000,
        restart: Restart { first_delay_ms: 10, max_delay_ms: 20, give_up_after: 3, stable_after_ms: 10_000 },
        limits: crate::process::Limits::default(),
        optional: false,
        desktop: true,
        start: Start::Boot,
        keeps_children: false,
        clipboard: Default::default(),
    }
}

fn start(specs: Vec<ServiceSpec>) -> (Supervisor, Arc<Journal>, Arc<Timeline>) {
    let journal = Arc::new(Journal::new());
    let timeline = Arc::new(Timeline::new(Arc::clone(&journal)));
    let children = Children::watch().unwrap();
    let services = ServiceSet::of(specs).unwrap();
    let supervisor =
        Supervisor::start(services, children, Groups::none(), Arc::clone(&journal), Arc::clone(&timeline));
    (supervisor, journal, timeline)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test]
async fn a_service_starts_after_what_it_needs_and_the_desktop_is_ready_after_all() {
    let mut first = spec("first", "true", &[]);
    first.readiness = Readiness::Exit;
    let (supervisor, journal, timeline) = start(vec![spec("second", "sleep 60", &["first"]), first]);
    soon(supervisor.wait_ready("second")).await.unwrap();
    let mut events = Box::pin(journal.follow(0));
    while !matches!(soon(events.next()).await.unwrap().body, EventBody::DesktopReady) {}
    let names: Vec<_> = timeline.marks().into_iter().map(|mark| mark.name).collect();
    assert_eq!(names, ["service:second", "desktop-ready"]);
    soon(supervisor.stop_all()).await;
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_given_up_with_its_last_lines() {
    let (supervisor, journal, _) = start(vec![spec("broken", "echo no display; exit 4", &[])]);
    let mut events = Box::pin(journal.follow(0));
    let (service, cause, last_lines) = loop {
        if let EventBody::DesktopFailed { service, cause, last_lines } =
            soon(events.next()).await.unwrap().body
        {
            break (service, cause, last_lines);
        }
    };
    assert_eq!((service.as_str(), cause.as_str()), ("broken", "ended with code 4"));
    assert_eq!(last_lines, ["no display"; 3]);
    assert_eq!(supervisor.statuses()[0].restarts, 2);
}

#[tokio::test]
async fn a_service_that_crashed_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let been = directory.path().join("been");
    let script = format!("test -e {0} && exec sleep 60; touch {0}; exit 1", been.display());
    let (supervisor, _, _) = start(vec![spec("shaky", &script, &[])]);
    soon(async {
        while supervisor.statuses().first().is_none_or(|status| status.restarts == 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    soon(supervisor.wait_ready("shaky")).await.unwrap();
    soon(supervisor.stop_all()).await;
}

#[tokio::test]
async fn stopping_ends_those_first_that_need_others_and_kills_what_does_not_listen() {
    let directory = tempfile::tempdir().unwrap();
    let story = directory.path().join("story");
    let script = |name: &str| {
        format!("trap 'echo {name} >> {}; exit 0' TERM; while :; do sleep 0.02; done", story.display())
    };
    let deaf = spec("deaf", "trap '' TERM; while :; do sleep 0.02; done", &[]);
    let (supervisor, _, _) =
        start(vec![spec("lower", &script("lower"), &[]), spec("upper", &script("upper"), &["lower"]), deaf]);
    for name in ["lower", "upper", "deaf"] {
        soon(supervisor.wait_ready(name)).await.unwrap();
    }
    // The traps have to be set before the signal comes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    soon(supervisor.stop_all()).await;
    assert_eq!(std::fs::read_to_string(&story).unwrap(), "upper\nlower\n");
    assert!(supervisor.statuses().iter().all(|status| status.pid.is_none()));
}

#[tokio::test]
async fn a_restart_ends_the_old_process_and_starts_a_new_one() {
    let (supervisor, _, _) = start(vec![spec("s", "sleep 60", &[])]);
    soon(supervisor.wait_ready("s")).await.unwrap();
    let old = supervisor.statuses()[0].pid;
    supervisor.restart_service("s");
    soon(async {
        while supervisor.statuses()[0].pid == old || supervisor.statuses()[0].pid.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    soon(supervisor.wait_ready("s")).await.unwrap();
    soon(supervisor.stop_all()).await;
}

#[tokio::test]
async fn a_service_on_demand_is_started_by_the_first_connection_to_its_port() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!("exec python3 -m http.server --bind 127.0.0.1 {port}");
    let mut lazy = spec("lazy", &script, &[]);
    lazy.readiness = Readiness::Http { port, path: "/".into(), status: 200, hint: None };
    (lazy.start, lazy.desktop) = (Start::OnDemand, false);
    let (supervisor, _, _) = start(vec![lazy, spec("other", "sleep 60", &[])]);
    soon(supervisor.wait_ready("other")).await.unwrap();
    assert_eq!(supervisor.statuses()[0].state, ServiceState::Stopped);
    soon(supervisor.wake(port)).await;
    assert_eq!(supervisor.statuses()[0].state, ServiceState::Ready);
    soon(supervisor.stop_all()).await;
}

#[tokio::test]
async fn what_is_settled_is_told_again_to_a_journal_that_begins_anew() {
    let mut once = spec("once", "true", &[]);
    once.readiness = Readiness::Exit;
    let (supervisor, journal, timeline) = start(vec![spec("second", "sleep 60", &["once"]), once]);
    assert_eq!(supervisor.unsettled(), ["once", "second"]);
    soon(supervisor.wait_settled()).await.unwrap();
    assert!(supervisor.unsettled().is_empty());
    journal.begin_anew();
    timeline.begin_anew();
    supervisor.tell_again().await;
    let mut events = Box::pin(Arc::clone(&journal).follow(0));
    let mut told = Vec::new();
    loop {
        match soon(events.next()).await.unwrap().body {
            EventBody::Service(status) => told.push((status.name, status.state)),
            EventBody::DesktopReady => break,
            EventBody::Mark { name } => assert_eq!(name, "desktop-ready"),
            other => panic!("{other:?}"),
        }
    }
    let expected = [("once", ServiceState::Stopped), ("second", ServiceState::Ready)];
    assert_eq!(told, expected.map(|(name, state)| (name.to_owned(), state)));
    soon(supervisor.stop_all()).await;
}

#[tokio::test]
async fn a_service_that_has_failed_is_not_waited_for() {
    let mut broken = spec("broken", "exit 4", &[]);
    broken.readiness = Readiness::Exit;
    let (supervisor, _, _) = start(vec![broken, spec("good", "sleep 60", &[])]);
    assert_eq!(soon(supervisor.wait_settled()).await, Err("broken".to_owned()));
    soon(supervisor.stop_all()).await;
}
