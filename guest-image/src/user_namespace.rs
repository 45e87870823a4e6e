//! Files with other owners than the caller, without being root: `unshare` maps the caller to root and the caller's
//! subordinate ids to the rest. Root needs none of it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::Error;
use crate::tool::{self, Program, Tool};

/// Whom the files of an image belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owners {
    /// All to root, whoever has staged them.
    AllRoot,
    /// As a tarball said when it was unpacked by [`enter`].
    AsUnpacked,
}

/// `program` as root of a user namespace; as it is, when the caller is root.
pub(crate) fn enter<A: AsRef<OsStr>>(
    program: Program,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Tool, Error> {
    if is_root()? {
        return Ok(Tool::new(program, arguments));
    }
    let prefix =
        ["--map-root-user", "--map-auto", "--", program.name].map(|word| OsStr::new(word).to_owned());
    Ok(Tool::new(
        tool::UNSHARE,
        prefix.into_iter().chain(arguments.into_iter().map(|word| word.as_ref().to_owned())),
    ))
}

/// Removes a directory in which files may belong to subordinate ids.
pub(crate) fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs_err::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied && !is_root()? => {
            enter(tool::RM, [OsStr::new("-rf"), OsStr::new("--"), path.as_os_str()])?.run(&mut |_| ())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

pub(crate) fn is_root() -> io::Result<bool> {
    Ok(fs_err::metadata("/proc/self")?.uid() == 0)
}
