//! What operators see of VMs.

use anteroom_protocol::{
    EventBody,
    agent::{ServiceState, ServiceStatus},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::service::Service;

#[tokio::test]
async fn a_vm_is_shown_with_its_timeline_and_services() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let vm = guest.spec.id.to_string();
    let ready = ServiceStatus { name: "xvfb".into(), state: ServiceState::Ready, restarts: 0, pid: Some(7) };
    guest.tells(EventBody::Service(ready));
    guest.tells(EventBody::Mark { name: "desktop-painted".into() });
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let shown = service.get(&format!("/api/vms/{vm}")).await.body["vm"].take();
    assert_eq!(
        (&shown["type"], &shown["status"], &shown["phase"]),
        (&json!("browser"), &json!("running"), &json!("ready"))
    );
    assert_eq!(
        (&shown["vcpus"], &shown["memory_mib"], &shown["session_id"]),
        (&json!(2), &json!(4096), &json!(session))
    );
    assert_eq!(shown["services"][0]["name"], "xvfb");
    let names: Vec<&str> =
        shown["timeline"].as_array().unwrap().iter().map(|mark| mark["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"requested") && names.contains(&"desktop-painted"), "{names:?}");
    let listed = service.get("/api/vms").await.body;
    assert_eq!(listed["vms"][0]["id"], vm);
    let summary = service.get("/api/vms/statistics/summary").await.body;
    assert_eq!(
        (&summary["total"], &summary["byStatus"]["running"], &summary["limit"]),
        (&json!(1), &json!(1), &json!(4))
    );
    let of_session = service.get(&format!("/api/auth/session/{session}/vm")).await.body;
    assert_eq!((&of_session["vmId"], &of_session["vmIP"]), (&json!(vm), &json!("10.0.2.15")));

    // The timeline outlives the VM.
    service.post(&format!("/api/auth/session/{session}/cancel"), &Value::Null).await;
    let gone = service.vm_gone(&vm).await;
    assert!(gone["timeline"].to_string().contains("desktop-painted"), "{gone}");
    assert!(gone["ended_at"].is_string());
    service.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_vm_is_diagnosed() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let path = format!("/api/vms/{}/diagnostics", guest.spec.id);
    guest.prints("booting\n").await;
    let state = ServiceState::Failed { cause: "exit code 2".into(), last_lines: vec!["no display".into()] };
    guest.tells(EventBody::Service(ServiceStatus {
        name: "websockify".into(),
        state,
        restarts: 3,
        pid: None,
    }));
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let sick = service.get(&path).await.body;
    assert_eq!((&sick["healthy"], &sick["problems"][0]["code"]), (&json!(false), &json!("service_failed")));
    assert_eq!(sick["problems"][0]["detail_lines"], json!(["no display"]));
    assert_eq!(sick["console"], json!(["booting"]));
    service.stop().await;
}

#[tokio::test]
async fn the_console_of_a_failed_vm_stays_until_it_is_removed() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let vm = guest.spec.id.to_string();
    service.until(&session, "vm_created").await;
    guest.prints("Kernel panic - not syncing: VFS: Unable to mount root fs\n").await;
    guest.dies();
    service.until(&session, "failed").await;
    service.vm_gone(&vm).await;
    let console = service.get(&format!("/api/admin/vm/{vm}/console")).await;
    assert_eq!(console.headers["content-type"], "text/plain; charset=utf-8");
    assert!(console.text.contains("Unable to mount root fs"), "{}", console.text);
    assert_eq!(service.delete(&format!("/api/vms/{vm}")).await.body["success"], true);
    let gone = service.get(&format!("/api/admin/vm/{vm}/console")).await;
    assert_eq!((gone.status, &gone.body["code"]), (StatusCode::GONE, &json!("console_gone")));
    service.stop().await;
}

#[tokio::test]
async fn removing_a_vm_ends_its_session() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let vm = guest.spec.id.to_string();
    assert_eq!(service.post(&format!("/api/vms/{vm}/heartbeat"), &Value::Null).await.body["success"], true);
    assert_eq!(service.delete(&format!("/api/vms/{vm}")).await.body["success"], true);
    assert!(!guest.is_running());
    let ended = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("cancelled"), &json!("vm_removed")));
    assert_eq!(
        service.post(&format!("/api/vms/{vm}/heartbeat"), &Value::Null).await.status,
        StatusCode::GONE
    );
    service.stop().await;
}

#[tokio::test]
async fn a_vm_that_cannot_hibernate_says_so_and_goes_on() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let hibernate = format!("/api/vms/{}/hibernate", guest.spec.id);
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let refused = service.post(&hibernate, &Value::Null).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::CONFLICT, &json!("hibernation_unsupported"))
    );
    let awake = service.post(&format!("/api/vms/{}/wake", guest.spec.id), &Value::Null).await;
    assert_eq!((awake.status, &awake.body["vm"]["phase"]), (StatusCode::OK, &json!("ready")));
    let unknown = format!("/api/vms/{}/hibernate", anteroom_protocol::VmId::random());
    assert_eq!(service.post(&unknown, &Value::Null).await.status, StatusCode::NOT_FOUND);
    service.stop().await;
}
