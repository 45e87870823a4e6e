use std::os::unix::fs::{PermissionsExt, symlink};

use anteroom_protocol::provider::{Format, WriteStyle};

use super::*;

fn collected(home: &Path, rules: &[CredentialRule]) -> Result<Vec<CapturedFile>, Incomplete> {
    collect(home, rules, &BTreeMap::new())
}

fn rule(path: &str, require: &[&str]) -> CredentialRule {
    CredentialRule {
        path: path.into(),
        format: Format::Json,
        write: WriteStyle::Rename,
        pattern: None,
        require: require.iter().map(ToString::to_string).collect(),
        keys: Vec::new(),
        settle_ms: 0,
    }
}

#[test]
fn complete_files_come_with_their_mode_and_time() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.json");
    fs::write(&path, r#"{"token":"t"}"#).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let files = collected(home.path(), &[rule("auth.json", &["token"]), rule("missing.json", &[])]).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].path.as_str(), files[0].mode), ("auth.json", 0o600));
    assert_eq!(files[0].contents.expose(), br#"{"token":"t"}"#);
    assert!(files[0].modified_unix_ms > 1_600_000_000_000);
}

#[test]
fn every_file_that_proves_something_must_be_complete() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a.json"), r#"{"token":"t"}"#).unwrap();
    let rules = [rule("a.json", &["token"]), rule("b.json", &["token"])];
    assert!(matches!(collected(home.path(), &rules), Err(Incomplete::Missing(path)) if path == "b.json"));
    fs::write(home.path().join("b.json"), r#"{"token":""}"#).unwrap();
    assert!(matches!(collected(home.path(), &rules), Err(Incomplete::NotAccepted(_))));
}

#[test]
fn a_link_and_a_pipe_are_not_read() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("elsewhere"), r#"{"token":"t"}"#).unwrap();
    symlink(home.path().join("elsewhere"), home.path().join("link")).unwrap();
    nix::unistd::mkfifo(&home.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in ["link", "pipe"] {
        let result = collected(home.path(), &[rule(path, &["token"])]);
        assert!(matches!(result, Err(Incomplete::Unreadable(..))), "{path}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_parsed() {
    let home = tempfile::tempdir().unwrap();
    let large = vec![b' '; CapturedCredentials::MAX_FILE_BYTES + 1];
    fs::write(home.path().join("a.json"), large).unwrap();
    let result = collected(home.path(), &[rule("a.json", &["token"])]);
    assert!(matches!(result, Err(Incomplete::NotAccepted(CredentialProblem::TooLarge { .. }))));
}

#[test]
fn what_the_terminal_has_shown_is_a_credential_like_a_file() {
    let home = tempfile::tempdir().unwrap();
    let shown = CredentialRule {
        format: Format::Terminal,
        pattern: Some("sk-[a-z0-9]+".into()),
        ..rule("token", &[])
    };
    let of = |text: &str| BTreeMap::from([("token".to_owned(), Shown::now(Secret::new(text)))]);
    let files = collect(home.path(), std::slice::from_ref(&shown), &of("sk-abc")).unwrap();
    assert_eq!((files[0].path.as_str(), files[0].contents.expose()), ("token", &b"sk-abc"[..]));
    assert!(files[0].modified_unix_ms > 1_700_000_000_000);
    let none = collected(home.path(), std::slice::from_ref(&shown));
    assert!(matches!(none, Err(Incomplete::NotShown(path)) if path == "token"));
    let other = collect(home.path(), &[shown], &of("sk-abc and more"));
    assert!(matches!(other, Err(Incomplete::NotAccepted(_))));
}
