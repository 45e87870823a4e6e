//! A layer of programs out of npm packages.
//!
//! `npm ci` fetches exactly what the lock file pins, with its hashes; no script of any package runs, and what is optional
//! (native modules of other platforms) stays away. Only the files that the recipe names go into the layer.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::staging::Staging;
use super::{Built, OWN_FILES_TIMESTAMP, PackageVersion};
use crate::digest::Digest;
use crate::erofs;
use crate::error::Error;
use crate::listing::Listing;
use crate::recipe::{Name, NpmSpec};
use crate::tool::{self, Tool};
use crate::user_namespace::Owners;

pub(crate) const ARGUMENTS: [&str; 6] =
    ["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=http"];

pub(crate) fn build(
    layer: &Name,
    spec: &NpmSpec,
    identity: Digest,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<Built, Error> {
    let project = scratch.join("npm");
    fs_err::create_dir(&project)?;
    for (name, contents) in spec.project.files() {
        fs_err::write(project.join(name), contents)?;
    }
    Tool::new(tool::NPM, ARGUMENTS).current_dir(&project).run(line)?;

    let lock: Lock = serde_json::from_slice(&fs_err::read(project.join("package-lock.json"))?)
        .map_err(|e| Error::Layer { layer: layer.clone(), problem: format!("package-lock.json: {e}") })?;
    let packages = lock.installed(|path| project.join(path).is_dir());
    let staging = Staging::create(scratch.join("root"))?;
    for (from, to) in &spec.copy {
        staging.take(&project.join("node_modules").join(from.as_str()), to)?;
    }
    for (path, target) in &spec.links {
        staging.link(path, target)?;
    }
    line("compressing");
    let image = scratch.join("layer.erofs");
    let format = erofs::Format { owners: Owners::AllRoot, timestamp: OWN_FILES_TIMESTAMP, identity };
    erofs::make(staging.root(), &image, format, line)?;
    Ok(Built {
        image,
        listing: Listing::of_staged(staging.root())?,
        packages,
        timestamp: OWN_FILES_TIMESTAMP,
    })
}

/// The part of a package-lock.json (lockfileVersion 3) that says what was installed.
#[derive(Debug, Deserialize)]
struct Lock {
    /// By path: "node_modules/@openai/codex-linux-x64"; the project itself is "".
    packages: BTreeMap<String, Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    /// Where it differs from the path: an alias.
    name: Option<String>,
    #[serde(default)]
    version: String,
    integrity: Option<String>,
}

impl Lock {
    fn installed(self, is_there: impl Fn(&str) -> bool) -> Vec<PackageVersion> {
        let packages = self.packages.into_iter().filter(|(path, _)| !path.is_empty() && is_there(path));
        packages
            .map(|(path, locked)| {
                let from_path =
                    || path.rsplit_once("node_modules/").map_or(path.as_str(), |(_, name)| name).to_owned();
                PackageVersion {
                    name: locked.name.clone().unwrap_or_else(from_path),
                    version: locked.version,
                    integrity: locked.integrity,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
