use std::ffi::OsString;

use super::{Command, UsageError};
use crate::cli::prompt::Output;

fn parse(words: &str) -> Result<Command, UsageError> {
    Command::parse(words.split_whitespace().map(OsString::from))
}

#[test]
fn every_command_is_understood() {
    assert_eq!(parse("idp"), Ok(Command::Idp { address: "127.0.0.1:9400".parse().unwrap() }));
    assert_eq!(parse("idp --listen [::1]:80"), Ok(Command::Idp { address: "[::1]:80".parse().unwrap() }));
    assert_eq!(parse("login"), Ok(Command::Login { client_id: "demo" }));
    assert_eq!(parse("login --auto"), Ok(Command::Login { client_id: "demo-auto" }));
    assert_eq!(parse("whoami"), Ok(Command::Status));
    assert_eq!(parse("status"), Ok(Command::Status));
    assert_eq!(parse("logout"), Ok(Command::Logout));
    assert_eq!(parse("prompt"), Ok(Command::Prompt { output: Output::JsonLines }));
    assert_eq!(parse("prompt --text"), Ok(Command::Prompt { output: Output::Text }));
    assert_eq!(parse("run sh -c"), Ok(Command::Run(vec!["sh".into(), "-c".into()])));
    assert_eq!(parse("--help"), Ok(Command::Help));
}

#[test]
fn the_word_that_makes_no_sense_is_named() {
    for (words, culprit) in [
        ("signin", "signin"),
        ("login --manual", "--manual"),
        ("login --auto now", "now"),
        ("status please", "please"),
        ("prompt hello", "hello"),
        ("prompt --text hello", "hello"),
        ("idp --port 1", "--port"),
        ("idp --listen 127.0.0.1:1 2", "2"),
    ] {
        assert_eq!(parse(words), Err(UsageError::Unknown(culprit.into())), "{words}");
    }
}

#[test]
fn no_command_and_no_address_are_told_apart() {
    assert_eq!(parse(""), Err(UsageError::Missing));
    assert_eq!(parse("idp --listen"), Err(UsageError::Address));
    assert_eq!(parse("idp --listen localhost"), Err(UsageError::Address));
}
