//! What must not be in a layer: traces of the machine that built it, and of the build.
//!
//! The builders clean up after themselves; this is the check that they did, made on every layer before it is stored.

use crate::listing::{Entry, Kind, Listing};

/// Not at all.
const FORBIDDEN: [&str; 6] = [
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/apt/auth.conf",
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/root/.ssh",
    "/var/lib/dbus/machine-id",
];

/// Not with anything in it: an empty file says that the machine has no identity yet (machine-id(5)).
const EMPTY: [&str; 1] = ["/etc/machine-id"];

/// No files with anything in them below these. Directories, links and empty lock files are the distribution's.
const EMPTY_BELOW: [&str; 8] = [
    "/dev/",
    "/run/",
    "/tmp/",
    "/var/cache/apt/",
    "/var/lib/apt/lists/",
    "/var/log/",
    "/var/spool/",
    "/var/tmp/",
];

/// The paths in `listing` that give something away.
pub(crate) fn in_listing(listing: &Listing) -> Vec<String> {
    listing.iter().filter(|(path, entry)| is_leak(path, entry)).map(|(path, _)| path.to_owned()).collect()
}

fn is_leak(path: &str, entry: &Entry) -> bool {
    let has_contents = matches!(entry.kind, Kind::File { size: 1.., .. });
    FORBIDDEN.contains(&path)
        || path.starts_with("/etc/ssh/ssh_host_")
        || entry.kind == Kind::Special
        || has_contents
            && (EMPTY.contains(&path) || EMPTY_BELOW.iter().any(|directory| path.starts_with(directory)))
}

#[cfg(test)]
mod tests;
