//! A layer of our own files and of programs handed in by the caller.

use std::path::Path;

use super::staging::{Mode, Staging};
use super::{Built, OWN_FILES_TIMESTAMP, Sources};
use crate::erofs;
use crate::error::Error;
use crate::listing::Listing;
use crate::recipe::{FilesSpec, Name};
use crate::user_namespace::Owners;

pub(crate) fn build(
    layer: &Name,
    spec: &FilesSpec,
    sources: &Sources<'_>,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<Built, Error> {
    let staging = Staging::create(scratch.join("root"))?;
    stage(layer, spec, sources, &staging)?;
    let image = scratch.join("layer.erofs");
    let format =
        erofs::Format { owners: Owners::AllRoot, timestamp: OWN_FILES_TIMESTAMP, identity: sources.identity };
    erofs::make(staging.root(), &image, format, line)?;
    Ok(Built {
        image,
        listing: Listing::of_staged(staging.root())?,
        packages: Vec::new(),
        timestamp: OWN_FILES_TIMESTAMP,
    })
}

fn stage(layer: &Name, spec: &FilesSpec, sources: &Sources<'_>, staging: &Staging) -> Result<(), Error> {
    let mut executables: Vec<&str> = spec.executables.iter().map(|path| path.as_str()).collect();
    for (path, contents) in spec.tree_files() {
        let path = format!("/{path}");
        let mode = match executables.iter().position(|executable| *executable == path) {
            Some(index) => {
                executables.swap_remove(index);
                Mode::Program
            }
            None => Mode::Data,
        };
        staging.write(&path, contents, mode)?;
    }
    if let Some(path) = executables.first() {
        let problem = format!("the tree has no file {path}, which should be executable");
        return Err(Error::Layer { layer: layer.clone(), problem });
    }
    for path in &spec.mount_points {
        staging.write(path.as_str(), &[], Mode::Data)?;
    }
    for (path, target) in &spec.links {
        staging.link(path, target)?;
    }
    for (input, path) in &spec.inputs {
        let program = sources
            .inputs
            .program(input)
            .ok_or_else(|| Error::InputMissing { layer: layer.clone(), input: input.clone() })?;
        staging.copy(program, path, Mode::Program)?;
    }
    Ok(())
}
