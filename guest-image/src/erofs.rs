//! The layers' file system: erofs, compressed with LZ4, the same bytes for the same contents. What is not compressed is written
//! without a tool ([`plain`]).

pub(crate) mod plain;

use std::path::Path;

use crate::digest::Digest;
use crate::error::Error;
use crate::tool::{self, Tool};
use crate::user_namespace::Owners;

/// For every image; what decides its bytes, as its contents do. The compression is measured: docs/benchmarks.md, "image
/// sizes". No extended attributes: the lists of files refuse them.
pub(crate) const OPTIONS: [&str; 3] = ["-zlz4", "-C65536", "-x-1"];

/// What decides the bytes of an image besides the files in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) owners: Owners,
    /// Seconds since 1970, for every file: when a file was unpacked on the build host says nothing.
    pub(crate) timestamp: u64,
    /// Becomes the file system's UUID.
    pub(crate) identity: Digest,
}

/// Makes an image of the directory `root`.
pub(crate) fn make(
    root: &Path,
    image: &Path,
    format: Format,
    line: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let arguments = arguments(root, image, format);
    match format.owners {
        Owners::AllRoot => Tool::new(tool::MKFS_EROFS, arguments),
        Owners::AsUnpacked => crate::user_namespace::enter(tool::MKFS_EROFS, arguments)?,
    }
    .run(line)
}

fn arguments(root: &Path, image: &Path, format: Format) -> Vec<String> {
    let mut arguments = OPTIONS.map(str::to_owned).to_vec();
    arguments.push(format!("-T{}", format.timestamp));
    arguments.push(format!("-U{}", format.identity.as_uuid()));
    arguments.push("--quiet".to_owned());
    if let Owners::AllRoot = format.owners {
        arguments.push("--all-root".to_owned());
    }
    arguments.extend([image, root].map(|path| path.display().to_string()));
    arguments
}

#[cfg(test)]
mod tests;
