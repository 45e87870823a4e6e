use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use anteroom_protocol::Secret;

use super::*;

fn rule(text: &str) -> CredentialRule {
    serde_json::from_str(text).unwrap()
}

fn rules() -> Vec<CredentialRule> {
    vec![
        rule(r#"{"path": ".tool/auth.json", "require": ["token"]}"#),
        rule(r#"{"path": ".tool.json", "keys": ["account"]}"#),
    ]
}

fn file(path: &str, contents: &str) -> CapturedFile {
    CapturedFile {
        path: path.to_owned(),
        mode: 0o600,
        modified_unix_ms: 1_000,
        contents: Secret::new(contents),
    }
}

fn contents(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn files_are_put_where_they_belong_and_again_only_when_they_differ() {
    let home = tempfile::tempdir().unwrap();
    let files = [file(".tool/auth.json", r#"{"token":"one"}"#)];
    assert!(put::files(home.path(), &rules(), &files).unwrap());
    let place = home.path().join(".tool/auth.json");
    assert_eq!(contents(&place), r#"{"token":"one"}"#);
    let metadata = place.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        metadata.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(),
        1_000
    );
    assert!(!put::files(home.path(), &rules(), &files).unwrap(), "it is there");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(put::files(home.path(), &rules(), &files).unwrap(), "others could read it");
    let foreign = put::files(home.path(), &rules(), &[file("../.bashrc", "x")]);
    assert!(foreign.unwrap_err().to_string().contains("none of the provider's files"));
}

#[test]
fn some_keys_join_what_is_there_and_leave_it_again() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join(".tool.json");
    fs::write(&place, r#"{"theme":"dark","account":"old"}"#).unwrap();
    put::files(home.path(), &rules(), &[file(".tool.json", r#"{"account":"new"}"#)]).unwrap();
    assert_eq!(contents(&place), r#"{"account":"new","theme":"dark"}"#);
    put::files(home.path(), &rules(), &[file(".tool/auth.json", r#"{"token":"one"}"#)]).unwrap();
    assert!(put::remove(home.path(), &rules()).unwrap());
    assert_eq!(contents(&place), r#"{"theme":"dark"}"#);
    assert!(!home.path().join(".tool/auth.json").exists());
}

#[test]
fn a_link_in_the_place_is_replaced_and_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = home.path().join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    fs::create_dir(home.path().join(".tool")).unwrap();
    symlink(&elsewhere, home.path().join(".tool/auth.json")).unwrap();
    put::files(home.path(), &rules(), &[file(".tool/auth.json", r#"{"token":"one"}"#)]).unwrap();
    assert_eq!(contents(&elsewhere), "untouched");
}

#[test]
fn a_seed_is_sown_once() {
    let home = tempfile::tempdir().unwrap();
    let seeds = BTreeMap::from([(".tool/settings.json".to_owned(), "{}".to_owned())]);
    assert!(put::seeds(home.path(), &seeds).unwrap());
    fs::write(home.path().join(".tool/settings.json"), "mine").unwrap();
    assert!(!put::seeds(home.path(), &seeds).unwrap());
    assert_eq!(contents(&home.path().join(".tool/settings.json")), "mine");
}

#[test]
fn directories_of_proofs_are_covered_once_and_never_the_home_itself() {
    let of = |paths: &[&str]| tmpfs::directories(paths.iter().copied()).into_iter().collect::<Vec<_>>();
    assert_eq!(of(&[".tool/auth.json", ".tool/deep/key.json", "key.json"]), [Path::new(".tool")]);
    assert_eq!(of(&[".config/gh/hosts.yml"]), [Path::new(".config/gh")]);
}

#[test]
fn the_guest_remembers_whose_credentials_were_put_there() {
    let directory = tempfile::tempdir().unwrap();
    let session = SessionId::random();
    Memory::open(directory.path(), "tool").unwrap().note(Some(session)).unwrap();
    let mut memory = Memory::open(directory.path(), "tool").unwrap();
    assert_eq!(memory.session(), Some(session));
    memory.note(None).unwrap();
    assert_eq!(memory.session(), None);
}

#[test]
fn the_host_is_told_what_differs_and_not_that_the_same_was_written_again() {
    let told = [file("a", "one")];
    let again = [CapturedFile { modified_unix_ms: 2_000, ..file("a", "one") }];
    assert!(same(&told, &again));
    assert!(!same(&told, &[file("a", "two")]));
    assert!(!same(&told, &[]));
}
