use std::{os::unix::fs::MetadataExt as _, process::Command as StdCommand};

use super::*;

fn allocated(path: &Path) -> u64 {
    path.metadata().unwrap().blocks() * 512
}

fn fsck(disk: &Path) -> String {
    let output = StdCommand::new("/sbin/e2fsck").args(["-f", "-n"]).arg(disk).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_disk_is_a_sound_file_system_that_takes_almost_no_room() {
    let scratch = tempfile::tempdir().unwrap();
    let templates = DiskTemplates::new(scratch.path().join("templates"));
    let disk = scratch.path().join("disk.img");
    templates.make_disk(2048, &disk).await.unwrap();
    assert_eq!(disk.metadata().unwrap().len(), 2048 << 20);
    assert_eq!(disk.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(allocated(&disk) < 4 << 20, "{} bytes", allocated(&disk));
    fsck(&disk);
}

#[tokio::test]
async fn the_guest_has_nothing_left_to_initialize() {
    let scratch = tempfile::tempdir().unwrap();
    let disk = scratch.path().join("disk.img");
    DiskTemplates::new(scratch.path().to_owned()).make_disk(512, &disk).await.unwrap();
    let output = StdCommand::new("/sbin/dumpe2fs").arg(&disk).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let groups = text.lines().filter(|line| line.contains(": (Blocks ")).count();
    assert!(groups > 1);
    assert_eq!(text.matches("ITABLE_ZEROED").count(), groups, "{text}");
    assert!(!text.contains("has_journal"));
}

#[tokio::test]
async fn a_template_is_made_once_and_disks_do_not_share_what_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let templates = DiskTemplates::new(scratch.path().join("templates"));
    let disks = [scratch.path().join("a.img"), scratch.path().join("b.img")];
    templates.make_disk(64, &disks[0]).await.unwrap();
    let template = scratch.path().join("templates").join(template_name(64));
    let made = template.metadata().unwrap().ino();
    std::fs::write(&disks[0], "overwritten").unwrap();
    templates.make_disk(64, &disks[1]).await.unwrap();
    assert_eq!(template.metadata().unwrap().ino(), made);
    fsck(&disks[1]);
    let left = std::fs::read_dir(scratch.path().join("templates")).unwrap().count();
    assert_eq!(left, 1, "no unfinished template stays");
}

#[tokio::test]
async fn an_existing_disk_is_never_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let disk = scratch.path().join("disk.img");
    std::fs::write(&disk, "precious").unwrap();
    let templates = DiskTemplates::new(scratch.path().join("templates"));
    assert!(templates.make_disk(64, &disk).await.is_err());
    assert_eq!(std::fs::read_to_string(&disk).unwrap(), "precious");
}

#[tokio::test]
async fn a_disk_without_room_for_a_file_system_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let templates = DiskTemplates::new(scratch.path().to_owned());
    let error = templates.make_disk(1, &scratch.path().join("disk.img")).await.unwrap_err();
    assert_eq!(error.to_string(), "a disk of 1 MiB is too small: at least 16 MiB");
}

#[test]
fn data_and_holes_are_copied_as_they_are() {
    use std::os::unix::fs::FileExt as _;
    let scratch = tempfile::tempdir().unwrap();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    let file = std::fs::File::create(&source).unwrap();
    file.set_len(10 << 20).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(&vec![7; 600 << 10], 3 << 20).unwrap();
    file.write_all_at(b"end", (10 << 20) - 3).unwrap();
    sparse::copy(&source, &target).unwrap();
    assert!(std::fs::read(&source).unwrap() == std::fs::read(&target).unwrap());
    assert!(allocated(&target) <= allocated(&source) + 8192);
}
