//! The kernel modules that the initramfs brings: `/modules/NN-name.ko`, whose names sort in the order of loading.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use nix::{
    errno::Errno,
    kmod::{ModuleInitFlags, finit_module},
};

pub(super) const DIRECTORY: &str = "/modules";

#[derive(Debug, thiserror::Error)]
pub(super) enum ModuleError {
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the kernel refuses the module {0}")]
    Refused(PathBuf, #[source] Errno),
}

/// Loads all of them.
pub(super) fn load_all() -> Result<(), ModuleError> {
    let unreadable = |error| ModuleError::Unreadable(DIRECTORY.into(), error);
    let entries = fs::read_dir(DIRECTORY).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ko"))
        .collect();
    paths.sort();
    paths.iter().try_for_each(load)
}

fn load(path: &PathBuf) -> Result<(), ModuleError> {
    let module = File::open(path).map_err(|error| ModuleError::Unreadable(path.clone(), error))?;
    match finit_module(&module, c"", ModuleInitFlags::empty()) {
        // Built in, or loaded by the kernel itself for a device that it has found.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(ModuleError::Refused(path.clone(), error)),
    }
}
