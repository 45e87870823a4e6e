//! Why an image could not be built, found or checked.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use crate::kernel::{KernelError, VmlinuxError};
use crate::recipe::{Name, RecipeError};
use crate::store::Missing;
use crate::tool::Requirement;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("recipe {recipe} has no profile {profile:?}; it has {}", known.join(", "))]
    NoProfile { recipe: Name, profile: String, known: Vec<String> },
    /// Not an accident: build it, or tell the person how.
    #[error("{0}")]
    Missing(Missing),
    #[error("layer {layer} contains the program {input}, and no file was given for it")]
    InputMissing { layer: Name, input: Name },
    #[error("not installed: {}; run: sudo apt-get install {}", names(.0), packages(.0))]
    ToolsMissing(Vec<Requirement>),
    /// The program said why in its last lines.
    #[error("{program} ended with {status}{}", after_colon(last_lines))]
    ToolFailed { program: &'static str, status: std::process::ExitStatus, last_lines: Vec<String> },
    #[error("archive {uri}: its keyring {keyring} is missing; it comes from {from}")]
    KeyringMissing { uri: String, keyring: String, from: String },
    #[error("archive: {0}")]
    Archive(String),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error("kernel {path}")]
    Vmlinux { path: PathBuf, source: VmlinuxError },
    #[error("layer {layer}: {problem}")]
    Layer { layer: Name, problem: String },
    /// Traces of the machine that built the layer, or of the build itself.
    #[error("layer {layer} would carry what does not belong into an image: {}", paths.join(", "))]
    Leaks { layer: Name, paths: Vec<String> },
    /// A file operation; the text names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn after_colon(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "\n    " + line)
}

fn names(missing: &[Requirement]) -> String {
    missing.iter().map(|requirement| requirement.name()).collect::<Vec<_>>().join(", ")
}

fn packages(missing: &[Requirement]) -> String {
    let packages: BTreeSet<_> = missing.iter().map(|requirement| requirement.debian_package()).collect();
    packages.into_iter().collect::<Vec<_>>().join(" ")
}
