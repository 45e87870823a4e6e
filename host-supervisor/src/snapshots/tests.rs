use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use serde_json::{Value, json};

use super::*;

fn conditions(memory_mib: u32) -> Value {
    json!({ "memory_mib": memory_mib, "vmm": "fake 1" })
}

/// A snapshot of a megabyte of memory.
fn make(shelf: &Shelf, conditions: &Value) -> Snapshot {
    let draft = shelf.begin(&Key::of(conditions)).unwrap();
    let write = |path: &Path, at, text: &[u8]| {
        let file = File::create_new(path).unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(text, at).unwrap();
    };
    let SnapshotFiles { memory, state } = draft.files();
    write(&memory, 500_000, b"desktop");
    write(&state, 0, b"registers");
    write(&draft.disk(), 4096, b"files");
    draft.finish(|parts| Manifest::new(conditions.clone(), "test".into(), 1234, parts)).unwrap()
}

#[tokio::test]
async fn what_was_put_there_is_found_by_its_key_and_is_its_owners_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::new(scratch.path().join("snapshots")));
    let key = Key::of(&conditions(512));
    assert!(shelf.find(&key).await.unwrap().is_none());
    let made = make(&shelf, &conditions(512));
    let found = shelf.find(&key).await.unwrap().unwrap();
    assert_eq!(found.manifest, made.manifest);
    assert_eq!((found.manifest.memory.bytes, found.manifest.build_ms), (1 << 20, 1234));
    assert!(found.manifest.stored_bytes() < 1 << 20, "holes");
    assert_eq!(shelf.directory().metadata().unwrap().mode() & 0o777, 0o700);
    assert!(shelf.find(&Key::of(&conditions(513))).await.unwrap().is_none(), "another machine");
    assert_eq!(fs::read_dir(shelf.directory()).unwrap().count(), 1, "nothing is left of the making");
}

#[tokio::test]
async fn a_file_that_was_changed_or_cut_is_refused_with_its_name() {
    let scratch = tempfile::tempdir().unwrap();
    let key = Key::of(&conditions(512));
    let shelf = Arc::new(Shelf::new(scratch.path().to_owned()));
    let refused = async || {
        let error = shelf.find(&key).await.unwrap_err().to_string();
        assert!(shelf.find(&key).await.unwrap().is_none(), "it is removed");
        error
    };
    let open = |path: PathBuf| fs::OpenOptions::new().write(true).open(path).unwrap();
    let snapshot = make(&shelf, &conditions(512));
    open(snapshot.files().memory).write_all_at(b"x", 700_000).unwrap();
    let said = refused().await;
    assert!(said.contains("memory is not what was written: its content has changed"), "{said}");

    // What was verified once is not read again, but a file that was cut is noticed.
    let snapshot = make(&shelf, &conditions(512));
    shelf.find(&key).await.unwrap().expect("as it was made");
    open(snapshot.files().memory).set_len(4096).unwrap();
    let said = refused().await;
    assert!(said.contains("4096 bytes instead of 1048576"), "{said}");

    let snapshot = make(&shelf, &conditions(512));
    fs::write(snapshot.directory.join(MANIFEST), "{}").unwrap();
    let said = refused().await;
    assert!(said.contains("is no manifest"), "{said}");
}

#[test]
fn of_two_that_make_the_same_the_first_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::new(scratch.path().to_owned()));
    let first = make(&shelf, &conditions(512));
    let second = make(&shelf, &conditions(512));
    assert_eq!(first.manifest.made_at, second.manifest.made_at);
    assert_eq!(shelf.list().unwrap().len(), 1);
}

#[tokio::test]
async fn old_ones_and_those_beyond_the_number_are_collected_but_not_the_one_in_use() {
    let scratch = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::new(scratch.path().to_owned()));
    let made: Vec<Manifest> = (1..=4).map(|mib| make(&shelf, &conditions(mib)).manifest).collect();
    let keys: Vec<Key> = made.iter().map(|manifest| manifest.key.clone()).collect();
    let long = Duration::from_secs(3600);
    // The oldest is the one in use; of the others the newest stays.
    let gone = shelf.collect(&made[0], 2, long).unwrap();
    assert_eq!(gone, [keys[2].clone(), keys[1].clone()]);
    let unfinished = shelf.begin(&keys[1]).unwrap();
    assert_eq!(shelf.collect(&made[0], 2, Duration::ZERO).unwrap(), [keys[3].clone()]);
    assert!(unfinished.directory.exists(), "somebody may be making it");
    assert!(shelf.find(&keys[0]).await.unwrap().is_some());
}

#[tokio::test]
async fn one_is_named_by_the_beginning_of_its_key() {
    let scratch = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::new(scratch.path().to_owned()));
    let made = make(&shelf, &conditions(512)).manifest;
    assert_eq!(shelf.named(&made.key.as_str()[..8]).unwrap().manifest, made);
    assert!(shelf.named("").unwrap_err().to_string().starts_with("1 snapshots"));
    assert!(shelf.named("../").unwrap_err().to_string().starts_with("0 snapshots"));
    shelf.remove(&made.key).unwrap();
    assert!(shelf.find(&made.key).await.unwrap().is_none());
}
