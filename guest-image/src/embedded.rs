//! The files that are part of the binary: the trees of `files/`, the npm projects of `recipes/npm/` and the kernel
//! configurations of `recipes/kernel/`.

use serde::{Deserialize, Serialize};

/// Path below the crate's directory, and contents; in the order of the paths. Written by build.rs.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The name of a directory of `files/`, which exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Tree(String);

/// The name of a directory of `recipes/npm/`, which exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct NpmProject(String);

/// The name of a file of `recipes/kernel/`, which exists, without its `.config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct KernelConfig(String);

/// A directory or file that the binary does not carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not one of {}", known.join(", "))]
pub struct NotEmbedded {
    name: String,
    known: Vec<&'static str>,
}

impl Tree {
    const ROOT: &str = "files/";

    /// Path in the guest without its leading '/', and contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        below(format!("{}{}/", Self::ROOT, self.0))
    }
}

impl NpmProject {
    const ROOT: &str = "recipes/npm/";

    /// File name and contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        below(format!("{}{}/", Self::ROOT, self.0))
    }
}

impl KernelConfig {
    const ROOT: &str = "recipes/kernel/";
    const SUFFIX: &str = ".config";

    /// The file's name, for messages.
    pub(crate) fn file_name(&self) -> String {
        format!("{}{}", self.0, Self::SUFFIX)
    }

    pub(crate) fn contents(&self) -> &'static [u8] {
        let name = self.file_name();
        below(Self::ROOT.to_owned()).find(|(path, _)| *path == name).map_or(&[], |(_, contents)| contents)
    }
}

impl TryFrom<String> for Tree {
    type Error = NotEmbedded;

    fn try_from(name: String) -> Result<Self, NotEmbedded> {
        existing(Self::ROOT, name).map(Self)
    }
}

impl TryFrom<String> for NpmProject {
    type Error = NotEmbedded;

    fn try_from(name: String) -> Result<Self, NotEmbedded> {
        existing(Self::ROOT, name).map(Self)
    }
}

impl TryFrom<String> for KernelConfig {
    type Error = NotEmbedded;

    fn try_from(name: String) -> Result<Self, NotEmbedded> {
        let files = below(Self::ROOT.to_owned());
        one_of(files.filter_map(|(path, _)| path.strip_suffix(Self::SUFFIX)).collect(), name).map(Self)
    }
}

fn below(prefix: String) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, contents)| Some((path.strip_prefix(&prefix)?, *contents)))
}

fn existing(root: &str, name: String) -> Result<String, NotEmbedded> {
    let mut known: Vec<_> =
        FILES.iter().filter_map(|(path, _)| Some(path.strip_prefix(root)?.split_once('/')?.0)).collect();
    known.dedup();
    one_of(known, name)
}

fn one_of(known: Vec<&'static str>, name: String) -> Result<String, NotEmbedded> {
    if known.contains(&name.as_str()) { Ok(name) } else { Err(NotEmbedded { name, known }) }
}
