//! A stage for our own tool: its provider in this process, a home for the tool, and a browser.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anteroom_demo::idp::{Idp, Profile};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::browser::{Browser, location, ticket};
use crate::program::Program;

/// A provider in this process and a home for the tool.
pub(crate) struct Stage {
    pub(crate) idp: Idp,
    pub(crate) address: SocketAddr,
    pub(crate) home: TempDir,
    pub(crate) browser: Browser,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(|_| {}).await
    }

    /// With a profile that is a little different.
    pub(crate) async fn with(change: impl FnOnce(&mut Profile)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut profile = Profile::demo(format!("http://{address}"));
        change(&mut profile);
        let idp = Idp::new(profile);
        tokio::spawn(idp.clone().run(listener, std::future::pending()));
        Self { idp, address, home: tempfile::tempdir().unwrap(), browser: Browser::plain() }
    }

    pub(crate) fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom-demo"));
        command.args(arguments).env("HOME", self.home.path()).env("BROWSER", "true");
        command.env("ANTEROOM_DEMO_ISSUER", format!("http://{}", self.address));
        command
    }

    /// The tool's exit code and what it said.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut program = Program::start(self.tool(arguments));
        (program.end().await, program.all_said())
    }

    /// A login that waits, and the address it wants opened.
    pub(crate) async fn login(&self) -> (Program, String) {
        let mut program = Program::start(self.tool(&["login"]));
        let url = program.word("http://").await;
        (program, url)
    }

    pub(crate) async fn decide(&self, url: &str, decision: &str) -> String {
        let page = self.browser.get(url).await;
        let action = format!("http://{}/oauth/authorize/decision", self.address);
        let answer = self.browser.post(&action, &[("request", &ticket(&page)), ("decision", decision)]).await;
        location(&answer).unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.home.path().join(".anteroom-demo/credentials.json")
    }

    /// With a login that nobody has to allow.
    pub(crate) async fn sign_in(&self) {
        let mut login = Program::start(self.tool(&["login", "--auto"]));
        self.browser.follow(&login.word("http://").await).await;
        assert_eq!(login.end().await, 0, "{}", login.all_said());
    }

    pub(crate) fn credentials(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }
}
