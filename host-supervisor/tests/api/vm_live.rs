//! One VM as a page follows it: its changes as they happen, and what a service says, without a question asked twice.

use anteroom_protocol::{
    EventBody,
    agent::{ServiceState, ServiceStatus},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    event_stream::EventStream,
    service::{Service, answer},
};

async fn listen(service: &Service, key: &str, path: &str) -> EventStream {
    // The client's own time limit would end what has no end.
    let request = reqwest::Client::new().get(service.url(path)).bearer_auth(key);
    let stream = EventStream::open(request).await;
    assert_eq!((stream.status(), stream.content_type()), (StatusCode::OK, "text/event-stream"));
    stream
}

pub(crate) fn service_is(name: &str, state: ServiceState) -> EventBody {
    EventBody::Service(ServiceStatus { name: name.into(), state, restarts: 0, pid: None })
}

#[tokio::test]
async fn a_vm_is_told_whenever_it_is_another_until_it_is_gone() {
    let service = Service::start().await;
    let (_, guest) = service.session("ann").await;
    let vm = guest.spec.id.to_string();
    let path = format!("/api/vms/{vm}/live");
    let mut live = listen(&service, &service.key, &path).await;
    let first = live.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["vm"]["id"]), ("vm", &json!(vm)));
    guest.tells(service_is("xvfb", ServiceState::Starting));
    live.until(|event| event.data["vm"]["services"][0]["state"]["is"] == "starting").await;
    guest.tells(service_is("xvfb", ServiceState::Ready));
    live.until(|event| event.data["vm"]["services"][0]["state"]["is"] == "ready").await;
    guest.tells(EventBody::DesktopReady);
    let ready = live.until(|event| event.data["vm"]["phase"] == "ready").await.data;
    let shown = service.get(&format!("/api/vms/{vm}")).await.body;
    for field in ["id", "session_id", "timeline", "services", "origin", "created_at"] {
        assert_eq!(ready["vm"][field], shown["vm"][field], "{field}");
    }

    service.delete(&format!("/api/vms/{vm}")).await;
    let end = live.until(|event| event.id == "end").await;
    assert!(end.data["vm"]["ended_at"].is_string(), "{end:?}");
    assert!(live.next().await.is_none(), "nothing is told after the end");
    let again = service.request(Method::GET, &path).bearer_auth(&service.key);
    assert_eq!(answer(again.header("last-event-id", "end")).await.status, StatusCode::NO_CONTENT);
    let past = listen(&service, &service.key, &path).await.next().await.unwrap();
    assert_eq!((past.id.as_str(), &past.data["vm"]["timeline"]), ("end", &end.data["vm"]["timeline"]));
    service.stop().await;
}

#[tokio::test]
async fn a_service_is_heard_from_its_last_lines_on_and_no_line_twice() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    for line in 0..1000 {
        guest.chatter.says("x11vnc", &format!("line {line}"));
    }
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let path = format!("/api/vms/{}/live?log=", guest.spec.id);
    let mut live = listen(&service, &service.key, &format!("{path}x11vnc")).await;
    let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
    let whole = live.until(|event| event.name == "log").await.data;
    assert_eq!(whole["whole"], true);
    assert!(text(&whole).starts_with("line 600\n") && text(&whole).ends_with("line 999\n"), "{whole}");

    let mut heard = String::new();
    for line in 1000..1003 {
        guest.chatter.says("x11vnc", &format!("line {line}"));
        // That it is another VM meanwhile costs no line.
        guest.tells(EventBody::Mark { name: format!("mark-{line}") });
        while !heard.ends_with(&format!("line {line}\n")) {
            let event = live.until(|event| event.name == "log").await.data;
            assert_eq!(event["whole"], false);
            heard.push_str(&text(&event));
        }
    }
    assert_eq!(heard, "line 1000\nline 1001\nline 1002\n");
    drop(live);
    let audit = service.get("/api/admin/audit").await.body;
    let is_live = |entry: &&Value| entry["action"] == "GET /api/vms/{id}/live";
    let told: Vec<&Value> = audit["entries"].as_array().unwrap().iter().filter(is_live).collect();
    assert_eq!(told.len(), 1, "{audit}");
    assert_eq!(told[0]["detail"], "follows the log of x11vnc", "{}", told[0]);

    let unknown = service.get(&format!("{path}nothing")).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (StatusCode::BAD_REQUEST, &json!("refused_by_vm")));
    let of_bob = service.request(Method::GET, &format!("{path}x11vnc")).bearer_auth(&service.key);
    assert_eq!(answer(of_bob.header("x-user-id", "bob")).await.body["code"], "other_user");
    service.stop().await;
}

#[tokio::test]
async fn a_key_that_is_revoked_hears_nothing_more_of_a_vm() {
    let service = Service::start().await;
    let (_, guest) = service.session("ann").await;
    let body = json!({ "name": "page", "scopes": ["vms"] });
    let made = service.post("/api/admin/keys", &body).await.body;
    let path = format!("/api/vms/{}/live", guest.spec.id);
    let mut live = listen(&service, made["text"].as_str().unwrap(), &path).await;
    live.next().await.unwrap();
    service.delete(&format!("/api/admin/keys/{}", made["key"]["id"].as_str().unwrap())).await;
    guest.tells(EventBody::Mark { name: "planted-mark".into() });
    while let Some(event) = live.next().await {
        assert!(!event.data.to_string().contains("planted-mark"), "{event:?}");
    }
    service.stop().await;
}
