//! What is inside a layer: one entry for each file, written beside the layer as JSON lines and compared with the layer
//! itself when it is verified.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest};

/// Every file of a layer by its absolute path in the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    entries: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Permission bits with set-uid, set-gid and sticky, in octal: "0755".
    pub mode: String,
    pub uid: u64,
    pub gid: u64,
    #[serde(flatten)]
    pub kind: Kind,
}

/// What kind of file, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    Directory,
    File {
        size: u64,
        sha256: Digest,
    },
    Link {
        target: String,
    },
    /// A device, a socket or a pipe.
    Special,
}

/// One line of the file beside the layer.
#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    #[serde(flatten)]
    entry: Entry,
}

impl Entry {
    pub(crate) fn new(mode: u32, uid: u64, gid: u64, kind: Kind) -> Self {
        Self { mode: format!("{:04o}", mode & 0o7777), uid, gid, kind }
    }

    fn clear_set_ids(&mut self) {
        if let Ok(mode) = u32::from_str_radix(&self.mode, 8) {
            self.mode = format!("{:04o}", mode & !0o6000);
        }
    }

    fn is_executable(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
            && u32::from_str_radix(&self.mode, 8).is_ok_and(|mode| mode & 0o111 == 0o111)
    }
}

impl Listing {
    pub(crate) fn insert(&mut self, path: String, entry: Entry) {
        self.entries.insert(path, entry);
    }

    #[must_use]
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes in regular files, before compression.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| if let Kind::File { size, .. } = entry.kind { size } else { 0 })
            .sum()
    }

    /// Whether `path` is a program, also behind symbolic links, as far as these lead inside the layer.
    pub(crate) fn has_program(&self, path: &str) -> bool {
        let mut path = path.to_owned();
        // As many hops as the kernel follows.
        for _ in 0..40 {
            match self.entry(&path) {
                Some(Entry { kind: Kind::Link { target }, .. }) => path = resolve(&path, target),
                other => return other.is_some_and(Entry::is_executable),
            }
        }
        false
    }

    pub(crate) fn owned_by_root(mut self) -> Self {
        self.entries.values_mut().for_each(|entry| (entry.uid, entry.gid) = (0, 0));
        self
    }

    pub(crate) fn without_set_ids(mut self) -> Self {
        self.entries.values_mut().for_each(Entry::clear_set_ids);
        self
    }

    /// Of a directory of the build host. All belongs to root in it, as it will in the image.
    pub(crate) fn of_staged(root: &Path) -> io::Result<Self> {
        Self::of_directory(root, |_| (0, 0))
    }

    /// Of an unpacked image, with the owners that the files have there.
    pub(crate) fn of_unpacked(root: &Path) -> io::Result<Self> {
        Self::of_directory(root, |metadata| (metadata.uid().into(), metadata.gid().into()))
    }

    fn of_directory(root: &Path, owner: fn(&std::fs::Metadata) -> (u64, u64)) -> io::Result<Self> {
        let mut listing = Self::default();
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            let metadata = fs_err::symlink_metadata(&path)?;
            let kind = if metadata.is_dir() {
                for entry in fs_err::read_dir(&path)? {
                    pending.push(entry?.path());
                }
                Kind::Directory
            } else if metadata.is_symlink() {
                Kind::Link { target: utf8(fs_err::read_link(&path)?)? }
            } else if is_special(&metadata) {
                Kind::Special
            } else {
                Kind::File { size: metadata.len(), sha256: Digest::of_file(&path)? }
            };
            let below = path.strip_prefix(root).map_err(io::Error::other)?;
            let (uid, gid) = owner(&metadata);
            let name = format!("/{}", utf8(below.to_owned())?);
            listing.insert(name, Entry::new(metadata.mode(), uid, gid, kind));
        }
        Ok(listing)
    }

    /// Reads a tarball to its end. Files for which `keep` holds are returned with their contents.
    pub(crate) fn of_tarball(
        tarball: impl Read,
        keep: impl Fn(&str) -> bool,
    ) -> io::Result<(Self, BTreeMap<String, Vec<u8>>)> {
        let mut listing = Self::default();
        let mut kept = BTreeMap::new();
        let mut archive = tar::Archive::new(tarball);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = absolute(&String::from_utf8(entry.path_bytes().into_owned()).map_err(not_utf8)?);
            refuse_extended_attributes(&mut entry, &path)?;
            let header = entry.header();
            let (mode, uid, gid) = (header.mode()?, header.uid()?, header.gid()?);
            let target =
                entry.link_name_bytes().map(|name| String::from_utf8(name.into_owned()).map_err(not_utf8));
            let kind = match entry.header().entry_type() {
                tar::EntryType::Directory => Kind::Directory,
                tar::EntryType::Symlink => {
                    Kind::Link { target: target.unwrap_or_else(|| Ok(String::new()))? }
                }
                tar::EntryType::Link => {
                    let original = absolute(&target.unwrap_or_else(|| Ok(String::new()))?);
                    let original = listing.entry(&original);
                    original
                        .ok_or_else(|| io::Error::other(format!("{path} is a link to nothing")))?
                        .kind
                        .clone()
                }
                kind if kind.is_file() && keep(&path) => {
                    let mut contents = Vec::new();
                    entry.read_to_end(&mut contents)?;
                    let kind = Kind::File { size: contents.len() as u64, sha256: Digest::of(&contents) };
                    kept.insert(path.clone(), contents);
                    kind
                }
                kind if kind.is_file() => {
                    let (sha256, size) = digest::of_reader(&mut entry)?;
                    Kind::File { size, sha256 }
                }
                _ => Kind::Special,
            };
            listing.insert(path, Entry::new(mode, uid, gid, kind));
        }
        // The padding behind the last entry, so that whoever writes the tarball is not cut off.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        Ok((listing, kept))
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(fs_err::File::create(path)?);
        for (path, entry) in &self.entries {
            serde_json::to_writer(&mut file, &Line { path: path.clone(), entry: entry.clone() })?;
            file.write_all(b"\n")?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    /// # Errors
    /// When the file cannot be read or is not a listing.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        for line in BufReader::new(fs_err::File::open(path)?).lines() {
            let line: Line = serde_json::from_str(&line?)?;
            listing.insert(line.path, line.entry);
        }
        Ok(listing)
    }

    /// What `found` has too much, too little or otherwise, one line each.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let missing = self.entries.keys().filter(|path| !found.entries.contains_key(*path));
        let surplus = found.entries.keys().filter(|path| !self.entries.contains_key(*path));
        let changed = self
            .entries
            .iter()
            .filter(|(path, entry)| found.entries.get(*path).is_some_and(|other| other != *entry));
        missing
            .map(|path| format!("{path} is missing"))
            .chain(surplus.map(|path| format!("{path} is not in the list")))
            .chain(changed.map(|(path, _)| format!("{path} differs")))
            .collect()
    }
}

/// File capabilities and the like would be lost without a word: the layer's file system is made without them.
fn refuse_extended_attributes<R: Read>(entry: &mut tar::Entry<'_, R>, path: &str) -> io::Result<()> {
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        if let Ok(key) = extension?.key()
            && key.starts_with("SCHILY.xattr.")
        {
            return Err(io::Error::other(format!(
                "{path} has the extended attribute {key}, which layers do not carry"
            )));
        }
    }
    Ok(())
}

/// "./usr/bin/" as "/usr/bin".
fn absolute(name: &str) -> String {
    let name = name.strip_prefix('.').unwrap_or(name);
    format!("/{}", name.trim_matches('/'))
}

/// Where a link at `path` leads.
fn resolve(path: &str, target: &str) -> String {
    let mut segments: Vec<&str> =
        if target.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    segments.pop();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    format!("/{}", segments.join("/").trim_start_matches('/'))
}

fn is_special(metadata: &std::fs::Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_block_device() || kind.is_char_device() || kind.is_fifo() || kind.is_socket()
}

fn utf8(path: PathBuf) -> io::Result<String> {
    path.into_os_string().into_string().map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))
}

fn not_utf8(error: std::string::FromUtf8Error) -> io::Error {
    io::Error::other(format!("{:?} is not UTF-8", String::from_utf8_lossy(error.as_bytes())))
}

#[cfg(test)]
mod tests;
