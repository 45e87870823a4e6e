//! What is said about a snapshot beside it.

use std::{fs::File, io, os::unix::fs::MetadataExt as _, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::{FORMAT, Key};
use crate::sparse;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub key: Key,
    /// What the key is the digest of, for people.
    pub conditions: Value,
    /// Of the image.
    pub profile: String,
    #[serde(with = "time::serde::rfc3339")]
    pub made_at: OffsetDateTime,
    /// From the request of the VM to the last digest.
    pub build_ms: u64,
    pub memory: Part,
    pub state: Part,
    pub disk: Part,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub bytes: u64,
    /// Without holes.
    pub stored_bytes: u64,
    /// SHA-256 over length and what is not zero, each block of 4096 bytes after its place.
    pub digest: String,
}

/// What [`super::Draft::finish`] has measured.
#[derive(Debug)]
pub struct Parts {
    pub(super) memory: Part,
    pub(super) state: Part,
    pub(super) disk: Part,
}

impl Part {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            stored_bytes: metadata.blocks() * 512,
            digest: sparse::digest(&file)?,
        })
    }
}

impl Manifest {
    #[must_use]
    pub fn new(conditions: Value, profile: String, build_ms: u64, parts: Parts) -> Self {
        let Parts { memory, state, disk } = parts;
        Self {
            format: FORMAT,
            key: Key::of(&conditions),
            conditions,
            profile,
            made_at: OffsetDateTime::now_utc(),
            build_ms,
            memory,
            state,
            disk,
        }
    }

    /// Of all its files, without holes.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        [&self.memory, &self.state, &self.disk].iter().map(|part| part.stored_bytes).sum()
    }
}
