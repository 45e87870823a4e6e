//! Lists that are longer than an answer, and what of them is whose; whether the daemon is ready.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Service, answer};

fn ids(answer: &Value, list: &str, id: &str) -> Vec<String> {
    let items = answer[list].as_array().unwrap();
    items.iter().map(|item| item[id].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_long_list_comes_in_pages_without_a_gap_and_nothing_twice() {
    let service = Service::with(&[("vm.max", "5"), ("launch.at_once", "5")]).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.insert(0, service.session("ann").await.0);
    }
    for (path, list, id) in [
        ("/api/auth/sessions", "sessions", "session_id"),
        ("/api/auth/sessions/ann", "sessions", "session_id"),
        ("/api/vms", "vms", "session_id"),
    ] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        for most in [2, 2, 1] {
            let page = service.get(&format!("{path}?limit=2{next}")).await.body;
            assert_eq!(page[list].as_array().unwrap().len(), most, "{path}: {page}");
            seen.extend(ids(&page, list, id));
            next = page["next"].as_str().map(|last| format!("&after={last}")).unwrap_or_default();
        }
        assert!(next.is_empty(), "{path}: there is no more");
        // Those of one millisecond have an order of their own.
        let (mut sorted, mut expected) = (seen.clone(), all.clone());
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected, "{path}");
    }
    for wrong in ["limit=-1", "after=x"] {
        assert_eq!(service.get(&format!("/api/vms?{wrong}")).await.body["code"], "invalid_query");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_user_sees_and_ends_their_own_vms_only() {
    let service = Service::start().await;
    let (_, of_ann) = service.session("ann").await;
    let (_, of_bob) = service.session("bob").await;
    let call = async |method: Method, path: &str| {
        let request = service.request(method, path).bearer_auth(&service.key).header("x-user-id", "bob");
        answer(request).await
    };
    let listed = call(Method::GET, "/api/vms").await.body;
    assert_eq!(ids(&listed, "vms", "id"), [of_bob.spec.id.to_string()]);
    let (own, others) = (format!("/api/vms/{}", of_bob.spec.id), format!("/api/vms/{}", of_ann.spec.id));
    assert_eq!(call(Method::GET, &own).await.status, StatusCode::OK);
    for (method, path) in [
        (Method::GET, others.clone()),
        (Method::DELETE, others.clone()),
        (Method::POST, format!("{others}/heartbeat")),
        (Method::GET, format!("{others}/diagnostics")),
        (Method::GET, format!("{others}/services/xvfb/log")),
        (Method::GET, format!("/api/admin/vm/{}/console", of_ann.spec.id)),
        (Method::GET, "/api/vms/statistics/summary".to_owned()),
    ] {
        let refused = call(method.clone(), &path).await;
        let expected = (StatusCode::FORBIDDEN, &json!("other_user"));
        assert_eq!((refused.status, &refused.body["code"]), expected, "{method} {path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn what_keeps_the_daemon_from_beginning_a_session_is_told() {
    let service = Service::start().await;
    let readiness = answer(service.request(Method::GET, "/health/ready")).await;
    // The image of this test is none.
    assert_eq!(
        (readiness.status, &readiness.body["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("not_ready"))
    );
    let checks = readiness.body["checks"].as_array().unwrap();
    let of = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!((&of("database")["ok"], &of("providers")["ok"]), (&json!(true), &json!(true)));
    assert_eq!(
        of("image")["cause"],
        "vmlinuz, initrd, agent.erofs, debian.erofs is gone; build the image again"
    );
    let whole = service.get("/api/admin/health/system").await;
    assert_eq!((whole.status, &whole.body["status"]), (StatusCode::OK, &json!("not_ready")));
    assert_eq!(whole.body["checks"].as_array().unwrap().len(), 5);
    service.stop().await;
}

#[tokio::test]
async fn an_operator_sees_what_runs_and_removes_what_was_left() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let stats = service.get("/api/admin/system/stats").await.body;
    assert_eq!((&stats["success"], &stats["stats"]["vmLimit"]), (&json!(true), &json!(4)));
    assert_eq!(stats["stats"]["vms"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 1);
    assert!(stats["stats"]["host"]["memoryAvailableMib"].as_u64().unwrap() > 0, "{stats}");
    assert_eq!(stats["stats"]["host"]["load"].as_array().unwrap().len(), 3);
    // What nobody knows goes, what lives stays.
    let vms = service.state.path().join("vms");
    let stray = vms.join("7e3b9d3c-0d5e-4d57-8c3f-111111111111");
    std::fs::create_dir_all(&stray).unwrap();
    let removed = service.post("/api/admin/cleanup/orphaned-resources", &json!({})).await.body;
    assert_eq!(removed["removed"], json!(["7e3b9d3c-0d5e-4d57-8c3f-111111111111"]));
    assert!(!stray.exists() && vms.join(guest.spec.id.to_string()).exists());
    assert_eq!(service.get(&format!("/api/auth/session/{session}")).await.status, StatusCode::OK);
    service.stop().await;
}
