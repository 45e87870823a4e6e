use std::process::Command;

use super::*;
use crate::tool;

fn entries(program: &[u8]) -> BTreeMap<&'static str, Entry<'_>> {
    BTreeMap::from([
        ("dev", Entry::EmptyDirectory),
        ("init", Entry::Program(program)),
        ("another", Entry::Program(b"small")),
        ("empty", Entry::Program(b"")),
        ("zeta", Entry::EmptyDirectory),
    ])
}

#[test]
fn the_file_systems_own_tool_finds_it_sound_and_takes_out_what_was_put_in() {
    let directory = tempfile::tempdir().unwrap();
    let (file, out) = (directory.path().join("image"), directory.path().join("out"));
    // Not a multiple of a block, and different everywhere.
    let program: Vec<u8> = (0..1_000_003_u32).flat_map(|number| number.to_le_bytes()).collect();
    fs_err::write(&file, image(&entries(&program)).unwrap()).unwrap();
    let extract = format!("--extract={}", out.display());
    let checked = Command::new(tool::FSCK_EROFS.name).arg(extract).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(fs_err::read(out.join("init")).unwrap(), program);
    assert_eq!(fs_err::read(out.join("another")).unwrap(), b"small");
    assert_eq!(fs_err::read(out.join("empty")).unwrap(), b"");
    let mut names: Vec<_> = fs_err::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["another", "dev", "empty", "init", "zeta"]);
    assert_eq!(fs_err::read_dir(out.join("dev")).unwrap().count(), 0);
}

#[test]
fn it_is_as_long_as_its_contents_and_two_blocks_and_one_for_each_directory() {
    let one = BTreeMap::from([("init", Entry::Program(&[7; BLOCK + 1])), ("dev", Entry::EmptyDirectory)]);
    let image = image(&one).unwrap();
    assert_eq!(image.len(), (2 + 1 + 2) * BLOCK);
    assert_eq!(image.iter().filter(|byte| **byte == 7).count(), BLOCK + 1);
}

#[test]
fn more_entries_than_have_room_are_refused() {
    let names: Vec<String> = (0..200).map(|number| format!("{number}")).collect();
    let entries = names.iter().map(|name| (name.as_str(), Entry::EmptyDirectory)).collect();
    assert!(image(&entries).unwrap_err().to_string().contains("entries fit"));
}
