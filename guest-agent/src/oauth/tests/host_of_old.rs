//! Port 8080 as a host of old knows it: every row of its table, over a real socket, before a CLI that is one too.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use std::fs;

use super::*;

/// A definition whose first file proves nothing, and whose second one is of this format.
fn definition(format: &str, require: &str, callback: &str) -> String {
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
struct Old {
    role: Role,
    session: SessionId,
}

struct Answer {
    status: u16,
    head: String,
    text: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Old {
    async fn signing_in(definition: &str) -> Option<Self> {
        let role = Role::start().await?;
        let spec =
            SignInSpec { provider: ProviderDefinition::parse(definition).unwrap(), ..role.spec("exit 0") };
        role.begin(&spec).await.unwrap();
        Some(Self { role, session: spec.session })
    }

    async fn usual() -> Option<Self> {
        Self::signing_in(&definition("json", "token", "")).await
    }

    /// The CLI has shown an address that leads back to this port.
    async fn shows_address(&self, port: u16) -> String {
        let url = format!(
            "https://id.example/authorize?state=s1&code_challenge=c{port}&redirect_uri=http://localhost:{port}/cb"
        );
        self.role.hook(&url).await.unwrap();
        url
    }

    async fn capture(&self, contents: &str) {
        let home = self.role.home.path();
        fs::write(home.join(".tool-extra"), r#"{"account":"a@example.com"}"#).unwrap();
        fs::write(home.join(".tool-new"), contents).unwrap();
        fs::rename(home.join(".tool-new"), home.join(".tool-auth")).unwrap();
        self.role.captured().await;
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Some(TOKEN), "").await
    }

    async fn get_of_session(&self, path: &str) -> Answer {
        self.get(&format!("{path}?sessionId={}", self.session)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(TOKEN), &body.to_string()).await
    }

    /// Without a `Content-Type`, as the simplest of clients.
    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Answer {
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
async fn cli(answers: &[String]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
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

fn page(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn redirect(location: &str) -> String {
    let body = format!("<a href=\"{location}\">Found</a>");
    let length = body.len();
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn health_needs_no_token_and_counts_the_sessions() {
    let Some(role) = Role::start().await else { return };
    let mut old = Old { session: SessionId::random(), role };
    for active in [0, 1] {
        let health = old.ask("GET", "/health", None, "").await;
        assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")));
        assert_eq!(health.body["activeSessions"], active);
        assert!(health.body["timestamp"].as_str().unwrap().ends_with('Z'));
        let spec = old.role.spec("exit 0");
        old.session = spec.session;
        if active == 0 {
            old.role.begin(&spec).await.unwrap();
        }
    }
}

#[tokio::test]
async fn everything_else_needs_the_token_of_this_vm() {
    let Some(role) = Role::start().await else { return };
    let spec = role.spec("exit 0");
    let old = Old { session: spec.session, role };
    let calls = [
        ("POST", "/auth/tool".to_owned()),
        ("GET", format!("/oauth-url?sessionId={}", old.session)),
        ("GET", "/auth/callback?code=c&state=s1".to_owned()),
        ("GET", format!("/credentials/status?sessionId={}", old.session)),
        ("GET", format!("/credentials/get?sessionId={}", old.session)),
        ("POST", "/open-url".to_owned()),
    ];
    for begun in [false, true] {
        for (method, path) in &calls {
            // Before the sign-in has begun there is no token, not even an empty one.
            let tokens = [None, Some(""), Some("wrong"), Some(&TOKEN[1..]), Some(TOKEN)];
            for token in tokens.iter().take(if begun { 4 } else { 5 }) {
                let refused = old.ask(method, path, *token, "{}").await;
                assert_eq!(refused.status, 401, "{method} {path} {token:?}");
                assert_eq!(refused.body, json!({ "error": "the VM's token is missing or wrong" }));
            }
        }
        old.role.begin(&spec).await.unwrap();
    }
}

#[tokio::test]
async fn a_sign_in_that_the_host_has_begun_is_told_of_and_a_failed_one_is_begun_again() {
    let Some(old) = Old::usual().await else { return };
    let start = json!({ "sessionId": old.session });
    let begun = old.post("/auth/tool", &start).await;
    let expected = json!({
        "success": true, "message": "the sign-in has begun", "sessionId": old.session, "oauthUrl": null
    });
    assert_eq!((begun.status, &begun.body), (200, &expected));
    let mut terminal = old.role.terminal().await;
    soon(terminal.next()).await.unwrap();
    let url = old.shows_address(1).await;
    assert_eq!(old.post("/auth/tool", &start).await.body["oauthUrl"], url);

    old.role.report(Report::Exited { run: 1, code: 3, last_lines: Vec::new() }).await;
    old.role.event(|event| matches!(event, EventBody::SignInFailed { .. }).then_some(())).await;
    let again = old.post("/auth/tool", &start).await;
    assert_eq!(again.body["message"], "the sign-in has begun again");
    assert_eq!(again.body["oauthUrl"], Value::Null, "the address of the first command leads nowhere");
    assert!(matches!(soon(terminal.next()).await, Some(Order::Run(run)) if run.run == 2));
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 409);
    assert_eq!(old.get_of_session("/oauth-url").await.status, 202);

    old.capture(r#"{"token":"t1"}"#).await;
    assert_eq!(old.post("/auth/tool", &start).await.body["message"], "the credentials are complete");
    let other = old.post("/auth/other", &start).await;
    assert_eq!((other.status, &other.body["error"]), (404, &json!("this VM signs in to tool")));
}

#[tokio::test]
async fn the_address_is_waited_for_and_then_told_as_often_as_asked() {
    let Some(old) = Old::usual().await else { return };
    let waiting = old.get_of_session("/oauth-url").await;
    assert_eq!((waiting.status, &waiting.body["waiting"]), (202, &json!(true)));
    assert!(waiting.body["message"].is_string() && waiting.body["elapsedMs"].is_u64());
    let url = old.shows_address(1).await;
    for _ in 0..2 {
        let told = old.get_of_session("/oauth-url").await;
        assert_eq!((told.status, told.body), (200, json!({ "oauthUrl": url })));
    }
}

#[tokio::test]
async fn credentials_are_those_of_the_file_that_proves_the_sign_in_in_its_own_format() {
    let cases = [
        ("json", "token", r#"{"token":"t1"}"#, json!({ "token": "t1" })),
        ("jsonc", "token", "// mine\n{\"token\":\"t1\"}", json!("// mine\n{\"token\":\"t1\"}")),
        ("yaml", "host.token", "host:\n  token: t1\n", json!("host:\n  token: t1\n")),
        ("toml", "token", "token = \"t1\"\n", json!("token = \"t1\"\n")),
    ];
    for (format, require, contents, expected) in cases {
        let Some(old) = Old::signing_in(&definition(format, require, "")).await else { return };
        let waiting = old.get_of_session("/credentials/status").await;
        assert_eq!((waiting.status, &waiting.body["authenticated"]), (200, &json!(false)), "{format}");
        assert!(waiting.body["waiting"] == true && waiting.body["elapsedMs"].is_u64(), "{}", waiting.text);
        let early = old.get_of_session("/credentials/get").await;
        assert_eq!((early.status, early.body["error"].is_string()), (400, true), "{format}");
        old.capture(contents).await;
        for _ in 0..2 {
            let status = old.get_of_session("/credentials/status").await;
            assert_eq!(status.body["authenticated"], true, "{}", status.text);
            assert_eq!(
                (&status.body["provider"], &status.body["path"]),
                (&json!("tool"), &json!(".tool-auth"))
            );
            assert!(status.body["modifiedAt"].as_str().unwrap().ends_with('Z'));
            assert!(!status.text.contains("t1"), "{}", status.text);
            let credentials = old.get_of_session("/credentials/get").await;
            let whole = json!({
                "success": true, "provider": "tool", "credentials": expected, "credPath": ".tool-auth"
            });
            assert_eq!((credentials.status, credentials.body), (200, whole), "{format}");
        }
    }
}

#[tokio::test]
async fn a_page_is_opened_in_the_browser_of_the_vm() {
    let Some(old) = Old::usual().await else { return };
    let opened = old.post("/open-url", &json!({ "url": "https://id.example/help" })).await;
    assert_eq!((opened.status, opened.body), (200, json!({ "success": true })));
    let refused = old.post("/open-url", &json!({ "url": "file:///etc/passwd" })).await;
    assert_eq!((refused.status, refused.body["error"].is_string()), (400, true));
}

#[tokio::test]
async fn anything_else_is_not_found_a_wrong_method_too() {
    let Some(old) = Old::usual().await else { return };
    let calls = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/health/"),
        ("POST", "/health"),
        ("DELETE", "/oauth-url"),
        ("PUT", "/credentials/status"),
        ("POST", "/credentials/get"),
        ("GET", "/open-url"),
        ("GET", "/auth/tool"),
        ("POST", "/auth/tool/more"),
        ("POST", "/auth/callback"),
        ("OPTIONS", "/auth/callback"),
    ];
    for (method, path) in calls {
        let answer = old.ask(method, path, Some(TOKEN), "{}").await;
        assert_eq!((answer.status, answer.body), (404, json!({ "error": "Not Found" })), "{method} {path}");
    }
    let (port, asked) = cli(&[page("200 OK", "done")]).await;
    old.shows_address(port).await;
    assert_eq!(old.ask("HEAD", "/auth/callback?code=c&state=s1", Some(TOKEN), "").await.status, 404);
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 200);
    assert_eq!(asked.await.unwrap(), ["GET /cb?code=c&state=s1"], "a head alone takes no callback");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_says_something_else_is_bad() {
    let Some(old) = Old::usual().await else { return };
    for body in ["", "{", "planted", "[]", "{}", r#"{"sessionId":7}"#, r#"{"url":{"planted":1}}"#, "\u{1}"] {
        for path in ["/auth/tool", "/open-url"] {
            let answer = old.ask("POST", path, Some(TOKEN), body).await;
            assert_eq!((answer.status, answer.body["error"].is_string()), (400, true), "{path} {body}");
            assert!(!answer.text.contains("planted"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_session_that_is_not_in_this_vm_is_unknown() {
    let Some(old) = Old::usual().await else { return };
    let other = SessionId::random().to_string();
    for session in [other.as_str(), "no-uuid", "", "%ff"] {
        for path in ["/oauth-url", "/credentials/status", "/credentials/get"] {
            let answer = old.get(&format!("{path}?sessionId={session}")).await;
            assert_eq!((answer.status, answer.body["error"].is_string()), (404, true), "{path} {session}");
        }
        let answer = old.post("/auth/tool", &json!({ "sessionId": session })).await;
        assert_eq!((answer.status, answer.body["error"].is_string()), (404, true), "{session}");
    }
    assert_eq!(old.get("/oauth-url").await.status, 400, "it names none");
}

#[tokio::test]
async fn a_callback_goes_to_the_port_and_path_of_the_newest_address_and_its_answer_comes_back() {
    let Some(old) = Old::usual().await else { return };
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 409, "no address is known");
    old.shows_address(1).await;
    let (port, asked) = cli(&[page("200 OK", "You are signed in.")]).await;
    old.shows_address(port).await;
    for bad in ["state=s1", "code=c", "code=c&state=s2", ""] {
        assert_eq!(old.get(&format!("/auth/callback?{bad}")).await.status, 400, "{bad}");
    }
    let answer = old.get("/auth/callback?code=a%2Bb&state=s1&iss=x").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "You are signed in."));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(asked.await.unwrap(), ["GET /cb?code=a%2Bb&state=s1&iss=x"]);
}

/// What the CLI says to a callback, and what the caller gets: status, `Location`, and words of the body.
struct Handed {
    callback: &'static str,
    query: &'static str,
    cli: Vec<String>,
    gets: (u16, Option<&'static str>, &'static str),
}

const OUT: &str = "https://provider.example/auth_success_tool?x=1";
const FAILURE: &str = "https://provider.example/auth_failure_tool";
const VERDICT: &str = "success_location = '/auth_success_tool|/success'";
const FOLLOWING: &str = "success_location = '/success'\nfollow_local_redirects = true";

#[tokio::test]
async fn the_caller_gets_the_answer_of_the_cli_and_never_a_success_that_is_none() {
    let inside = "http://localhost:9/success?id_token=planted";
    let good = "code=c&state=s1";
    let denied = "error=access_denied&state=s1";
    let taken = "\"success\":true";
    let not_taken = "\"error\":\"the command has not taken the callback\"";
    let not_signed_in = "\"error\":\"the provider has not signed the person in: access_denied\"";
    let row = |callback, query, cli: &[String], gets| Handed { callback, query, cli: cli.to_vec(), gets };
    let rows = [
        // It was taken.
        row(VERDICT, good, &[redirect(OUT)], (302, Some(OUT), taken)),
        row("", good, &[redirect(OUT)], (302, Some(OUT), taken)),
        row(VERDICT, good, &[redirect(inside)], (200, None, taken)),
        row(VERDICT, good, &[redirect("/success?id_token=planted")], (200, None, taken)),
        row(
            FOLLOWING,
            good,
            &[redirect("/success?id_token=planted"), page("200 OK", "All done.")],
            (200, None, "All done."),
        ),
        // The provider has refused, and the CLI says so, in its way or not at all.
        row(VERDICT, denied, &[page("400 Bad Request", "Denied.")], (400, None, "Denied.")),
        row("", denied, &[page("200 OK", "Denied.")], (400, None, "Denied.")),
        row("", denied, &[page("200 OK", "")], (400, None, not_signed_in)),
        row(VERDICT, denied, &[redirect(OUT)], (400, Some(OUT), not_signed_in)),
        row(VERDICT, denied, &[redirect(inside)], (400, None, not_signed_in)),
        // The CLI refuses.
        row("", good, &[page("403 Forbidden", "State mismatch")], (403, None, "State mismatch")),
        row("", good, &[page("500 Oh", "")], (500, None, not_taken)),
        row(VERDICT, good, &[page("200 OK", "No token.")], (400, None, "No token.")),
        row(VERDICT, good, &[redirect(FAILURE)], (400, Some(FAILURE), not_taken)),
        row(VERDICT, good, &[redirect("/failed?id_token=planted")], (400, None, not_taken)),
        row("", good, &["nonsense\r\n\r\n".to_owned()], (502, None, "answers no HTTP")),
    ];
    for (number, Handed { callback, query, cli: says, gets: (status, location, words) }) in
        rows.into_iter().enumerate()
    {
        let Some(old) = Old::signing_in(&definition("json", "token", callback)).await else { return };
        let (port, asked) = cli(&says).await;
        old.shows_address(port).await;
        let answer = old.get(&format!("/auth/callback?{query}")).await;
        assert_eq!(answer.status, status, "row {number}: {}", answer.text);
        assert_eq!(answer.header("location"), location, "row {number}");
        assert!(answer.text.contains(words), "row {number}: {}", answer.text);
        assert!(!format!("{}{}", answer.head, answer.text).contains("planted"), "row {number}");
        assert_eq!(asked.await.unwrap().len(), says.len(), "row {number}");
    }
}

#[tokio::test]
async fn a_callback_port_that_is_closed_is_named() {
    let Some(old) = Old::usual().await else { return };
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    old.shows_address(port).await;
    let answer = old.get("/auth/callback?code=c&state=s1").await;
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.body,
        json!({ "error": format!("the command's callback port {port} does not answer") })
    );
}
