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

const DIRECTORY: &str = "/modules";

#[derive(Debug, thiserror::Error)]
pub(super) enum ModuleError {
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the kernel refuses the module {0}")]
    Refused(PathBuf, #[source] Errno),
}

/// Loads all of them. Says whether there were any: a kernel with built-in drivers has none.
pub(super) fn load_all() -> Result<bool, ModuleError> {
    let directory = PathBuf::from(DIRECTORY);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ModuleError::Unreadable(directory, error)),
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ko"))
        .collect();
    paths.sort();
    paths.iter().try_for_each(load)?;
    Ok(!paths.is_empty())
}

fn load(path: &PathBuf) -> Result<(), ModuleError> {
    let module = File::open(path).map_err(|error| ModuleError::Unreadable(path.clone(), error))?;
    match finit_module(&module, c"", ModuleInitFlags::empty()) {
        // Built in, or loaded by the kernel itself for a device that it has found.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(ModuleError::Refused(path.clone(), error)),
    }
}
