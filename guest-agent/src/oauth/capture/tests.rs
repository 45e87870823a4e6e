use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn rule(path: &str, require: &[&str]) -> CredentialRule {
    CredentialRule {
        path: path.into(),
        format: anteroom_protocol::provider::Format::Json,
        write: anteroom_protocol::provider::WriteStyle::Rename,
        require: require.iter().map(ToString::to_string).collect(),
        pattern: None,
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
    let files = collect(home.path(), &[rule("auth.json", &["token"]), rule("missing.json", &[])]).unwrap();
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
    assert!(matches!(collect(home.path(), &rules), Err(Incomplete::Missing(path)) if path == "b.json"));
    fs::write(home.path().join("b.json"), r#"{"token":""}"#).unwrap();
    assert!(matches!(collect(home.path(), &rules), Err(Incomplete::NotAccepted(_))));
}

#[test]
fn a_link_and_a_pipe_are_not_read() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("elsewhere"), r#"{"token":"t"}"#).unwrap();
    symlink(home.path().join("elsewhere"), home.path().join("link")).unwrap();
    nix::unistd::mkfifo(&home.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in ["link", "pipe"] {
        let result = collect(home.path(), &[rule(path, &["token"])]);
        assert!(matches!(result, Err(Incomplete::Unreadable(..))), "{path}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_parsed() {
    let home = tempfile::tempdir().unwrap();
    let large = vec![b' '; CapturedCredentials::MAX_FILE_BYTES + 1];
    fs::write(home.path().join("a.json"), large).unwrap();
    let result = collect(home.path(), &[rule("a.json", &["token"])]);
    assert!(matches!(result, Err(Incomplete::NotAccepted(CredentialProblem::TooLarge { .. }))));
}
