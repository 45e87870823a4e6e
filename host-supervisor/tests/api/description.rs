//! The API's own description: that it is one, and that the daemon does what it says.

use std::{collections::BTreeSet, fs, process::Stdio};

use anteroom_tests::skip;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::service::{Service, answer};

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];
/// What says nothing about anybody.
const OPEN: [&str; 5] = ["/health", "/health/ready", "/api/auth/health", "/api/login", "/api/logout"];

async fn description(service: &Service) -> Value {
    let described = answer(service.request(Method::GET, "/api/openapi.json")).await;
    assert_eq!(described.status, StatusCode::OK);
    described.body
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = METHODS.iter().filter(|method| item[*method].is_object());
        methods.map(|method| (path.clone(), (*method).to_owned(), item[*method].clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[tokio::test]
async fn every_call_is_described_with_what_it_needs_and_refuses_whoever_has_it_not() {
    let service = Service::start().await;
    let description = description(&service).await;
    assert_eq!(description["openapi"], "3.1.0");
    let operations = operations(&description);
    assert!(operations.len() > 50, "{}", operations.len());
    for (path, method, operation) in &operations {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{what}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let known = parameters.iter().any(|known| known["in"] == "path" && known["name"] == name);
            assert!(known, "{what}: {name} is not described");
        }
        let needs = operation["security"].as_array().is_some_and(|needs| !needs.is_empty());
        assert_eq!(needs, !OPEN.contains(&path.as_str()), "{what}");
        let path = path.replace("{id}", "7e3b9d3c-0d5e-4d57-8c3f-111111111111").replace(['{', '}'], "");
        let method: Method = method.to_uppercase().parse().unwrap();
        let refused = answer(service.request(method, &path).json(&json!({}))).await;
        if needs {
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{what}");
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn every_call_has_a_name_of_its_own() {
    let service = Service::start().await;
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&description(&service).await) {
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(
            !name.is_empty(),
            "{method} {path} has no name: give it one in host-supervisor/src/api/names.rs"
        );
        assert!(names.insert(name.clone()), "{method} {path} is called {name} like another call");
    }
    service.stop().await;
}

/// The clients are made of the file, before the daemon is built.
#[tokio::test]
async fn the_file_of_the_description_says_what_the_daemon_says() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client/openapi.json");
    let service = Service::start().await;
    let description = description(&service).await;
    service.stop().await;
    if std::env::var_os("ANTEROOM_TEST_RENEW").is_some() {
        fs::write(FILE, format!("{description:#}\n")).unwrap();
    }
    let file: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(
        file == description,
        "client/openapi.json is not what the daemon says: run `make client`, and commit what it changes"
    );
}

#[tokio::test]
async fn people_read_the_same_in_a_page_that_fetches_nothing_from_elsewhere_and_runs_no_script() {
    let service = Service::start().await;
    let page = answer(service.request(Method::GET, "/api/docs")).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    for (path, method, operation) in operations(&description(&service).await) {
        let summary = operation["summary"].as_str().unwrap().replace('\'', "&#39;");
        let line = format!("{}</code> <code>{path}</code> {summary}", method.to_uppercase());
        assert!(page.text.contains(&line), "{line} is not in the page");
    }
    assert!(!page.text.contains("<script") && !page.text.contains("://"), "{}", page.text);
    let style = answer(service.request(Method::GET, "/api/docs/style.css")).await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    service.stop().await;
}

/// Schemathesis makes calls out of the description, good and bad ones, and looks whether the answers are what it says.
#[tokio::test]
async fn a_tool_that_looks_for_calls_that_break_the_promise_finds_none() {
    let Ok(schemathesis) = std::env::var("ANTEROOM_TEST_SCHEMATHESIS") else {
        skip("schemathesis", "ANTEROOM_TEST_SCHEMATHESIS does not name it (make test installs it)");
        return;
    };
    // Whatever it starts finds a place, and it asks as often as it likes.
    let many = "1000000";
    let limits =
        [("rate_limit.requests", many), ("rate_limit.starts", many), ("rate_limit.signalling", many)];
    let service =
        Service::with(&[&limits[..], &[("vm.max", "50"), ("vm.max_per_user", "20")]].concat()).await;
    service.session("ann").await;
    let scratch = tempfile::tempdir().unwrap();
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/schemathesis/schemathesis.toml");
    let output = Command::new(schemathesis)
        .args(["--config-file", settings, "run", &service.url("/api/openapi.json")])
        // An answer that goes on as long as its session; and one that says rightly that this test has no image.
        .args([
            "--exclude-path",
            "/api/auth/session/{id}/events",
            "--exclude-path",
            "/health/ready",
            "--header",
        ])
        .arg(format!("Authorization: Bearer {}", service.key))
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "15",
            "--seed",
            "1",
            "--workers",
            "2",
        ])
        // What is well-formed can still be refused: a session that has ended, a provider that is not there.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .current_dir(&scratch)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    service.stop().await;
}
