use super::*;

#[test]
fn the_same_agent_gives_the_same_file_and_a_changed_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let agent = directory.path().join("agent");
    let disk = |contents: &str| {
        std::fs::write(&agent, contents).unwrap();
        store.agent_disk(&agent).unwrap()
    };
    let first = disk("one");
    let bytes = std::fs::read(&first).unwrap();
    assert_ne!(disk("two"), first);
    std::fs::remove_file(&first).unwrap();
    // What a snapshot remembers of it is where it was.
    assert_eq!((disk("one"), std::fs::read(&first).unwrap()), (first, bytes));
}

#[test]
fn an_agent_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let error = store.agent_disk(&directory.path().join("no-agent")).unwrap_err();
    assert!(error.to_string().contains("no-agent"), "{error}");
}
