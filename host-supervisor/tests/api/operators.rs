//! The operators' routes on a socket of their own.

use reqwest::StatusCode;
use serde_json::Value;

use crate::service::Service;

const THEIRS: [&str; 5] =
    ["/metrics", "/api/admin/keys", "/api/admin/audit", "/api/admin/system/stats", "/api/webhook/deliveries"];

#[tokio::test]
async fn what_is_for_operators_answers_on_their_socket_and_nowhere_else() {
    let service = Service::with(&[("admin.listen", "127.0.0.1:0")]).await;
    let admin = service.admin.unwrap();
    let there = async |path: &str| {
        let asked = service.http.get(format!("http://{admin}{path}")).bearer_auth(&service.key);
        let answer = asked.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    for path in THEIRS {
        assert_eq!(service.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(there(path).await.0, StatusCode::OK, "{path}");
    }
    for path in ["/health", "/api/vms"] {
        assert_eq!((service.get(path).await.status, there(path).await.0), (StatusCode::OK, StatusCode::OK));
    }
    let described: Value = serde_json::from_str(&there("/api/openapi.json").await.1).unwrap();
    assert!(described["paths"]["/api/admin/keys"].is_object());
    assert!(service.get("/api/openapi.json").await.body["paths"]["/api/admin/keys"].is_null());
    service.stop().await;
}

#[tokio::test]
async fn without_one_they_are_with_the_others() {
    let service = Service::start().await;
    assert_eq!(service.admin, None);
    for path in THEIRS {
        assert_eq!(service.get(path).await.status, StatusCode::OK, "{path}");
    }
    service.stop().await;
}
