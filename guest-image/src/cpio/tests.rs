use super::*;

fn archive() -> Vec<u8> {
    let mut archive = Writer::new(Vec::new());
    archive.directory("dev").unwrap();
    archive.character_device("dev/console", (5, 1)).unwrap();
    archive.file("init", Access::Program, b"#!\n").unwrap();
    archive.finish().unwrap()
}

/// Name, mode, device numbers and contents.
type Entry = (String, u32, (u32, u32), Vec<u8>);

/// Reads the archive as the kernel's unpacker does.
fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let aligned = |length: usize| length.next_multiple_of(4);
    while !bytes.is_empty() {
        assert_eq!(&bytes[..6], b"070701");
        let field = |index: usize| {
            u32::from_str_radix(std::str::from_utf8(&bytes[6 + 8 * index..][..8]).unwrap(), 16).unwrap()
        };
        let (mode, size, device, name_bytes) =
            (field(1), field(6) as usize, (field(9), field(10)), field(11) as usize);
        let name = std::str::from_utf8(&bytes[110..][..name_bytes - 1]).unwrap().to_owned();
        let contents_at = aligned(110 + name_bytes);
        entries.push((name, mode, device, bytes[contents_at..][..size].to_vec()));
        bytes = &bytes[aligned(contents_at + size)..];
    }
    entries
}

#[test]
fn what_is_written_can_be_read() {
    let expected = [
        ("dev", 0o040_755, (0, 0), &b""[..]),
        ("dev/console", 0o020_600, (5, 1), b""),
        ("init", 0o100_755, (0, 0), b"#!\n"),
        ("TRAILER!!!", 0, (0, 0), b""),
    ];
    let found = entries(&archive());
    let found: Vec<_> =
        found.iter().map(|(name, mode, device, contents)| (&**name, *mode, *device, &**contents)).collect();
    assert_eq!(found, expected);
}

#[test]
fn archives_can_follow_one_another() {
    let one = archive();
    assert_eq!(one.len() % 4, 0);
    assert_eq!(entries(&[one.clone(), one].concat()).len(), 8);
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    assert_eq!(archive(), archive());
}
