//! Running other programs: shown before, quiet or loud, their last lines in the error.

use std::process::Stdio;

use tokio::process::Command;

/// How much of a failed program's output is told.
const LAST_LINES: usize = 12;

#[derive(Debug, thiserror::Error)]
pub enum FixError {
    #[error("{program} cannot be started; is it installed?")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{command}` ended with {status}{}", after_colon(last_lines))]
    Failed { command: String, status: std::process::ExitStatus, last_lines: Vec<String> },
    #[error("{path}")]
    Write {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("no archive has what is needed: {0}")]
    NoCandidate(String),
}

fn after_colon(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "\n    " + line)
}

/// Runs it as a person would see it: its output on standard error, its questions (sudo's) on the terminal.
pub(super) async fn shown(argv: &[&str], say: &mut (dyn FnMut(&str) + Send)) -> Result<(), FixError> {
    say(&argv.join(" "));
    let status = command(argv)
        .stdout(std::io::stderr())
        .status()
        .await
        .map_err(|source| FixError::Start { program: first(argv), source })?;
    if status.success() {
        Ok(())
    } else {
        Err(FixError::Failed { command: argv.join(" "), status, last_lines: Vec::new() })
    }
}

/// Runs it for its output.
pub(super) async fn quiet(argv: &[&str]) -> Result<String, FixError> {
    let output = command(argv)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| FixError::Start { program: first(argv), source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stdout) + &text(&output.stderr);
    let lines: Vec<String> = said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    let last_lines = lines[lines.len().saturating_sub(LAST_LINES)..].to_vec();
    Err(FixError::Failed { command: argv.join(" "), status: output.status, last_lines })
}

fn command(argv: &[&str]) -> Command {
    let mut command = Command::new(first(argv));
    command.args(argv.get(1..).unwrap_or_default()).kill_on_drop(true).env("LC_ALL", "C.UTF-8");
    command
}

fn first(argv: &[&str]) -> String {
    argv.first().copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_its_last_lines() {
        assert_eq!(quiet(&["sh", "-c", "echo yes"]).await.unwrap(), "yes\n");
        let error = quiet(&["sh", "-c", "seq 1 30; echo 'no such package' >&2; exit 100"]).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit status: 100\n    20\n"), "{text}");
        assert!(text.ends_with("\n    no such package"), "{text}");
    }

    #[tokio::test]
    async fn a_command_is_said_before_it_runs() {
        let mut said = Vec::new();
        shown(&["sh", "-c", "exit 0"], &mut |line| said.push(line.to_owned())).await.unwrap();
        assert_eq!(said, ["sh -c exit 0"]);
        assert!(matches!(shown(&["anteroom-no-such-tool"], &mut |_| ()).await, Err(FixError::Start { .. })));
    }
}
