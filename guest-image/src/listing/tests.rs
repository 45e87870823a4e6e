use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A tarball of the kind that mmdebstrap writes.
fn tarball() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind: tar::EntryType, mode: u32, target: &str, contents: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(42);
        header.set_size(contents.len() as u64);
        if target.is_empty() {
            builder.append_data(&mut header, path, contents).unwrap();
        } else {
            builder.append_link(&mut header, path, target).unwrap();
        }
    };
    add("./usr/", tar::EntryType::Directory, 0o755, "", b"");
    add("./usr/bin/tool", tar::EntryType::Regular, 0o4755, "", b"program");
    add("./usr/bin/same", tar::EntryType::Link, 0o4755, "./usr/bin/tool", b"");
    add("./bin", tar::EntryType::Symlink, 0o777, "usr/bin", b"");
    add("./etc/note", tar::EntryType::Regular, 0o640, "", b"text");
    builder.into_inner().unwrap()
}

fn listed() -> Listing {
    Listing::of_tarball(&*tarball(), |_| false).unwrap().0
}

#[test]
fn a_tarball_is_listed_with_hashes_owners_and_modes() {
    let program = Kind::File { size: 7, sha256: Digest::of(b"program") };
    let listing = listed();
    assert_eq!(listing.entry("/usr"), Some(&Entry::new(0o755, 0, 42, Kind::Directory)));
    assert_eq!(listing.entry("/usr/bin/tool"), Some(&Entry::new(0o4755, 0, 42, program.clone())));
    assert_eq!(listing.entry("/usr/bin/same"), Some(&Entry::new(0o4755, 0, 42, program)));
    assert_eq!(listing.entry("/usr/bin/tool").unwrap().mode, "4755");
    assert_eq!(listing.len(), 5);
}

#[test]
fn the_files_asked_for_are_kept() {
    let (_, kept) = Listing::of_tarball(&*tarball(), |path| path == "/etc/note").unwrap();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [("/etc/note".to_owned(), b"text".to_vec())]);
}

#[test]
fn a_tarball_that_ends_too_early_is_an_error() {
    let tarball = tarball();
    assert!(Listing::of_tarball(&tarball[..1200], |_| false).is_err());
}

#[test]
fn file_capabilities_are_refused_by_name() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("SCHILY.xattr.security.capability", &b"x"[..])]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    builder.append_data(&mut header, "./usr/bin/ping", &b""[..]).unwrap();
    let error = Listing::of_tarball(&*builder.into_inner().unwrap(), |_| false).unwrap_err().to_string();
    assert!(error.contains("/usr/bin/ping") && error.contains("security.capability"), "{error}");
}

#[test]
fn a_list_reads_back_what_it_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("files.jsonl");
    listed().write(&path).unwrap();
    assert_eq!(Listing::read(&path).unwrap(), listed());
    assert!(std::fs::read_to_string(&path).unwrap().lines().any(|line| {
        line == r#"{"path":"/bin","mode":"0777","uid":0,"gid":42,"type":"link","target":"usr/bin"}"#
    }));
}

#[test]
fn a_directory_is_listed_like_the_image_made_of_it() {
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir(root.path().join("usr")).unwrap();
    std::fs::write(root.path().join("usr/tool"), "program").unwrap();
    std::fs::set_permissions(root.path().join("usr/tool"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("usr/tool", root.path().join("link")).unwrap();
    let listing = Listing::of_staged(root.path()).unwrap();
    assert_eq!(listing.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["/", "/link", "/usr", "/usr/tool"]);
    assert_eq!(
        listing.entry("/usr/tool"),
        Some(&Entry::new(0o755, 0, 0, Kind::File { size: 7, sha256: Digest::of(b"program") }))
    );
    assert_eq!(listing.content_bytes(), 7);
}

#[test]
fn a_program_is_found_behind_links_and_must_be_executable() {
    let mut listing = Listing::default();
    let link = |target: &str| Entry::new(0o777, 0, 0, Kind::Link { target: target.to_owned() });
    let file = |mode| Entry::new(mode, 0, 0, Kind::File { size: 1, sha256: Digest::of(b"x") });
    listing.insert("/usr/local/bin/tool".to_owned(), link("../lib/tool/bin/tool"));
    listing.insert("/usr/local/lib/tool/bin/tool".to_owned(), file(0o755));
    listing.insert("/usr/bin/other".to_owned(), link("/usr/local/bin/tool"));
    listing.insert("/usr/bin/data".to_owned(), file(0o644));
    listing.insert("/usr/bin/loop".to_owned(), link("loop"));
    assert!(listing.has_program("/usr/local/bin/tool"));
    assert!(listing.has_program("/usr/bin/other"));
    for path in ["/usr/bin/data", "/usr/bin/loop", "/usr/bin/nothing"] {
        assert!(!listing.has_program(path), "{path}");
    }
}

#[test]
fn differences_are_told_one_by_one() {
    let (expected, mut found) = (listed(), listed());
    found.entries.remove("/bin");
    found.insert("/new".to_owned(), Entry::new(0o644, 0, 0, Kind::Directory));
    found.entries.get_mut("/etc/note").unwrap().mode = "0644".to_owned();
    assert_eq!(
        expected.differences(&found),
        ["/bin is missing", "/new is not in the list", "/etc/note differs"]
    );
    assert_eq!(expected.differences(&listed()), [""; 0]);
}
