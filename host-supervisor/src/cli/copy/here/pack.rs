//! Packing what is here, with hard links as such.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

use super::CopyError;

/// Packs a file, a link or a directory under the last part of its path.
pub(in crate::cli::copy) fn archive(path: &Path, to: impl io::Write) -> Result<(), CopyError> {
    let failed = |error| CopyError::Read(path.to_owned(), error);
    let name = match path.file_name() {
        Some(name) => PathBuf::from(name),
        // `.` and `..` have another name elsewhere.
        None => fs::canonicalize(path)
            .map_err(failed)?
            .file_name()
            .map_or_else(|| PathBuf::from("root"), PathBuf::from),
    };
    let mut builder = Builder::new(io::BufWriter::with_capacity(64 * 1024, to));
    builder.follow_symlinks(false);
    let mut packing = Packing { builder, linked: HashMap::new() };
    // A list instead of recursion: a tree may be deeper than a stack.
    let mut ahead = vec![(path.to_owned(), name)];
    while let Some((path, name)) = ahead.pop() {
        let packed = packing.add(&path, &name, &mut ahead);
        packed.map_err(|error| CopyError::Read(path, error))?;
    }
    packing.builder.into_inner().and_then(|mut to| io::Write::flush(&mut to)).map_err(failed)
}

struct Packing<W: io::Write> {
    builder: Builder<W>,
    /// Files of several names, by device and number, with the one that is in the archive.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<W: io::Write> Packing<W> {
    /// Adds one thing; of a directory, what is in it is ahead then.
    fn add(&mut self, path: &Path, name: &Path, ahead: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
        let about = fs::symlink_metadata(path)?;
        if about.is_dir() {
            self.builder.append_dir(name, path)?;
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                ahead.push((entry.path(), name.join(entry.file_name())));
            }
            return Ok(());
        }
        if !about.is_file() || about.nlink() == 1 {
            return self.builder.append_path_with_name(path, name);
        }
        let file = (about.dev(), about.ino());
        if let Some(first) = self.linked.get(&file) {
            let mut header = Header::new_gnu();
            header.set_metadata(&about);
            header.set_entry_type(EntryType::Link);
            header.set_size(0);
            return self.builder.append_link(&mut header, name, first);
        }
        self.builder.append_path_with_name(path, name)?;
        self.linked.insert(file, name.to_owned());
        Ok(())
    }
}
