//! `anteroom doctor`: can this machine do the job, and what to do where it cannot. Needs no daemon.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::{
    args::DoctorArguments,
    exit::{Exit, Problem},
    show,
};
use crate::{
    config::Config,
    doctor::{self, Finding, Level, Report, fix},
    failure::causes,
};

/// The finding that says whether the image is built. That takes minutes and belongs to `image build` and `up`.
const IMAGE: &str = "image";

/// Whether a program may be installed without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    /// By whoever sits at the terminal.
    Ask,
}

impl Consent {
    pub(super) fn given_if(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

pub(super) fn run(arguments: &DoctorArguments, config: &Config) -> Result<Exit, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = runtime.block_on(doctor::examine(config));
    if arguments.fix && !fix::actions(&report).is_empty() {
        runtime.block_on(apply(&report, Consent::given_if(arguments.yes)))?;
        report = runtime.block_on(doctor::examine(config));
    }
    if arguments.json {
        show::json(&report)?;
    } else {
        show::line(&report);
    }
    // Who asks for repairs wants to know whether they are done; the image is not among them.
    let done = if arguments.fix { obstacles(&report).next().is_none() } else { report.ready };
    Ok(if done { Exit::Ok } else { Exit::Failed })
}

/// Makes sure that VMs can run here, the image aside.
pub(super) fn ensure(config: &Config, consent: Consent) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = runtime.block_on(doctor::examine(config));
    if obstacles(&report).any(|finding| finding.remedy.as_ref().is_some_and(|remedy| remedy.action.is_some()))
    {
        runtime.block_on(apply(&report, consent))?;
        report = runtime.block_on(doctor::examine(config));
    }
    let mut left = obstacles(&report).peekable();
    if left.peek().is_none() {
        return Ok(());
    }
    let lines = left.map(|finding| {
        let remedy = finding.remedy.as_ref().map(|remedy| format!(": {}", remedy.text)).unwrap_or_default();
        format!("{}: {}{remedy}", finding.title, finding.detail)
    });
    let problem = Problem::failed("this machine cannot run VMs yet; `anteroom doctor` says more");
    Err(problem.with_lines(lines.collect::<Vec<_>>()))
}

fn obstacles(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.level == Level::Fail && finding.id != IMAGE)
}

async fn apply(report: &Report, consent: Consent) -> Result<(), Problem> {
    let actions = fix::actions(report);
    let commands = actions.iter().map(ToString::to_string);
    if consent == Consent::Ask && !agreed(commands.clone())? {
        return Err(Problem::failed("nothing was changed; these commands are needed").with_lines(commands));
    }
    fix(&actions, &mut |command| eprintln!("+ {command}"))
        .await
        .map_err(|error| Problem::failed(causes(&error)))
}

/// Only a person can agree, so without a terminal the answer is no.
fn agreed(commands: impl Iterator<Item = String>) -> Result<bool, Problem> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprintln!("These commands make this machine ready:");
    for command in commands {
        eprintln!("    {command}");
    }
    eprint!("Run them? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
