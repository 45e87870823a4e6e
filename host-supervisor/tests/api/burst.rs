//! Many starts at once: few begin at a time, the others wait for their turn, and that is told.

use std::time::Duration;

use anteroom_protocol::EventBody;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    cli,
    service::{Answer, PATIENCE, Service},
};

/// For what must not happen, after everything that could bring it about.
const MOMENT: Duration = Duration::from_millis(100);

async fn start(service: &Service, user: &str) -> Answer {
    service.post("/api/auth/start", &json!({ "userId": user, "provider": "demo" })).await
}

/// Starts a session, and says which.
async fn started(service: &Service, user: &str) -> String {
    let answer = start(service, user).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body["sessionId"].as_str().unwrap().to_owned()
}

async fn session(service: &Service, id: &str) -> Value {
    service.get(&format!("/api/auth/session/{id}")).await.body["session"].take()
}

/// Waits until so many starts are ahead of it, and returns it.
async fn waits_behind(service: &Service, id: &str, ahead: u64) -> Value {
    let wait = async {
        let mut session = session(service, id).await;
        while session["starts_ahead"] != ahead {
            assert_eq!(session["status"], "initializing", "{session:#}");
            let path = format!("/api/auth/session/{id}?revision={}&wait=10", session["revision"]);
            session = service.get(&path).await.body["session"].take();
        }
        session
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the number of those that are ahead is never told")
}

#[tokio::test]
async fn twenty_five_starts_at_once_all_succeed_and_never_more_than_three_are_under_way() {
    let few = [
        ("launch.at_once", "3"),
        ("vm.max", "30"),
        ("vm.max_per_user", "30"),
        ("vm.browser.memory_mib", "64"),
    ];
    let service = Service::with(&few).await;
    let users: Vec<String> = (0..25).map(|number| format!("user-{}", number % 7)).collect();
    let sessions = join_all(users.iter().map(|user| started(&service, user))).await;
    service.stage.launched(3).await;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(service.stage.guests().len(), 3);
    let summary = service.get("/api/vms/statistics/summary").await.body;
    assert_eq!((&summary["launching"], &summary["waiting"]), (&json!(3), &json!(22)));

    for number in 0..25 {
        service.stage.launched(number + 1).await;
        service.stage.guests()[number].tells(EventBody::DesktopReady);
    }
    for id in &sessions {
        let ready = service.until(id, "ready").await;
        assert!(ready["starts_ahead"].is_null(), "{ready:#}");
    }
    assert_eq!(service.stage.most_starting(), 3);
    service.stop().await;
}

#[tokio::test]
async fn a_user_with_many_starts_does_not_delay_the_first_of_another() {
    let settings = [
        ("launch.at_once", "1"),
        ("vm.max", "30"),
        ("vm.max_per_user", "30"),
        ("vm.browser.memory_mib", "64"),
    ];
    let service = Service::with(&settings).await;
    let mut owners = Vec::new();
    for user in ["ann", "ann", "ann", "ann", "bob", "bob", "cid"] {
        owners.push((session(&service, &started(&service, user).await).await["vm_id"].clone(), user));
    }
    let mut order = Vec::new();
    for number in 0..owners.len() {
        service.stage.launched(number + 1).await;
        let guest = service.stage.guests()[number].clone();
        order.push(owners.iter().find(|(vm, _)| *vm == guest.spec.id.to_string()).unwrap().1);
        guest.tells(EventBody::DesktopReady);
    }
    assert_eq!(order, ["ann", "bob", "cid", "ann", "bob", "ann", "ann"]);
    assert_eq!(service.stage.most_starting(), 1);
    service.stop().await;
}

#[tokio::test]
async fn a_session_that_waits_says_for_how_many_and_one_that_is_ended_makes_room_at_once() {
    let service = Service::with(&[("launch.at_once", "1"), ("launch.waiting", "2"), ("vm.max", "9")]).await;
    let [first, second, third] =
        [started(&service, "ann").await, started(&service, "bob").await, started(&service, "cid").await];
    waits_behind(&service, &second, 0).await;
    let waiting = waits_behind(&service, &third, 1).await;
    let vm = waiting["vm_id"].as_str().unwrap();
    let shown = service.get(&format!("/api/vms/{vm}")).await.body["vm"].take();
    assert_eq!((&shown["status"], &shown["starts_ahead"]), (&json!("creating"), &json!(1)));
    for arguments in [["vm", "show", vm], ["session", "show", &third]] {
        let told = cli::against(&service, &arguments).await;
        assert!(told.out.contains("waits    for its turn to start: 1 is ahead of it\n"), "{}", told.out);
    }
    let link = service.get(&format!("/api/auth/session/{third}/oauth-url")).await;
    assert_eq!(link.status, StatusCode::ACCEPTED);
    assert!(link.body["message"].as_str().unwrap().contains("with 1 ahead of it"), "{}", link.text);

    let refused = start(&service, "dee").await;
    let code = &refused.body["code"];
    assert_eq!((refused.status, code), (StatusCode::SERVICE_UNAVAILABLE, &json!("launch_queue_full")));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.body["error"].as_str().unwrap().contains("launch.waiting"), "{}", refused.text);
    let listed = service.get("/api/auth/sessions").await.body;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 3, "nothing is left of what was refused");

    let cancelled = session(&service, &second).await["vm_id"].clone();
    service.post(&format!("/api/auth/session/{second}/cancel"), &Value::Null).await;
    waits_behind(&service, &third, 0).await;
    service.vm_gone(cancelled.as_str().unwrap()).await;
    assert_eq!(start(&service, "dee").await.status, StatusCode::OK);
    service.post(&format!("/api/auth/session/{first}/cancel"), &Value::Null).await;
    service.stage.guest_of(vm).await;
    assert!(service.stage.guests().iter().all(|guest| guest.spec.id.to_string() != cancelled));
    service.stop().await;
}
