//! What a CLI is started with: the role's own environment, changed as the provider's definition says.

use std::{collections::BTreeMap, fs, io, os::unix::fs::OpenOptionsExt, path::Path};

use anteroom_protocol::{
    ProviderDefinition,
    agent::{SignInSpec, Surroundings},
    provider::Launch,
};
use axum::http::StatusCode;

use crate::{control::Refusal, terminal::order::Signs};

/// The launch table that the host has chosen.
pub(super) fn chosen(spec: &SignInSpec) -> Result<&Launch, Refusal> {
    spec.provider.launch.get(&spec.launch).ok_or_else(|| {
        let known: Vec<_> = spec.provider.launch.keys().map(String::as_str).collect();
        Refusal::bad(format!("provider {} has no launch of that name, only {known:?}", spec.provider.id))
    })
}

/// The CLI's whole environment.
pub(super) fn environment(spec: &SignInSpec, launch: &Launch) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = std::env::vars().collect();
    if spec.surroundings.extra_ca_pem.is_some() {
        environment.insert(Surroundings::NODE_VARIABLE.to_owned(), Surroundings::EXTRA_CA.to_owned());
    }
    environment.extend(launch.env.clone());
    environment.retain(|name, _| !launch.unset.contains(name));
    environment
}

/// What the terminal is to look for.
pub(super) fn signs(definition: &ProviderDefinition) -> Signs {
    let shown = definition.credential.iter().filter(|rule| rule.is_shown());
    Signs {
        user_code: definition.device.as_ref().map(|device| device.user_code.clone()),
        prompt: definition.manual.as_ref().map(|manual| manual.prompt.clone()),
        credentials: shown.filter_map(|rule| Some((rule.path.clone(), rule.pattern.clone()?))).collect(),
    }
}

/// Writes the files that the CLI is to find.
pub(super) fn prepare(home: &Path, launch: &Launch) -> Result<(), Refusal> {
    for (path, contents) in &launch.files {
        write(&home.join(path), contents).map_err(|error| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("~/{path} cannot be written: {error}"))
        })?;
    }
    Ok(())
}

fn write(path: &Path, contents: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, contents.as_bytes())
}
