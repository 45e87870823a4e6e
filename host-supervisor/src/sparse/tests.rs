use std::os::unix::fs::MetadataExt as _;

use super::*;

const MIB: u64 = 1024 * 1024;

/// 64 MiB: a byte in the second block, zeros that were written, a piece across the buffer's end, and one odd byte last.
fn scattered() -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(64 * MIB).unwrap();
    file.write_all_at(&[7], 5000).unwrap();
    file.write_all_at(&[0; 1 << 20], 8 * MIB).unwrap();
    file.write_all_at(&[9; 5000], 16 * MIB + BUFFER_BYTES as u64 - 100).unwrap();
    file.write_all_at(&[1], 64 * MIB - 1).unwrap();
    file
}

fn content(file: &File) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

#[test]
fn a_copy_without_zeros_is_equal_and_smaller() {
    let (source, target) = (scattered(), tempfile::tempfile().unwrap());
    let bytes = copy_what_is_not_zero(&source, &target).unwrap();
    assert_eq!(content(&source), content(&target));
    // One block, two or three, one.
    assert!((4 * 4096..=5 * 4096).contains(&bytes), "{bytes}");
    assert!(target.metadata().unwrap().blocks() < source.metadata().unwrap().blocks());
}

#[test]
fn a_digest_is_that_of_the_content_and_not_of_the_holes() {
    let (source, same) = (scattered(), tempfile::tempfile().unwrap());
    copy_what_is_not_zero(&source, &same).unwrap();
    let before = digest(&source).unwrap();
    assert_eq!(before, digest(&same).unwrap());
    same.write_all_at(&[1], 40 * MIB).unwrap();
    assert_ne!(before, digest(&same).unwrap(), "a byte in a hole");
    same.write_all_at(&[0], 40 * MIB).unwrap();
    assert_eq!(before, digest(&same).unwrap());
    same.set_len(65 * MIB).unwrap();
    assert_ne!(before, digest(&same).unwrap(), "another length");
}
