//! A caller of port 8080 who knows nothing of Anteroom, and a CLI for it to meet.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

/// A definition whose first file proves nothing, and whose second one is of this format.
pub(super) fn definition(format: &str, require: &str, callback: &str) -> String {
    format!(
        r#"
        id = "tool"
        name = "Tool"
        [launch.browser]
        argv = ["tool", "login"]
        [[url]]
        host = "id.example"
        path = "/authorize"
        kind = "callback"
        require_query = ["state"]
        dedupe = "code_challenge"
        [callback]
        path = "/cb"
        {callback}
        [[credential]]
        path = ".tool-extra"
        keys = ["account"]
        [[credential]]
        path = ".tool-auth"
        format = "{format}"
        require = ["{require}"]
        "#
    )
}

/// The role and what a caller of its port knows.
pub(super) struct Old {
    pub(super) role: Role,
    pub(super) session: SessionId,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Old {
    pub(super) async fn signing_in(definition: &str) -> Option<Self> {
        let role = Role::start().await?;
        let spec =
            SignInSpec { provider: ProviderDefinition::parse(definition).unwrap(), ..role.spec("exit 0") };
        role.begin(&spec).await.unwrap();
        Some(Self { role, session: spec.session })
    }

    pub(super) async fn usual() -> Option<Self> {
        Self::signing_in(&definition("json", "token", "")).await
    }

    /// The CLI has shown an address that leads back to this port.
    pub(super) async fn shows_address(&self, port: u16) -> String {
        let url = format!(
            "https://id.example/authorize?state=s1&code_challenge=c{port}&redirect_uri=http://localhost:{port}/cb"
        );
        self.role.hook(&url).await.unwrap();
        url
    }

    pub(super) async fn capture(&self, contents: &str) {
        let home = self.role.home.path();
        fs::write(home.join(".tool-extra"), r#"{"account":"a@example.com"}"#).unwrap();
        fs::write(home.join(".tool-new"), contents).unwrap();
        fs::rename(home.join(".tool-new"), home.join(".tool-auth")).unwrap();
        self.role.captured().await;
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Some(TOKEN), "").await
    }

    pub(super) async fn get_of_session(&self, path: &str) -> Answer {
        self.get(&format!("{path}?sessionId={}", self.session)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(TOKEN), &body.to_string()).await
    }

    /// Without a `Content-Type`, as the simplest of clients.
    pub(super) async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.role.port)).await.unwrap();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: vm\r\n{token}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            text: text.to_owned(),
            body: serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }
}

/// A CLI that answers its callbacks with these, and tells what it was asked.
pub(super) async fn cli(answers: &[String]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = answers.to_vec();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = peer.read(&mut request).await.unwrap();
            let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap().to_owned();
            asked.push(line.trim_end_matches(" HTTP/1.1").to_owned());
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (port, asked)
}

pub(super) fn page(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}")
}

pub(super) fn redirect(location: &str) -> String {
    let body = format!("<a href=\"{location}\">Found</a>");
    let length = body.len();
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: {length}\r\n\r\n{body}")
}
