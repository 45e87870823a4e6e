//! A command-line program in a terminal, as a person sees it: what it shows is read as text, keys are typed.
//!
//! The terminal is that of script(1), with the size of the one in a VM.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);
/// A program asks where the cursor is (ECMA-48: DSR), and waits for the answer.
const WHERE_IS_THE_CURSOR: &str = "\u{1b}[6n";

pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: mpsc::UnboundedReceiver<Vec<u8>>,
    stream: Vec<u8>,
    /// Questions for the cursor that were answered.
    answered: usize,
}

impl Terminal {
    pub(crate) fn open(command: &Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = Command::new("script");
        let inside = format!("stty rows 45 cols 64; exec {}", words.join(" "));
        script.args(["--quiet", "--flush", "--return", "--command", &inside, "/dev/null"]).env_clear();
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("TERM", "xterm").current_dir(command.get_current_dir().unwrap());
        let mut child =
            script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script of util-linux");
        let (sender, shown) = mpsc::unbounded_channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                let _ = sender.send(piece[..length].to_vec());
            }
        });
        let keys = child.stdin.take().unwrap();
        Self { child, keys, shown, stream: Vec::new(), answered: 0 }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// As a terminal pastes for a program that wants to tell pasted text from keys, and then Enter.
    pub(crate) fn paste(&mut self, text: &str) {
        self.press(&format!("\u{1b}[200~{text}\u{1b}[201~\r"));
    }

    /// Waits until the text that was shown has something in it.
    pub(crate) async fn wait_for<T>(&mut self, what: impl Fn(&str) -> Option<T>) -> T {
        loop {
            if let Some(found) = what(&self.text()) {
                return found;
            }
            assert!(self.more().await, "not shown: {}", self.text());
        }
    }

    /// Waits until this is shown.
    pub(crate) async fn shows(&mut self, wanted: &str) {
        self.wait_for(|text| text.contains(wanted).then_some(())).await;
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn end(&mut self) -> i32 {
        while self.more().await {}
        self.child.wait().unwrap().code().expect("an exit code")
    }

    /// Takes what is shown next; whether there was anything. What the program has asked the terminal is answered only now:
    /// keys that were pressed because of a text come before the answer to what stands behind the text.
    async fn more(&mut self) -> bool {
        let asked = String::from_utf8_lossy(&self.stream).matches(WHERE_IS_THE_CURSOR).count();
        for _ in self.answered..asked {
            self.press("\u{1b}[1;1R");
        }
        self.answered = asked;
        match tokio::time::timeout(PATIENCE, self.shown.recv()).await {
            Ok(Some(piece)) => {
                self.stream.extend_from_slice(&piece);
                true
            }
            Ok(None) => false,
            Err(_) => panic!("it neither shows anything nor ends: {}", self.text()),
        }
    }

    /// The links behind what is shown (OSC 8).
    pub(crate) fn links(&self) -> Vec<String> {
        let stream = String::from_utf8_lossy(&self.stream);
        let links = stream.split("\u{1b}]8;").skip(1);
        let address =
            |link: &str| link.split(['\u{7}', '\u{1b}']).next()?.split_once(';').map(|(_, a)| a.to_owned());
        links.filter_map(address).filter(|address| !address.is_empty()).collect()
    }

    /// Everything that was shown, without colours and the like. A cursor that moves to the right leaves a space.
    pub(crate) fn text(&self) -> String {
        let stream = String::from_utf8_lossy(&self.stream);
        let (mut text, mut rest) = (String::new(), &*stream);
        while let Some((before, sequence)) = rest.split_once('\u{1b}') {
            text.push_str(before);
            rest = match sequence.bytes().next() {
                Some(b'[') => {
                    let end =
                        sequence[1..].find(|c| ('@'..='~').contains(&c)).map_or(sequence.len(), |at| at + 2);
                    if sequence[..end].ends_with(['C', 'G']) {
                        text.push(' ');
                    }
                    &sequence[end..]
                }
                Some(b']') => sequence.split_once(['\u{7}', '\u{1b}']).map_or("", |(_, rest)| rest),
                _ => sequence.get(1..).unwrap_or_default(),
            };
        }
        text.push_str(rest);
        text.replace('\r', "")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
