use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

const PLAIN: &str = "the-refresh-token";

fn owner(session: SessionId) -> Owner<'static> {
    Owner { user_id: "ann", provider: "demo", session }
}

fn vault() -> Vault {
    Vault::new(&MasterKey::random().unwrap())
}

#[test]
fn what_is_sealed_opens_for_its_owner() {
    let (vault, session) = (vault(), SessionId::random());
    let sealed = vault.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    assert_eq!(vault.open(owner(session), &sealed).unwrap().expose(), PLAIN.as_bytes());
    assert!(!sealed.bytes.windows(PLAIN.len()).any(|window| window == PLAIN.as_bytes()));
}

#[test]
fn the_same_plaintext_never_looks_the_same() {
    let (vault, session) = (vault(), SessionId::random());
    let seal = || vault.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn it_does_not_open_for_anybody_else() {
    let (vault, session) = (vault(), SessionId::random());
    let sealed = vault.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    let strangers = [
        Owner { user_id: "bob", ..owner(session) },
        Owner { provider: "demo-auto", ..owner(session) },
        owner(SessionId::random()),
        // The same bytes, cut elsewhere.
        Owner { user_id: "annd", provider: "emo", session },
    ];
    for stranger in strangers {
        assert!(matches!(vault.open(stranger, &sealed), Err(VaultError::Damaged)), "{stranger:?}");
    }
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let (vault, session) = (vault(), SessionId::random());
    let sealed = vault.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    for at in 0..sealed.bytes.len() {
        let mut damaged = sealed.clone();
        damaged.bytes[at] ^= 1;
        assert!(matches!(vault.open(owner(session), &damaged), Err(VaultError::Damaged)), "byte {at}");
    }
    let short = Sealed { bytes: vec![0; 10], ..sealed };
    assert!(matches!(vault.open(owner(session), &short), Err(VaultError::Damaged)));
}

#[test]
fn another_key_is_named_in_the_refusal() {
    let (ours, theirs, session) = (vault(), vault(), SessionId::random());
    let sealed = theirs.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    let error = ours.open(owner(session), &sealed).unwrap_err().to_string();
    assert!(error.contains(ours.key_id()) && error.contains(theirs.key_id()), "{error}");
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = MasterKey::load(directory.path(), None).unwrap();
    let second = MasterKey::load(directory.path(), None).unwrap();
    assert_eq!(first.id(), second.id());
    let mode = fs::metadata(directory.path().join("key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn the_environment_goes_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = MasterKey::load(directory.path(), None).unwrap();
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let environment = MasterKey::load(directory.path(), Some(text)).unwrap();
    assert_ne!(file.id(), environment.id());
}

#[test]
fn a_malformed_key_is_refused_and_not_quoted() {
    for text in ["", "hunter2", "AAECAwQFBgc=", "!!!"] {
        let error = MasterKey::load(std::path::Path::new("/nowhere"), Some(text)).unwrap_err().to_string();
        assert!(error.starts_with("ANTEROOM_MASTER_KEY is no master key"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn keys_do_not_print_themselves() {
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = MasterKey::load(std::path::Path::new("/nowhere"), Some(text)).unwrap();
    let vault = Vault::new(&key);
    let shown = format!("{key:?} {vault:?} {:?}", key.derive("x").len());
    assert!(!shown.contains("AAEC") && !shown.contains("[0, 1, 2"), "{shown}");
    assert!(shown.contains(&key.id()));
}
