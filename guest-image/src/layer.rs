//! One layer: what decides its contents, and what building it gives. The three kinds are the modules below.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::erofs;
use crate::error::Error;
use crate::listing::Listing;
use crate::recipe::{Archive, LayerSpec, Name};
use crate::store::Inputs;

mod files;
mod leaks;
pub(crate) mod npm;
pub(crate) mod packages;
mod staging;

/// Raised when a builder gives other bytes for the same recipe: layers made by older ones are built again.
const PACKAGES_BUILDER: u32 = 2;
const NPM_BUILDER: u32 = 1;
const FILES_BUILDER: u32 = 1;

/// For every file of the layers that no archive dates: 2026-01-01.
const OWN_FILES_TIMESTAMP: u64 = 1_767_225_600;

/// A package and its version, as the package manager of its kind names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageVersion {
    pub name: String,
    pub version: String,
    /// What a lock file says about the package's archive; distribution packages have a signed index instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
}

/// What a builder hands over.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) image: PathBuf,
    pub(crate) listing: Listing,
    pub(crate) packages: Vec<PackageVersion>,
    /// Seconds since 1970: the time stamp of its files.
    pub(crate) timestamp: u64,
}

/// What decides a layer's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InputDigests {
    /// Of the recipe and of the files that the binary carries.
    pub(crate) recipe: Digest,
    /// Of these and of the programs that the caller hands in; `None` when one of them was not given.
    pub(crate) all: Option<Digest>,
}

impl LayerSpec {
    /// "packages", "npm" or "files".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Packages(_) => "packages",
            Self::Npm(_) => "npm",
            Self::Files(_) => "files",
        }
    }

    pub(crate) fn input_digests(&self, archives: &[Archive], inputs: &Inputs) -> Result<InputDigests, Error> {
        let mut hasher = Hasher::default();
        hasher.field(self.kind().as_bytes());
        for option in erofs::OPTIONS {
            hasher.field(option.as_bytes());
        }
        match self {
            Self::Packages(spec) => {
                hasher.field(&PACKAGES_BUILDER.to_le_bytes()).field(&json(spec)?).field(&json(&archives)?);
            }
            Self::Npm(spec) => {
                hasher.field(&NPM_BUILDER.to_le_bytes()).field(&json(spec)?);
                for (path, contents) in spec.project.files() {
                    hasher.field(path.as_bytes()).field(contents);
                }
            }
            Self::Files(spec) => {
                hasher.field(&FILES_BUILDER.to_le_bytes()).field(&json(spec)?);
                for (path, contents) in spec.tree_files() {
                    hasher.field(path.as_bytes()).field(contents);
                }
            }
        }
        let recipe = hasher.clone().finish();
        let all = self.add_programs(hasher, inputs)?.map(Hasher::finish);
        Ok(InputDigests { recipe, all })
    }

    /// The programs that the caller hands in; `None` when one is missing.
    fn add_programs(&self, mut hasher: Hasher, inputs: &Inputs) -> Result<Option<Hasher>, Error> {
        if let Self::Files(spec) = self {
            for name in spec.inputs.keys() {
                let Some(path) = inputs.program(name) else { return Ok(None) };
                hasher.field(Digest::of_file(path)?.to_string().as_bytes());
            }
        }
        Ok(Some(hasher))
    }
}

/// Builds a layer in `scratch`, an empty directory, and checks what came out.
pub(crate) fn build(
    name: &Name,
    spec: &LayerSpec,
    sources: &Sources<'_>,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<Built, Error> {
    let built = match spec {
        LayerSpec::Packages(spec) => packages::build(spec, sources, scratch, line)?,
        LayerSpec::Npm(spec) => npm::build(name, spec, sources.identity, scratch, line)?,
        LayerSpec::Files(spec) => files::build(name, spec, sources, scratch, line)?,
    };
    let leaks = leaks::in_listing(&built.listing);
    if !leaks.is_empty() {
        return Err(Error::Leaks { layer: name.clone(), paths: leaks });
    }
    for (program, path) in spec.programs() {
        if !built.listing.has_program(path.as_str()) {
            let problem = format!("the program {program} is not at {path}, or cannot be executed");
            return Err(Error::Layer { layer: name.clone(), problem });
        }
    }
    Ok(built)
}

/// What the builders work from, besides the recipe of the layer itself.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) archives: &'a [Archive],
    /// Seconds since 1970: the newest index of the archives. Zero if no layer needs them.
    pub(crate) archive_timestamp: u64,
    pub(crate) inputs: &'a Inputs,
    /// Of all that decides the layer's contents.
    pub(crate) identity: Digest,
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    Ok(serde_json::to_vec(value).map_err(std::io::Error::from)?)
}

#[cfg(test)]
mod tests;
