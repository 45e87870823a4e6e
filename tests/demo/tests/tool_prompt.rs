//! Our own tool asks its model: the prompt by standard input, lines of JSON by standard output, tokens renewed on the way.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod own_tool;
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anteroom_demo::idp::{Event, GrantType, Idp, Profile};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use own_tool::Stage;
use program::Program;

const REFRESHED: Event = Event::TokenIssued { sign_in: 1, grant: GrantType::RefreshToken };

/// The exit code, and the lines of both outputs.
async fn ask(stage: &Stage, arguments: &[&str], prompt: &str) -> (i32, Vec<String>) {
    let mut program = Program::told(stage.tool(&[&["prompt"], arguments].concat()), prompt);
    (program.end().await, program.said.clone())
}

fn text(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_answer_comes_as_lines_of_json() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let (code, lines) = ask(&stage, &[], "hello there").await;
    assert_eq!((code, text(&lines).as_str()), (0, "You said: hello there"), "{lines:?}");
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["start", "text", "text", "text", "text", "usage", "end"]);
    assert_eq!(lines[5]["usage"], json!({ "input_tokens": 2, "output_tokens": 4 }));
    assert!(stage.idp.log().events().contains(&Event::Prompted { sign_in: 1 }));
    let (code, lines) = ask(&stage, &["--text"], "hello there").await;
    assert_eq!((code, lines), (0, vec!["You said: hello there".to_owned()]));
}

#[tokio::test]
async fn a_prompt_may_be_long_and_of_many_lines() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let prompt = "several words\non a line, \"quoted\"\n".repeat(5000);
    let (code, lines) = ask(&stage, &[], &prompt).await;
    assert_eq!((code, text(&lines) == format!("You said: {prompt}")), (0, true));
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so_with_an_exit_code_of_its_own() {
    let stage = Stage::set().await;
    assert_eq!(ask(&stage, &[], "hello").await, (3, vec!["anteroom-demo: not signed in".to_owned()]));
    stage.sign_in().await;
    let (code, lines) = ask(&stage, &[], " \n").await;
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
}

#[tokio::test]
async fn an_access_token_that_is_refused_is_renewed_and_the_file_is_written_anew() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let before = stage.credentials();
    stage.idp.revoke_access_tokens();
    let (code, lines) = ask(&stage, &[], "hello").await;
    assert_eq!((code, text(&lines).as_str()), (0, "You said: hello"), "{lines:?}");
    let after = stage.credentials();
    for token in ["access_token", "refresh_token"] {
        assert_ne!(before[token], after[token]);
    }
    assert_eq!((&before["account"], &before["client_id"]), (&after["account"], &after["client_id"]));
    assert_eq!(fs::metadata(stage.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(stage.file().parent().unwrap()).unwrap().count(), 1);
    let renewals = || stage.idp.log().events().iter().filter(|event| **event == REFRESHED).count();
    assert_eq!((ask(&stage, &[], "hello").await.0, renewals()), (0, 1));
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_before_it_is_shown() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let mut file = stage.credentials();
    file["expires_at"] = json!(1);
    fs::write(stage.file(), file.to_string()).unwrap();
    assert_eq!(ask(&stage, &[], "hello").await.0, 0);
    let events = stage.idp.log().events();
    assert!(events.contains(&REFRESHED), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::Refused { .. })), "{events:?}");
    assert!(stage.credentials()["expires_at"].as_u64().unwrap() > 1);
}

#[tokio::test]
async fn when_the_refresh_token_is_refused_too_the_file_stays_and_the_exit_code_tells() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let before = stage.credentials();
    stage.idp.revoke_everything();
    let refused = "anteroom-demo: token refused; sign in again".to_owned();
    assert_eq!(ask(&stage, &[], "hello").await, (4, vec![refused.clone()]));
    assert_eq!(stage.credentials(), before);
    // Tokens that are worth nothing the moment they are issued.
    let stage = Stage::with(|profile| profile.lifetimes.access_token = Duration::ZERO).await;
    stage.sign_in().await;
    assert_eq!(ask(&stage, &[], "hello").await, (4, vec![refused]));
}

#[tokio::test]
async fn the_provider_of_another_vm_takes_the_tokens_too() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let idp = Idp::new(Profile::demo(&elsewhere));
    tokio::spawn(idp.clone().run(listener, std::future::pending()));
    let ask = async || {
        let mut command = stage.tool(&["prompt", "--text"]);
        command.env("ANTEROOM_DEMO_ISSUER", &elsewhere);
        let mut program = Program::told(command, "hello");
        (program.end().await, program.all_said())
    };
    assert_eq!(ask().await, (0, "You said: hello".to_owned()));
    let mut file = stage.credentials();
    file["expires_at"] = json!(1);
    fs::write(stage.file(), file.to_string()).unwrap();
    assert_eq!(ask().await, (0, "You said: hello".to_owned()));
    let renewed = Event::TokenIssued { sign_in: 0, grant: GrantType::RefreshToken };
    assert!(idp.log().events().contains(&renewed), "{:?}", idp.log().events());
    idp.revoke_everything();
    assert_eq!(ask().await.0, 4);
}

#[tokio::test]
async fn a_slow_answer_is_told_as_it_comes_and_can_be_cancelled() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let mut program = Program::told(stage.tool(&["prompt"]), "slowly please");
    program.word("{\"type\":\"text\",\"text\":\"You").await;
    assert!(program.is_running());
    drop(program);
    let hung_up = stage.idp.log().wait_for(|event| *event == Event::HungUp { sign_in: 1 });
    tokio::time::timeout(Duration::from_secs(20), hung_up).await.unwrap();
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut command = stage.tool(&["prompt"]);
    command.env("ANTEROOM_DEMO_ISSUER", format!("http://{gone}"));
    let mut program = Program::told(command, "hello");
    assert_eq!(program.end().await, 1);
    assert!(
        program.all_said().contains(&format!("http://{gone} is not to be reached")),
        "{}",
        program.all_said()
    );
}
