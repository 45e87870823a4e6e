//! Clients and guests that do not behave. Each kind goes on until it is stopped.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{BAD, client, victim::Victim};

type Abuse = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// How often the daemon said what.
static TOLD: LazyLock<Mutex<BTreeMap<(&'static str, String), usize>>> = LazyLock::new(Mutex::default);

fn note(kind: &'static str, said: String) {
    *TOLD.lock().unwrap_or_else(PoisonError::into_inner).entry((kind, said)).or_default() += 1;
}

/// What was answered to each kind of it, and how often.
pub(super) fn told() -> Vec<(&'static str, String, usize)> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.iter().map(|((kind, said), count)| (*kind, said.clone(), *count)).collect()
}

/// `spare` are sessions that may be ended.
pub(super) fn kinds(victim: &Victim, spare: Vec<String>) -> Vec<(&'static str, Abuse)> {
    let address = victim.address;
    let many = |kind: &'static str, at_once: usize, words: Vec<Vec<u8>>| -> Abuse {
        Box::pin(async move {
            let mut callers = JoinSet::new();
            for caller in 0..at_once {
                let words = words.clone();
                callers.spawn(async move {
                    for word in words.iter().cycle().skip(caller) {
                        let Ok(mut stream) = client::connect(BAD, address).await else { continue };
                        note(kind, say(&mut stream, word).await);
                    }
                });
            }
            callers.join_all().await;
            Ok(())
        })
    };
    vec![
        ("5000 connections, a byte a second", Box::pin(slow(address))),
        ("bodies of 64 MiB", many("bodies", 8, bodies())),
        ("malformed upgrades", many("upgrades", 8, upgrades())),
        ("path tricks", many("paths", 8, paths())),
        ("wrong keys, tokens, cookies", many("keys", 8, keys())),
        ("a guest that floods", Box::pin(flood(victim.state.clone(), address, victim.key.clone(), spare))),
    ]
}

/// Sends it, and returns what the answer's first line says.
async fn say(stream: &mut tokio::net::TcpStream, words: &[u8]) -> String {
    // The answer may come before all of it is sent, and the connection may be gone then.
    let _ = stream.write_all(words).await;
    let mut answer = vec![0; 256];
    match timeout(Duration::from_secs(10), stream.read(&mut answer)).await {
        Ok(Ok(0)) => "closed".to_owned(),
        Ok(Ok(count)) => {
            String::from_utf8_lossy(&answer[..count]).lines().next().unwrap_or_default().to_owned()
        }
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => "no answer within 10 s".to_owned(),
    }
}

async fn slow(address: std::net::SocketAddr) -> Result<()> {
    let mut callers = JoinSet::new();
    for _ in 0..5000 {
        callers.spawn(async move {
            loop {
                let Ok(mut stream) = client::connect(BAD, address).await else {
                    sleep(Duration::from_secs(1)).await;
                    continue;
                };
                let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
                for byte in request {
                    if stream.write_all(&[*byte]).await.is_err() {
                        note("slow", "closed".to_owned());
                        break;
                    }
                    sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
    callers.join_all().await;
    Ok(())
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

fn bodies() -> Vec<Vec<u8>> {
    let body = vec![b'['; 64 << 20];
    let length = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend_from_slice(&body);
    vec![
        post("/api/login", &length, &body),
        post("/api/login", "content-type: application/json\r\ntransfer-encoding: chunked\r\n", &chunked),
        post(
            "/api/login",
            "content-type: application/json\r\ncontent-length: 18446744073709551615\r\n",
            b"{",
        ),
        post("/api/login", "content-length: 5\r\ntransfer-encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        // Depth instead of length.
        post("/api/login", "content-type: application/json\r\ncontent-length: 100000\r\n", &body[..100_000]),
    ]
}

fn upgrades() -> Vec<Vec<u8>> {
    let id = "7e3b9d3c-0d5e-4d57-8c3f-111111111111";
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes()
    };
    let vnc = format!("/api/auth/session/{id}/vnc?token=x");
    let long = format!("upgrade: {}\r\nconnection: upgrade\r\n", "x".repeat(60_000));
    vec![
        get(&vnc, "upgrade: websocket\r\nconnection: upgrade\r\n"),
        get(
            &vnc,
            "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 0\r\nsec-websocket-key: \r\n",
        ),
        get(
            &vnc,
            "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        ),
        get(&format!("/api/vms/{id}/exec"), "upgrade: anteroom-exec\r\nconnection: close\r\n"),
        get("/health", "upgrade: tcp\r\nconnection: upgrade\r\n"),
        get("/health", &long),
        get("/health", "upgrade\r\n"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
        b"GET /health HTTP/9.9\r\nhost: localhost\r\n\r\n".to_vec(),
    ]
}

fn paths() -> Vec<Vec<u8>> {
    let paths = [
        "/../../../../etc/passwd",
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/assets/%00",
        "/assets/%ff%fe",
        "//api/vms",
        "/api//vms",
        "/api/vms/%2e%2e/admin/keys",
        "/api/auth/session/..%2f..%2fadmin%2fkeys",
        "/api/auth/session/%00/events",
        "/API/VMS",
        "/api/vms;jsessionid=1",
        "/metrics/",
        "http://169.254.169.254/latest/meta-data",
        "*",
    ];
    let long = format!("/{}", "a/".repeat(20_000));
    let of = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes();
    paths.iter().map(|path| of(path)).chain([of(&long)]).collect()
}

fn keys() -> Vec<Vec<u8>> {
    let with = |headers: &str| {
        format!("GET /api/auth/sessions HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes()
    };
    let expires = "9".repeat(18);
    vec![
        with(""),
        with(&format!("authorization: Bearer {}\r\n", "0".repeat(64))),
        with(&format!("x-api-key: anteroom_deadbeef_{}\r\n", "0".repeat(64))),
        with(&format!("authorization: Bearer {}\r\n", "x".repeat(50_000))),
        with(&format!("cookie: anteroom_4000={expires}.local.{}\r\n", "0".repeat(64))),
        post(
            "/api/login",
            "content-type: application/json\r\ncontent-length: 13\r\n",
            br#"{"key":"key"}"#,
        ),
        b"GET /api/auth/session/7e3b9d3c-0d5e-4d57-8c3f-111111111111?token=AAAA HTTP/1.1\r\nhost: localhost\r\n\r\n"
            .to_vec(),
    ]
}

/// Sessions whose guests say as much as they can, on their consoles and in their events.
async fn flood(
    state: std::path::PathBuf,
    address: std::net::SocketAddr,
    key: String,
    ids: Vec<String>,
) -> Result<()> {
    std::fs::write(state.join("flood"), "")?;
    let http = reqwest::Client::builder().tls_certs_only([]).build()?;
    let url = |path: &str| format!("http://{address}{path}");
    for id in ids {
        // Its place is needed.
        http.delete(url(&format!("/api/auth/session/{id}"))).bearer_auth(&key).send().await?;
        let body = json!({ "userId": "flood", "provider": "demo" });
        let started = http.post(url("/api/auth/start")).bearer_auth(&key).json(&body).send().await?;
        note("flood", format!("start {}", started.status()));
    }
    sleep(Duration::from_secs(3600)).await;
    Ok(())
}
