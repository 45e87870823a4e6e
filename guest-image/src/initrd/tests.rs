use super::*;
use crate::store::ModulesArchive;

fn kernel_in(store: &ImageStore, modules: &[u8]) -> Kernel {
    let path = store.root().join("modules.cpio");
    std::fs::write(&path, modules).unwrap();
    Kernel {
        image: store.root().join("vmlinuz"),
        modules: Some(ModulesArchive { path, sha256: Digest::of(modules) }),
        elf: None,
        version: "6.1".to_owned(),
    }
}

#[test]
fn the_modules_come_first_and_the_agent_is_init() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let agent = directory.path().join("agent");
    std::fs::write(&agent, "agent's program").unwrap();
    let path = store.initrd(&kernel_in(&store, b"MODULES!"), &agent).unwrap();
    let contents = std::fs::read(path).unwrap();
    let agents_part = contents.strip_prefix(b"MODULES!").unwrap();
    assert_eq!(agents_part, write_agent(Vec::new(), b"agent's program").unwrap());
    let text = String::from_utf8_lossy(agents_part);
    assert!(text.contains("init\0") && text.contains("agent's program") && text.contains("dev/console\0"));
}

#[test]
fn the_same_agent_gives_the_same_file_and_a_changed_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let kernel = kernel_in(&store, b"MODULES!");
    let agent = directory.path().join("agent");
    let initrd = |contents: &str| {
        std::fs::write(&agent, contents).unwrap();
        store.initrd(&kernel, &agent).unwrap()
    };
    let first = initrd("one");
    assert_eq!(initrd("one"), first);
    assert_ne!(initrd("two"), first);
    assert!(first.is_file());
}

#[test]
fn an_agent_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = ImageStore::open(directory.path()).unwrap();
    let error = store.initrd(&kernel_in(&store, b""), &directory.path().join("no-agent")).unwrap_err();
    assert!(error.to_string().contains("no-agent"), "{error}");
}
