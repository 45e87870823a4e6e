use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn packed(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive(path, &mut bytes).unwrap();
    bytes
}

/// An archive with one entry, with whatever name; the crate would not write every one.
fn hostile(name: &str, kind: EntryType, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_size(0);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, io::empty()).unwrap();
    builder.into_inner().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn modes_times_links_holes_and_closed_directories_travel() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    fs::create_dir_all(source.join("closed")).unwrap();
    fs::write(source.join("closed/file"), "x").unwrap();
    fs::write(source.join("program"), "#!/bin/sh\n").unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(source.join("program")).unwrap().set_modified(old).unwrap();
    fs::set_permissions(source.join("program"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::set_permissions(source.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    symlink("program", source.join("link")).unwrap();
    fs::File::create(source.join("sparse")).unwrap().set_len(64 << 20).unwrap();

    let bytes = packed(&source);
    assert!(bytes.len() < 1 << 20, "holes are not sent: {}", bytes.len());
    unpack(&target, &bytes[..]).unwrap();
    assert_eq!((mode(&target.join("program")), mode(&target.join("closed"))), (0o751, 0o555));
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("program"));
    assert_eq!(fs::metadata(target.join("program")).unwrap().modified().unwrap(), old);
    let sparse = fs::metadata(target.join("sparse")).unwrap();
    assert_eq!((sparse.len(), sparse.blocks()), (64 << 20, 0));
    assert_eq!(fs::read(target.join("closed/file")).unwrap(), b"x");
}

#[test]
fn the_names_of_one_file_stay_names_of_one_file() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    fs::create_dir_all(source.join("deep")).unwrap();
    fs::write(source.join("one"), vec![1; 1 << 20]).unwrap();
    fs::hard_link(source.join("one"), source.join("deep/two")).unwrap();
    // One whose other name is not copied is a file like any other.
    fs::write(scratch.path().join("outside"), "o").unwrap();
    fs::hard_link(scratch.path().join("outside"), source.join("inside")).unwrap();
    let bytes = packed(&source);
    assert!(bytes.len() < 3 << 19, "it is sent twice: {}", bytes.len());
    unpack(&target, &bytes[..]).unwrap();
    let inode = |name: &str| fs::metadata(target.join(name)).unwrap().ino();
    assert_eq!(inode("one"), inode("deep/two"));
    assert_eq!(fs::read(target.join("deep/two")).unwrap().len(), 1 << 20);
    assert_eq!(fs::read(target.join("inside")).unwrap(), b"o");
}

#[test]
fn a_directory_gets_the_source_into_it_and_anything_else_becomes_it() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    fs::write(path("a"), "new").unwrap();
    let bytes = packed(&path("a"));
    fs::create_dir(path("inside")).unwrap();
    unpack(&path("inside"), &bytes[..]).unwrap();
    assert_eq!(fs::read(path("inside/a")).unwrap(), b"new");
    fs::write(path("replaced"), "old").unwrap();
    unpack(&path("replaced"), &bytes[..]).unwrap();
    assert_eq!(fs::read(path("replaced")).unwrap(), b"new");
    let mut names: Vec<_> =
        fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "inside", "replaced"], "no scratch is left");
}

#[test]
fn no_name_in_an_archive_leads_out_of_the_target() {
    let scratch = tempfile::tempdir().unwrap();
    let (outside, target) = (scratch.path().join("outside"), scratch.path().join("target"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&target).unwrap();
    fs::write(scratch.path().join("secret"), "s").unwrap();
    let send = |name: &str, kind, link: &str| unpack(&target, &hostile(name, kind, link)[..]);
    let up = send("../outside/evil", EntryType::Regular, "").unwrap_err();
    assert!(matches!(up, CopyError::Escape(_)), "{up}");
    // An absolute name counts from the target.
    send("/outside/file", EntryType::Regular, "").unwrap();
    assert!(target.join("outside/file").exists());
    // A link that leads out, and then something through it.
    send("door", EntryType::Symlink, outside.to_str().unwrap()).unwrap();
    send("door/evil", EntryType::Regular, "").unwrap_err();
    send("door/evil/deep", EntryType::Directory, "").unwrap_err();
    send("hard", EntryType::Link, "../secret").unwrap_err();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(!target.join("hard").exists());
}

#[test]
fn nothing_becomes_a_device_or_a_program_that_runs_as_somebody_else() {
    let scratch = tempfile::tempdir().unwrap();
    for kind in [EntryType::Block, EntryType::Char, EntryType::Fifo] {
        let refused = unpack(scratch.path(), &hostile("node", kind, "")[..]).unwrap_err();
        assert!(matches!(refused, CopyError::Kind(_)), "{refused}");
    }
    unpack(scratch.path(), &hostile("program", EntryType::Regular, "")[..]).unwrap();
    assert_eq!(mode(&scratch.path().join("program")), 0o755);
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let scratch = tempfile::tempdir().unwrap();
    let refused = unpack(&scratch.path().join("target"), &[b'x'; 2048][..]).unwrap_err();
    assert!(matches!(refused, CopyError::Archive(_)), "{refused}");
    let nothing = unpack(&scratch.path().join("target"), io::empty()).unwrap_err();
    assert!(matches!(nothing, CopyError::NotOne(0)), "{nothing}");
}
