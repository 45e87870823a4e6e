//! Traces as a collector gets them, over a real socket in OTLP.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anteroom_protocol::EventBody;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message as _;
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    guest::Guest,
    service::{Service, answer, log},
    sign_in::{URL, complete, url_found},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

/// Takes traces until it is dropped.
struct Collector {
    endpoint: String,
    came: Came,
    serving: JoinHandle<()>,
}

type Came = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let came = Came::default();
        let take = |State(came): State<Came>, headers, body: Bytes| async move {
            came.lock().unwrap().push((headers, body));
        };
        let app = Router::new().route("/v1/traces", post(take)).with_state(came.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { endpoint, came, serving }
    }

    fn spans(&self) -> Vec<Span> {
        let came = self.came.lock().unwrap();
        let requests = came.iter().map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|spans| spans.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    fn spans_of_the_caller(&self) -> Spans {
        let all: Vec<_> = self.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
        Spans(all.into_iter().map(|span| (span.name.clone(), span)).collect())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// By their names; of those with one name, one.
struct Spans(BTreeMap<String, Span>);

impl Spans {
    fn named(&self, name: &str) -> &Span {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.0.keys()))
    }

    fn is_within(&self, name: &str, parent: &str) {
        let (span, parent) = (self.named(name), self.named(parent));
        assert_eq!(span.parent_span_id, parent.span_id, "{name} in {}", parent.name);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?;
    Some(match value.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

/// Starts a session for a caller with this `traceparent`.
async fn session(service: &Service, parent: &str) -> (String, Arc<Guest>) {
    let start = service.request(Method::POST, "/api/auth/start").bearer_auth(&service.key);
    let start = start.header("traceparent", parent).header("x-request-id", "asked-7");
    let started = answer(start.json(&json!({ "userId": "ann", "provider": "demo" }))).await;
    let session = started.body["sessionId"].as_str().expect("a session").to_owned();
    let vm = service.get(&format!("/api/auth/session/{session}")).await.body["session"]["vm_id"].clone();
    let guest = service.stage.guest_of(vm.as_str().unwrap()).await;
    (session, guest)
}

#[tokio::test]
async fn a_collector_sees_a_sign_in_as_part_of_its_callers_trace_and_nothing_secret() {
    let collector = Collector::start().await;
    let state = Arc::new(tempfile::tempdir().unwrap());
    let headers = state.path().join("headers");
    std::fs::write(&headers, "x-key=of-the-collector\n").unwrap();
    std::fs::set_permissions(&headers, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let settings =
        [("otlp.endpoint", collector.endpoint.as_str()), ("otlp.headers_file", headers.to_str().unwrap())];
    let service = Service::in_directory(state, &settings).await;
    let (id, guest) = session(&service, &parent("01")).await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(&id, URL));
    service.until(&id, "awaiting_user_auth").await;
    complete(&service, &id, &guest, "planted-access").await;
    service.delete(&format!("/api/auth/session/{id}")).await;
    service.stop().await;

    let spans = collector.spans_of_the_caller();
    let request = spans.named("POST /api/auth/start");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(attribute(request, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute(request, "anteroom.request").as_deref(), Some("asked-7"));
    spans.is_within("session", "POST /api/auth/start");
    let session = spans.named("session");
    assert_eq!(attribute(session, "anteroom.session"), Some(id));
    assert_eq!(attribute(session, "anteroom.status").as_deref(), Some("completed"));
    for stage in [
        "initializing",
        "vm_created",
        "ready",
        "awaiting_user_auth",
        "capture",
        "vm vmm-started",
        "vm agent-answered",
    ] {
        spans.is_within(stage, "session");
        let span = spans.named(stage);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
    }
    let asked = guest.traced.lock().unwrap().clone();
    let signed_in =
        asked.iter().find(|(path, _)| path == "/sign-in").expect("the agent is told of the trace");
    assert!(signed_in.1.starts_with(&format!("00-{TRACE}-")) && signed_in.1.ends_with("-01"), "{asked:?}");
    let calls: Vec<_> =
        collector.spans().into_iter().filter(|span| span.name.starts_with("agent ")).collect();
    assert!(calls.iter().any(|call| signed_in.1.contains(&hex(&call.span_id))), "{asked:?}");

    for (headers, body) in collector.came.lock().unwrap().iter() {
        assert_eq!(headers["x-key"], "of-the-collector");
        let text = String::from_utf8_lossy(body);
        for secret in ["planted", "of-the-collector", "anteroom_"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_caller_decides_whether_its_trace_is_kept_and_without_a_collector_it_goes_through_all_the_same() {
    let collector = Collector::start().await;
    let service = Service::with(&[("otlp.endpoint", &collector.endpoint), ("otlp.sample", "0")]).await;
    let (_, guest) = session(&service, &parent("00")).await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    let sampled = service.request(Method::GET, "/api/vms").bearer_auth(&service.key);
    answer(sampled.header("traceparent", parent("01"))).await;
    service.get("/api/vms").await;
    service.stop().await;
    let names: Vec<_> = collector.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /api/vms"], "the one whose caller keeps it");
    let (_, unsampled) = guest.traced.lock().unwrap()[0].clone();
    assert!(unsampled.contains(TRACE) && unsampled.ends_with("-00"), "{unsampled}");

    let service = Service::start().await;
    let (session, guest) = session(&service, &parent("01")).await;
    service.until(&session, "vm_created").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    let (_, same) = guest.traced.lock().unwrap()[0].clone();
    assert_eq!(same, parent("01"));
    service.stop().await;
}

#[tokio::test]
async fn a_collector_that_hangs_or_is_not_there_holds_nobody_up_and_is_one_line_in_the_log() {
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", hangs.local_addr().unwrap());
    let service = Service::with(&[("otlp.endpoint", &endpoint)]).await;
    let (id, guest) = service.session("ann").await;
    complete(&service, &id, &guest, "planted-access").await;
    let began = Instant::now();
    service.stop().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(hangs);

    let service = Service::with(&[("otlp.endpoint", &endpoint)]).await;
    let lines = || log().matches("the collector (otlp.endpoint) does not take traces").count();
    let before = lines();
    for _ in 0..3 {
        service.get("/api/vms").await;
        // Longer than they are collected.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    service.stop().await;
    let logged = log();
    let of_collectors: Vec<_> = logged.lines().filter(|line| line.contains("collector")).collect();
    assert_eq!(lines() - before, 1, "{of_collectors:#?}");
}
