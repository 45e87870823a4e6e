//! `anteroom gc`: what a daemon that is gone has left. Works on the state directory, without a daemon.

use serde_json::json;

use super::{
    args::GcArguments,
    exit::{Exit, Problem},
    show,
};
use crate::{
    config::Config,
    daemon::remnants,
    vm::{Fate, Remnant},
};

pub(super) async fn run(arguments: &GcArguments, config: &Config) -> Result<Exit, Problem> {
    if arguments.dry_run {
        let found = remnants::survey(config).await?;
        if arguments.json {
            show::json(&found)?;
        } else {
            print(&found, arguments.all);
        }
        return Ok(Exit::Ok);
    }
    let swept = remnants::remove(config, arguments.all).await?;
    if arguments.json {
        show::json(&json!(swept))?;
    } else {
        let (vms, processes, directories) = (swept.vms, swept.processes, swept.directories);
        show::line(format_args!(
            "removed: {vms} VMs, {processes} processes, {directories} other directories"
        ));
    }
    Ok(Exit::Ok)
}

fn print(found: &[Remnant], all: bool) {
    if found.is_empty() {
        return show::line("Nothing is left of any VM.");
    }
    let mut table = show::table(&["VM", "STATUS", "PROCESSES", "LEFT", "WHAT BECOMES OF IT"]);
    for remnant in found {
        let status =
            remnant.status.map_or("unknown".to_owned(), |status| format!("{status:?}").to_lowercase());
        let left = [(remnant.directory, "directory"), (remnant.address, "address")];
        let left: Vec<&str> = left.iter().filter(|(there, _)| *there).map(|(_, what)| *what).collect();
        let fate = match remnant.fate {
            Fate::GoesOn if !all => "it lives: the daemon that runs, or the next one, goes on with it",
            Fate::GoesOn | Fate::Removed => "removed",
        };
        let processes: Vec<String> = remnant.processes.iter().map(ToString::to_string).collect();
        table.add_row([
            remnant.vm.to_string(),
            status,
            processes.join(" "),
            left.join(", "),
            fate.to_owned(),
        ]);
    }
    show::line(table);
}
