use super::*;
use crate::Digest;

fn file(size: u64) -> Entry {
    Entry::new(0o644, 0, 0, Kind::File { size, sha256: Digest::of(b"") })
}

fn leaks(entries: &[(&str, Entry)]) -> Vec<String> {
    let mut listing = Listing::default();
    for (path, entry) in entries {
        listing.insert((*path).to_owned(), entry.clone());
    }
    in_listing(&listing)
}

#[test]
fn traces_of_the_build_host_are_found() {
    let traces = [
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/apt/apt.conf.d/99mmdebstrap",
        "/tmp/x",
        "/var/cache/apt/pkgcache.bin",
        "/var/lib/apt/lists/deb.debian.org_InRelease",
        "/var/log/dpkg.log",
    ];
    for path in traces {
        assert_eq!(leaks(&[(path, file(1))]), [path]);
    }
}

#[test]
fn a_device_node_is_found_wherever_it_is() {
    assert_eq!(leaks(&[("/usr/null", Entry::new(0o666, 0, 0, Kind::Special))]), ["/usr/null"]);
}

#[test]
fn what_a_distribution_ships_is_not_taken_for_a_trace() {
    let directory = Entry::new(0o755, 0, 0, Kind::Directory);
    let entries = [
        ("/etc/machine-id", file(0)),
        ("/etc/ssh/ssh_config", file(10)),
        ("/root/.bashrc", file(10)),
        ("/run/lock", directory.clone()),
        ("/tmp", directory.clone()),
        ("/var/cache/apt/archives/lock", file(0)),
        ("/var/log/apt", directory),
        ("/usr/share/doc", file(10)),
    ];
    assert_eq!(leaks(&entries), [""; 0]);
}
