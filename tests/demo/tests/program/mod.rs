//! A command-line program as a child: what it says is read as it says it, and it dies with the test.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Program {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    pub(crate) said: Vec<String>,
}

impl Program {
    pub(crate) fn start(command: Command) -> Self {
        Self::told(command, "")
    }

    /// With this as its whole standard input.
    pub(crate) fn told(mut command: Command, input: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
        // A program that has ended does not read it.
        std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let (sender, lines) = mpsc::unbounded_channel();
        read(child.stdout.take().unwrap(), sender.clone());
        read(child.stderr.take().unwrap(), sender);
        Self { child, lines, said: Vec::new() }
    }

    /// The first word that starts with `start`, on any line.
    pub(crate) async fn word(&mut self, start: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let Ok(Some(line)) = line else { panic!("no {start} in {:#?}", self.said) };
            self.said.push(line.clone());
            if let Some(word) = line.split_whitespace().find(|word| word.starts_with(start)) {
                return word.to_owned();
            }
        }
    }

    /// Its exit code, once it has closed its output.
    pub(crate) async fn end(&mut self) -> i32 {
        let closed = async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line);
            }
        };
        let closed = tokio::time::timeout(PATIENCE, closed).await;
        assert!(closed.is_ok(), "it does not end: {:#?}", self.said);
        self.child.wait().unwrap().code().expect("an exit code")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn all_said(&self) -> String {
        self.said.join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: impl Read + Send + 'static, lines: mpsc::UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}
