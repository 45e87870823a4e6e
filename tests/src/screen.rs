//! A terminal that somebody sits at: what is on its screen counts, not what was sent to it. tmux(1) plays it.

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use tempfile::TempDir;

/// A program under emulation takes its time, and a guest whose daemon was killed until it is heard again.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Ends with everything that runs in it.
#[derive(Debug)]
pub struct Screen {
    scratch: TempDir,
}

impl Screen {
    /// A terminal of this size, in characters, with a shell in it.
    ///
    /// # Errors
    /// When tmux cannot be run.
    pub fn open(columns: u16, rows: u16, environment: &BTreeMap<String, String>) -> Result<Self> {
        let screen = Self { scratch: tempfile::tempdir()? };
        let size = [columns, rows].map(|length| length.to_string());
        let shell = "env PS1='here$ ' bash --norc";
        let mut command = screen.tmux(&["new-session", "-d", "-x", &size[0], "-y", &size[1], shell]);
        done(command.env_remove("TMUX").envs(environment).output()?)?;
        Ok(screen)
    }

    /// Types the text, as it is.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn type_text(&self, text: &str) -> Result<()> {
        done(self.tmux(&["send-keys", "-l", text]).output()?).map(drop)
    }

    /// Presses keys by their names: `Enter`, `C-c`.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn press(&self, key: &str) -> Result<()> {
        done(self.tmux(&["send-keys", key]).output()?).map(drop)
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn enter(&self, line: &str) -> Result<()> {
        self.type_text(line)?;
        self.press("Enter")
    }

    /// Pastes what a file holds, as fast as it is taken.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn paste(&self, file: &str) -> Result<()> {
        done(self.tmux(&["load-buffer", file]).output()?)?;
        done(self.tmux(&["paste-buffer", "-r"]).output()?).map(drop)
    }

    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let size = [columns, rows].map(|length| length.to_string());
        done(self.tmux(&["resize-window", "-x", &size[0], "-y", &size[1]]).output()?).map(drop)
    }

    /// What somebody sees.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn shown(&self) -> Result<String> {
        let output = done(self.tmux(&["capture-pane", "-p", "-J"]).output()?)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Waits until a line of the screen is this one, and returns the screen.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn until_line(&self, line: &str) -> Result<String> {
        self.until(line, |shown| shown.lines().any(|shown| shown.trim_end() == line)).await
    }

    /// Waits until this is somewhere on the screen, and returns that.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn until_text(&self, text: &str) -> Result<String> {
        self.until(text, |shown| shown.contains(text)).await
    }

    /// Waits until the screen ends with this, and returns it.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn until_end(&self, end: &str) -> Result<String> {
        self.until(end, |shown| shown.ends_with(end)).await
    }

    async fn until(&self, wanted: &str, is: impl Fn(&str) -> bool) -> Result<String> {
        let begin = Instant::now();
        loop {
            let shown = self.shown()?;
            if is(&shown) {
                return Ok(shown);
            }
            if begin.elapsed() > PATIENCE {
                bail!("{wanted:?} is not on the screen:\n{shown}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A server of its own, without anybody's configuration.
    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.scratch.path().join("tmux")).args(["-f", "/dev/null", "-u"]);
        command.args(arguments).stdin(Stdio::null());
        command
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).output();
    }
}

fn done(output: Output) -> Result<Output> {
    ensure!(output.status.success(), "tmux: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}
