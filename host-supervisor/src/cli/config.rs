//! `anteroom config`: which settings count and why, and whether a file is right. Needs no daemon.

use std::path::Path;

use super::{
    args::{Common, ConfigCommand},
    exit::{Exit, Problem},
    load, show,
};
use crate::config::{Config, Environment, Layers, Source};

pub(super) fn run(
    command: &ConfigCommand,
    common: &Common,
    environment: &Environment,
) -> Result<Exit, Problem> {
    match command {
        ConfigCommand::Show { json } => print(&load(common, environment, &[])?, *json),
        ConfigCommand::Check { file: Some(file) } => check(file, environment),
        ConfigCommand::Check { file: None } => check_all(common, environment),
    }
}

fn print(config: &Config, json: bool) -> Result<Exit, Problem> {
    if json {
        show::json(&config.shown())?;
        return Ok(Exit::Ok);
    }
    let mut table = show::table(&["SETTING", "VALUE", "FROM", "MEANING"]);
    for setting in config.shown() {
        let value = if setting.value.is_empty() { "-" } else { &setting.value };
        table.add_row([setting.key, value, &setting.source.to_string(), setting.meaning]);
    }
    show::line(table);
    let reloadable = config.shown().iter().filter(|setting| setting.reloadable).map(|setting| setting.key);
    show::line(format_args!(
        "\nA daemon that runs takes other values of these when it gets SIGHUP (systemctl reload anteroom), and of the others when \
         it is restarted:\n{}",
        reloadable.collect::<Vec<_>>().join(", ")
    ));
    show::line(
        "\nEach setting can stand in the file, in the environment (vm.max: ANTEROOM_VM_MAX) or in a flag (--set vm.max=4).",
    );
    Ok(Exit::Ok)
}

fn check(file: &Path, environment: &Environment) -> Result<Exit, Problem> {
    let config = Config::load(&Layers::of_file(environment, file)?)?;
    say_right(&config, &file.display().to_string(), |source| matches!(source, Source::File { .. }));
    Ok(Exit::Ok)
}

fn check_all(common: &Common, environment: &Environment) -> Result<Exit, Problem> {
    let config = load(common, environment, &[])?;
    say_right(&config, "file, environment and flags", |source| !matches!(source, Source::Default));
    Ok(Exit::Ok)
}

fn say_right(config: &Config, place: &str, counts: impl Fn(&Source) -> bool) {
    let count = config.shown().iter().filter(|setting| counts(&setting.source)).count();
    let noun = if count == 1 { "setting" } else { "settings" };
    show::line(format_args!("{place}: {count} {noun}, all of them right"));
}
