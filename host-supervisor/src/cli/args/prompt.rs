//! The words of `anteroom prompt`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::value;

/// Ask a user's CLI something, with the credentials that were captured
#[derive(Debug, Args)]
#[command(after_help = "\
The CLI runs in the user's own VM, which is started, or woken, for it. Its exit code becomes this command's.
Examples:
  anteroom prompt --user ann --provider codex hello
  git diff | anteroom prompt --user ann --provider claude_code --file src/main.rs -
  anteroom prompt --user ann --provider gemini_cli --json hello     every event, a line each

Ctrl+C cancels the prompt.")]
pub(in crate::cli) struct PromptArguments {
    /// Whose CLI
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: String,
    /// Which CLI: one that `anteroom provider ls` lists
    #[arg(long, value_name = "PROVIDER")]
    pub(in crate::cli) provider: String,
    /// By the name that the CLI knows it by
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// Where in the VM the CLI works: absolute, or below the home directory [default: work]
    #[arg(long, value_name = "DIRECTORY")]
    pub(in crate::cli) cwd: Option<String>,
    /// A file of this machine to be put there before; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The longest time that the CLI may take, for example 5m
    #[arg(long, value_name = "TIME", value_parser = value::life)]
    pub(in crate::cli) timeout: Option<Duration>,
    /// Every event as it comes, a line of JSON each
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// What is asked; - or nothing for standard input
    #[arg(value_name = "PROMPT")]
    pub(in crate::cli) prompt: Option<String>,
}
