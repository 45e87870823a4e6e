//! Lists every file under `files/`, `recipes/npm/` and `recipes/kernel/` as a table of `include_bytes!`, so that an installed binary builds
//! the same images as one in the source tree.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let source = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut table = String::from("&[\n");
    for root in ["files", "recipes/npm", "recipes/kernel"] {
        // Cargo watches a directory through all its depths: a new file runs this again.
        println!("cargo::rerun-if-changed={root}");
        for path in files_under(&source.join(root))? {
            let name = path.strip_prefix(&source).map_err(io::Error::other)?;
            writeln!(table, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
        }
    }
    table.push_str("]\n");
    fs::write(out.join("embedded.rs"), table)
}

/// In the order of their names, so that the table does not depend on the file system.
fn files_under(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        if entry.file_type()?.is_dir() {
            files.extend(files_under(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}
