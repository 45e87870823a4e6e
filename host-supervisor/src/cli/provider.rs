//! `anteroom provider`: check a definition, list those that there are, explain one, try one. Only the last needs a daemon; where
//! there is one, it is its image that counts.

mod advice;
mod image;
mod mistakes;
#[cfg(test)]
mod tests;
mod trial;
mod words;

use std::{collections::BTreeSet, path::Path};

use anteroom_protocol::provider::{CredentialRule, ProviderDefinition};
use serde_json::{Value, json};

use super::{
    args::ProviderCommand,
    exit::{Exit, Problem},
    show, with_client,
};
use crate::{
    config::{Config, Environment},
    failure::causes,
    providers::{self, Broken, FileProblem, Known, Origin, Providers},
};
use image::Image;

/// The configuration is read only where it is needed: a file can be checked whatever the settings are.
pub(super) fn run(
    command: &ProviderCommand,
    environment: &Environment,
    config: impl FnOnce() -> Result<Config, Problem>,
) -> Result<Exit, Problem> {
    match command {
        ProviderCommand::Test { provider, launch, timeout } => {
            with_client(&config()?, environment, async |client| {
                trial::run(&client, provider, launch.as_deref(), *timeout).await
            })
        }
        ProviderCommand::Check { file } => check(file),
        ProviderCommand::Ls { json } => list(&catalogue(&config()?, environment)?, *json),
        ProviderCommand::Show { id, json } => show_one(&catalogue(&config()?, environment)?, id, *json),
    }
}

fn catalogue(config: &Config, environment: &Environment) -> Result<Catalogue, Problem> {
    Catalogue::open(config, Image::find(config, environment)?)
}

fn check(file: &Path) -> Result<Exit, Problem> {
    let definition = providers::read(file).map_err(|problem| wrong(file, &problem))?;
    show::line(format_args!(
        "{}: a definition of {} ({}), all of it right",
        file.display(),
        definition.id,
        definition.name
    ));
    Ok(Exit::Ok)
}

fn wrong(file: &Path, problem: &FileProblem) -> Problem {
    let path = file.display();
    let FileProblem::Definition(error) = problem else {
        return Problem::new(Exit::Usage, format!("{path}: {problem}"));
    };
    // Read again for the lines to show; whoever changes it meanwhile sees other lines.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = error.mistakes();
    let noun = if found.len() == 1 { "mistake" } else { "mistakes" };
    let lines = found.iter().flat_map(|mistake| mistakes::lines(file, &text, mistake));
    Problem::new(Exit::Usage, format!("{path}: {} {noun}", found.len())).with_lines(lines)
}

/// What is known on this machine.
struct Catalogue {
    known: Vec<Known>,
    broken: Vec<Broken>,
    image: Image,
}

impl Catalogue {
    fn open(config: &Config, image: Image) -> Result<Self, Problem> {
        let providers =
            Providers::load(&config.providers_dir).map_err(|error| Problem::failed(causes(&error)))?;
        let (known, broken) = providers.all();
        Ok(Self { known, broken, image })
    }

    /// The programs that the image lacks; unknown when there is no image.
    fn missing(&self, definition: &ProviderDefinition) -> Option<Vec<String>> {
        let programs = self.image.programs.as_ref()?;
        let missing: BTreeSet<&str> =
            definition.programs().filter(|&program| !programs.contains(program)).collect();
        Some(missing.into_iter().map(str::to_owned).collect())
    }

    /// Whether a session can be started with it.
    fn state(&self, definition: &ProviderDefinition) -> String {
        let profile = &self.image.profile;
        match self.missing(definition) {
            None => format!("image {profile} is not built"),
            Some(missing) if missing.is_empty() => "ready".to_owned(),
            Some(missing) => format!("image {profile} lacks {}", missing.join(", ")),
        }
    }

    fn entry(&self, known: &Known) -> Value {
        let definition = &*known.definition;
        let credentials: Vec<&str> = definition.credential.iter().map(|rule| rule.path.as_str()).collect();
        json!({
            "id": definition.id,
            "name": definition.name,
            "from": from(&known.origin),
            "flows": flows(definition),
            "credentials": credentials,
            "missing_programs": self.missing(definition),
        })
    }
}

/// For people and programs alike: a path cannot be mistaken for it.
fn from(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}

/// How a person can come back from the page, each way once.
fn flows(definition: &ProviderDefinition) -> Vec<String> {
    let kinds: BTreeSet<_> = definition.url.iter().map(|rule| rule.kind).collect();
    kinds.iter().map(ToString::to_string).collect()
}

/// The file that a credential stands in, or the name of what is read off the terminal.
fn kept_as(rule: &CredentialRule) -> String {
    if rule.is_shown() { rule.path.clone() } else { format!("~/{}", rule.path) }
}

fn list(catalogue: &Catalogue, as_json: bool) -> Result<Exit, Problem> {
    if as_json {
        let providers: Vec<Value> = catalogue.known.iter().map(|known| catalogue.entry(known)).collect();
        let broken: Vec<Value> = catalogue.broken.iter().map(broken_entry).collect();
        show::json(&json!({ "providers": providers, "broken": broken }))?;
        return Ok(Exit::Ok);
    }
    let mut table = show::table(&["PROVIDER", "NAME", "FLOWS", "CREDENTIALS", "STATE", "FROM"]);
    for known in &catalogue.known {
        let definition = &*known.definition;
        let files: Vec<String> = definition.credential.iter().map(kept_as).collect();
        table.add_row([
            definition.id.clone(),
            definition.name.clone(),
            flows(definition).join(", "),
            files.join("\n"),
            catalogue.state(definition),
            from(&known.origin),
        ]);
    }
    show::line(table);
    for broken in &catalogue.broken {
        let path = broken.path.display();
        show::line(format_args!("\nbroken: {path}\n  {}", show::clipped(&broken.problem.to_string())));
        if matches!(*broken.problem, FileProblem::Definition(_)) {
            show::line(format_args!("  `anteroom provider check {path}` says more"));
        }
    }
    Ok(Exit::Ok)
}

fn broken_entry(broken: &Broken) -> Value {
    let mistakes = match &*broken.problem {
        FileProblem::Definition(error) => error.mistakes(),
        FileProblem::Io(_) | FileProblem::NotText | FileProblem::Twice { .. } => Vec::new(),
    };
    let mistakes = mistakes.into_iter().map(|mistake| {
        json!({
            "field": mistake.field,
            "problem": mistake.problem,
            "line": mistake.place.map(|place| place.line),
            "column": mistake.place.map(|place| place.column),
        })
    });
    json!({
        "path": broken.path,
        "problem": broken.problem.to_string(),
        "mistakes": mistakes.collect::<Vec<_>>(),
    })
}

fn show_one(catalogue: &Catalogue, id: &str, as_json: bool) -> Result<Exit, Problem> {
    let Some(known) = catalogue.known.iter().find(|known| known.definition.id == id) else {
        let ids: Vec<&str> = catalogue.known.iter().map(|known| known.definition.id.as_str()).collect();
        let message = format!("there is no provider {id:?}; there are: {}", ids.join(", "));
        return Err(Problem::new(Exit::NotFound, message));
    };
    if as_json {
        let mut entry = catalogue.entry(known);
        entry["definition"] = json!(*known.definition);
        show::json(&entry)?;
        return Ok(Exit::Ok);
    }
    show::line(format_args!("{} ({})", known.definition.name, known.definition.id));
    let about =
        [("from", from(&known.origin)), ("state", catalogue.state(&known.definition))].map(words::Line::from);
    for line in about.into_iter().chain(words::of(&known.definition)) {
        show::line(line);
    }
    Ok(Exit::Ok)
}
