use super::*;

fn modules_in(store: &ImageStore, modules: &[u8]) -> ModulesArchive {
    let path = store.root().join("modules.cpio");
    std::fs::write(&path, modules).unwrap();
    ModulesArchive { path, sha256: Digest::of(modules) }
}

#[test]
fn the_modules_come_first_and_the_loader_is_init() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let loader = directory.path().join("loader");
    std::fs::write(&loader, "loader's program").unwrap();
    let path = store.initrd(&modules_in(&store, b"MODULES!"), &loader).unwrap();
    let contents = std::fs::read(path).unwrap();
    let loaders_part = contents.strip_prefix(b"MODULES!").unwrap();
    assert_eq!(loaders_part, write_loader(Vec::new(), b"loader's program").unwrap());
    let text = String::from_utf8_lossy(loaders_part);
    assert!(text.contains("init\0") && text.contains("loader's program") && text.contains("dev/console\0"));
}

#[test]
fn the_same_loader_gives_the_same_file_and_a_changed_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let modules = modules_in(&store, b"MODULES!");
    let loader = directory.path().join("loader");
    let initrd = |contents: &str| {
        std::fs::write(&loader, contents).unwrap();
        store.initrd(&modules, &loader).unwrap()
    };
    let first = initrd("one");
    assert_eq!(initrd("one"), first);
    assert_ne!(initrd("two"), first);
    assert!(first.is_file());
}

#[test]
fn a_loader_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let error = store.initrd(&modules_in(&store, b""), &directory.path().join("no-loader")).unwrap_err();
    assert!(error.to_string().contains("no-loader"), "{error}");
}
