use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const SIGN_IN: &str = "https://auth.example/authorize?state=s1&code_challenge=c&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fauth%2Fcallback";

fn plan(query: &str) -> Result<Replay, String> {
    Replay::plan(SIGN_IN, query).map_err(|error| error.to_string())
}

#[test]
fn a_callback_of_this_sign_in_goes_to_its_own_port_and_path_unchanged() {
    let replay = plan("code=a%2Bb&state=s1&scope=x").unwrap();
    assert_eq!(replay.path_and_query, "/auth/callback?code=a%2Bb&state=s1&scope=x");
    assert_eq!((replay.host.as_str(), replay.port), ("localhost", 1455));
    assert!(plan("error=access_denied&state=s1").is_ok());
}

#[test]
fn a_callback_of_another_sign_in_is_refused_before_anything_is_sent() {
    assert_eq!(
        plan("code=c&state=s2").unwrap_err(),
        "the callback belongs to another sign-in: its state differs"
    );
    assert_eq!(plan("code=c").unwrap_err(), "the callback has no state");
    assert_eq!(plan("state=s1").unwrap_err(), "the callback has no code");
}

#[test]
fn a_pasted_address_must_be_that_of_this_sign_ins_callback() {
    let pasted = |address| Replay::pasted(SIGN_IN, address).map_err(|error| error.to_string());
    let good = pasted(" http://127.0.0.1:1455/auth/callback?code=c&state=s1 \n").unwrap();
    assert_eq!(good.path_and_query, "/auth/callback?code=c&state=s1");
    assert!(pasted("http://localhost:1455/auth/callback?error=access_denied&state=s1").is_ok());
    for elsewhere in [
        "http://localhost:1456/auth/callback?code=c&state=s1",
        "http://localhost:1455/cancel?code=c&state=s1",
        "https://localhost:1455/auth/callback?code=c&state=s1",
        "http://evil.example:1455/auth/callback?code=c&state=s1",
        "http://localhost:1455@evil.example/auth/callback?code=c&state=s1",
    ] {
        let refused = pasted(elsewhere).unwrap_err();
        assert!(refused.ends_with("which begins with http://localhost:1455/auth/callback"), "{refused}");
    }
    assert!(
        pasted("http://localhost:1455/auth/callback?code=c&state=s2").unwrap_err().contains("state differs")
    );
    assert!(pasted("no address").is_err());
}

#[test]
fn only_a_callback_on_this_machine_counts() {
    for target in ["https://localhost:1/cb", "http://evil.example:80/cb", "file:///x", ""] {
        let sign_in = format!("https://auth.example/authorize?redirect_uri={target}");
        assert!(matches!(Replay::plan(&sign_in, "code=c"), Err(CallbackError::NoCallback)), "{target}");
    }
}

/// A CLI that answers each connection with the next of these, and tells what was asked.
async fn cli(answers: Vec<&'static str>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = peer.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..length]).lines().next().unwrap().to_owned());
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (port, asked)
}

fn callback(follow_local_redirects: bool) -> Callback {
    Callback {
        path: "/cb".into(),
        ports: Vec::new(),
        follow_local_redirects,
        success_location: None,
        http_probe_safe: false,
    }
}

fn replay(port: u16) -> Replay {
    Replay { host: "127.0.0.1".into(), port, path_and_query: "/cb?code=c".into(), provider_error: None }
}

#[tokio::test]
async fn a_redirect_to_the_same_port_is_followed_when_the_cli_needs_it() {
    let done = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    let (port, asked) =
        cli(vec!["HTTP/1.1 302 Found\r\nLocation: /success?id_token=x\r\nContent-Length: 0\r\n\r\n", done])
            .await;
    let answer = replay(port).send(Some(&callback(true))).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"done"[..]));
    assert_eq!(asked.await.unwrap(), ["GET /cb?code=c HTTP/1.1", "GET /success?id_token=x HTTP/1.1"]);
}

#[test]
fn no_name_or_address_of_the_loopback_is_on_the_web() {
    let web = |url: &str| is_on_the_web(&Url::parse(url).unwrap());
    for url in [
        "https://provider.example/x",
        "http://192.0.2.1/",
        "http://[2001:db8::1]/",
        "https://localhost.example/",
    ] {
        assert!(web(url), "{url}");
    }
    for url in [
        "http://localhost:1455/success",
        "http://LOCALHOST./",
        "https://tool.localhost/",
        "http://127.9.9.9/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "file:///etc/passwd",
        "tool://done?id_token=x",
        "data:text/html,x",
    ] {
        assert!(!web(url), "{url}");
    }
}

#[test]
fn a_providers_error_is_told_only_when_it_is_a_code() {
    let error = |query: &str| plan(query).unwrap().provider_error;
    assert_eq!(error("error=access_denied&state=s1").as_deref(), Some("access_denied"));
    assert_eq!(error("error=%3Cscript%3E&state=s1").as_deref(), Some("an error"));
    assert_eq!(error("code=c&state=s1"), None);
}

#[tokio::test]
async fn a_redirect_to_elsewhere_is_the_answer_and_is_not_followed() {
    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: https://provider.example/done\r\nContent-Length: 0\r\n\r\n";
    let (port, asked) = cli(vec![elsewhere]).await;
    let answer = replay(port).send(Some(&callback(true))).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(asked.await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_verdict_is_the_clis_first_answer_as_the_definition_reads_it() {
    let led_to = async |location: &str, error: Option<&str>| {
        let page = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (port, _asked) = cli(vec![page.leak()]).await;
        let definition = Callback { success_location: Some("/auth_success".into()), ..callback(false) };
        let replay = Replay { provider_error: error.map(str::to_owned), ..replay(port) };
        replay.send(Some(&definition)).await.unwrap().verdict
    };
    let verdict = led_to("https://provider.example/auth_success_tool", None).await;
    assert_eq!(verdict, CallbackVerdict { accepted: true, status: 302 });
    assert!(!led_to("https://provider.example/auth_failure_tool", None).await.accepted);
    assert!(
        !led_to("https://provider.example/auth_success_tool", Some("access_denied")).await.accepted,
        "it carried an error"
    );
    let (port, _asked) = cli(vec!["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"]).await;
    assert!(!replay(port).send(None).await.unwrap().verdict.accepted);
}

#[tokio::test]
async fn a_port_that_is_closed_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = replay(port).send(None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the command's callback port {port} does not answer"));
}
