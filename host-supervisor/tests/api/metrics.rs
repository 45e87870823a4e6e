//! What is counted and measured.

use std::collections::BTreeSet;

use anteroom::metrics::{FAMILIES, Kind};
use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::service::{Service, answer};

/// The value of the series that begins like this, as far as there is one.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test]
async fn what_happens_is_counted_and_read_with_a_key_for_that() {
    let service = Service::start().await;
    let key =
        service.post("/api/admin/keys", &json!({ "name": "prometheus", "scopes": ["metrics"] })).await.body;
    let key = key["text"].as_str().unwrap().to_owned();
    let read = async || {
        let read = answer(service.request(Method::GET, "/metrics").bearer_auth(&key)).await;
        assert_eq!(read.status, StatusCode::OK, "{}", read.text);
        assert!(read.headers["content-type"].to_str().unwrap().contains("version=0.0.4"));
        read.text
    };
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let now = read().await;
    assert_eq!(value(&now, "anteroom_sessions{status=\"ready\"}"), Some(1.0), "{now}");
    assert_eq!(value(&now, "anteroom_vms{status=\"running\"}"), Some(1.0), "{now}");
    assert!(value(&now, "anteroom_session_stage_seconds_count{stage=\"ready\"}") >= Some(1.0), "{now}");
    let starts = "anteroom_http_requests_total{method=\"POST\",route=\"/api/auth/start\",status=\"200\"}";
    assert!(value(&now, starts) >= Some(1.0), "{now}");
    service.post(&format!("/api/auth/session/{session}/cancel"), &json!({})).await;
    let after = read().await;
    assert_eq!(value(&after, "anteroom_sessions{status=\"ready\"}"), Some(0.0), "{after}");
    assert!(value(&after, "anteroom_sessions_ended_total{status=\"cancelled\"}") >= Some(1.0), "{after}");
    assert!(!after.contains(&session), "an id is no label");

    // Whatever somebody asks for makes no series of its own.
    for path in ["/etc/passwd", "/api/vms/../../x", "/%00"] {
        service.get(path).await;
    }
    let (probed, none) = (read().await, "route=\"none\"");
    assert!(probed.contains(none) && !probed.contains("passwd"), "{probed}");
    service.stop().await;
}

#[test]
fn the_documentation_lists_every_family_and_the_dashboard_asks_for_no_other() {
    let documented = include_str!("../../../docs/metrics.md");
    for family in FAMILIES {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let row =
            format!("| `{}` | {kind} | {} | {} |", family.name, family.labels.join(", "), family.meaning);
        assert!(documented.contains(&row), "docs/metrics.md lacks\n{row}");
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../../packaging/grafana/anteroom.json")).unwrap();
    let known: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    let mut shown = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let words =
                target["expr"].as_str().unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| word.starts_with("anteroom_")) {
                shown += 1;
                assert!(known.contains(word.trim_end_matches("_bucket")), "{word}");
            }
        }
    }
    assert!(shown > 10);
}
