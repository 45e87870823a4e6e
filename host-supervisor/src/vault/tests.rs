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

const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_TEXT: &str = "HxsZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIBAAECAwQ=";

fn texts(present: &'static str) -> KeyTexts<'static> {
    KeyTexts { present: Some(present), next: None }
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    assert!(KeyRing::find(directory.path(), KeyTexts::default()).unwrap().is_none());
    let first = KeyRing::load(directory.path(), KeyTexts::default()).unwrap();
    let second = KeyRing::load(directory.path(), KeyTexts::default()).unwrap();
    let found = KeyRing::find(directory.path(), KeyTexts::default()).unwrap().unwrap();
    assert_eq!([first.present.id(), first.present.id()], [second.present.id(), found.present.id()]);
    assert!(found.next.is_none());
    let mode = fs::metadata(directory.path().join("key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn the_environment_goes_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyRing::load(directory.path(), KeyTexts::default()).unwrap();
    let environment = KeyRing::load(directory.path(), texts(TEXT)).unwrap();
    assert_ne!(file.present.id(), environment.present.id());
}

#[test]
fn the_next_key_of_a_rotation_opens_but_does_not_seal() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = KeyRing::load(directory.path(), KeyTexts::default()).unwrap();
    let (session, plain) = (SessionId::random(), Secret::new(PLAIN));
    let next = Vault::new(ring.make_next(directory.path()).unwrap());
    let sealed_with_next = next.seal(owner(session), &plain).unwrap();
    // As a daemon that is started in the middle finds it.
    let both = Vault::of(&KeyRing::load(directory.path(), KeyTexts::default()).unwrap());
    assert_eq!(both.open(owner(session), &sealed_with_next).unwrap().expose(), PLAIN.as_bytes());
    assert_eq!(both.seal(owner(session), &plain).unwrap().key_id, ring.present.id());
    // A key in the environment is not followed by one in a file.
    let environment = KeyRing::load(directory.path(), texts(TEXT)).unwrap();
    assert!(environment.next.is_none());
}

#[test]
fn a_malformed_key_is_refused_and_not_quoted() {
    for text in ["", "hunter2", "AAECAwQFBgc=", "!!!"] {
        let refused = |texts| KeyRing::load(std::path::Path::new("/nowhere"), texts).unwrap_err().to_string();
        let present = refused(texts(text));
        assert!(present.starts_with("ANTEROOM_MASTER_KEY is no master key"), "{present}");
        let next = refused(KeyTexts { present: Some(TEXT), next: Some(text) });
        assert!(next.starts_with("ANTEROOM_MASTER_KEY_NEXT is no master key"), "{next}");
        assert!(!present.contains("hunter2") && !next.contains("hunter2"), "{present} {next}");
    }
}

#[test]
fn keys_do_not_print_themselves() {
    let texts = KeyTexts { present: Some(TEXT), next: Some(OTHER_TEXT) };
    let ring = KeyRing::load(std::path::Path::new("/nowhere"), texts).unwrap();
    let shown = format!("{ring:?} {texts:?} {:?}", Vault::of(&ring));
    assert!(!shown.contains("AAEC") && !shown.contains("Hxs") && !shown.contains("[0, 1, 2"), "{shown}");
    assert!(shown.contains(&ring.present.id()));
}

#[test]
fn a_stream_key_opens_for_its_own_vm_and_is_no_credential() {
    let (vault, vm, session) = (vault(), VmId::random(), SessionId::random());
    let key = StreamKey::random().unwrap();
    let sealed = vault.seal_stream_key(vm, &key).unwrap();
    let opened = vault.open_stream_key(vm, &sealed).unwrap();
    assert_eq!(opened.expose(), key.expose());
    assert!(matches!(vault.open_stream_key(VmId::random(), &sealed), Err(VaultError::Damaged)));
    assert!(matches!(vault.open(owner(session), &sealed), Err(VaultError::Damaged)));
    let credential = vault.seal(owner(session), &Secret::new(PLAIN)).unwrap();
    assert!(matches!(vault.open_stream_key(vm, &credential), Err(VaultError::Damaged)));
}
