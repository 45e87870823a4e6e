//! Users and groups of the guest, read from `/etc/passwd` and `/etc/group`.
//!
//! Not by the C library: its name services load shared objects, which a static program cannot.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fs, io, path::PathBuf};

use nix::unistd::{Gid, Uid};

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// Supplementary groups (setgroups(2)).
    pub(crate) groups: Vec<Gid>,
    pub(crate) home: PathBuf,
}

/// The user whose desktop this is.
pub(crate) const DESKTOP: &str = "desktop";

#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("the system has no user {0:?}")]
    Unknown(String),
    #[error("{file} cannot be read")]
    Unreadable { file: &'static str, source: io::Error },
}

impl Account {
    /// Looks the user up in the running system.
    pub(crate) fn named(name: &str) -> Result<Self, AccountError> {
        let read =
            |file| fs::read_to_string(file).map_err(|source| AccountError::Unreadable { file, source });
        Self::find(name, &read("/etc/passwd")?, &read("/etc/group")?)
            .ok_or_else(|| AccountError::Unknown(name.to_owned()))
    }

    /// The pure part: passwd(5) and group(5) as text.
    fn find(name: &str, passwd: &str, group: &str) -> Option<Self> {
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<&str>| fields[0] == name)?;
        let groups = group
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .filter(|fields| {
                fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name))
            })
            .filter_map(|fields| fields[2].parse().ok())
            .map(Gid::from_raw)
            .collect();
        Some(Self {
            name: name.to_owned(),
            uid: Uid::from_raw(fields.get(2)?.parse().ok()?),
            gid: Gid::from_raw(fields.get(3)?.parse().ok()?),
            groups,
            home: PathBuf::from(fields.get(5)?),
        })
    }
}

/// Names of users by their numbers; of none when there is no list of them.
pub(crate) fn names() -> HashMap<u32, String> {
    names_in(&fs::read_to_string("/etc/passwd").unwrap_or_default())
}

/// Of passwd(5).
fn names_in(passwd: &str) -> HashMap<u32, String> {
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.nth(2)?.parse().ok()?, line.split(':').next()?.to_owned()))
    };
    passwd.lines().filter_map(of_line).collect()
}
