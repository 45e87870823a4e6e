use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::{Account, CredentialError, CredentialFile, Credentials};
use crate::cli::moments::Moments;
use crate::secret::Secret;

fn credentials() -> Credentials {
    Credentials {
        access_token: Secret::new("the-access-token"),
        refresh_token: Secret::new("the-refresh-token"),
        token_type: "Bearer".to_owned(),
        expires_at: 1_800_000_000,
        scope: "openid".to_owned(),
        account: Account { email: "demo@example.org".to_owned() },
        client_id: "demo-auto".to_owned(),
        moments: None,
    }
}

#[test]
fn what_was_written_is_read_back() {
    let home = tempfile::tempdir().unwrap();
    let file = CredentialFile::of(home.path());
    file.write(&credentials()).unwrap();
    file.write(&credentials()).unwrap();
    assert_eq!(file.read().unwrap(), credentials());
}

#[test]
fn moments_are_noted_only_when_asked_for_and_the_later_one_is_that_of_the_writing() {
    let home = tempfile::tempdir().unwrap();
    let file = CredentialFile::of(home.path());
    let text = || fs::read_to_string(home.path().join(".anteroom-demo/credentials.json")).unwrap();
    file.write(&credentials()).unwrap();
    assert!(!text().contains("boottime"));
    assert_eq!(Moments::begin(None), None);
    let moments = Moments::begin(Some("1".as_ref()));
    file.write(&Credentials { moments, ..credentials() }).unwrap();
    let written: Value = serde_json::from_str(&text()).unwrap();
    let [emitted, complete] =
        ["emitted_boottime_ns", "written_boottime_ns"].map(|name| written[name].as_u64().unwrap());
    assert!(0 < emitted && emitted <= complete, "{written}");
    assert!(file.read().is_ok());
}

#[test]
fn only_the_owner_can_read_it_and_nothing_lies_beside_it() {
    let home = tempfile::tempdir().unwrap();
    CredentialFile::of(home.path()).write(&credentials()).unwrap();
    let directory = home.path().join(".anteroom-demo");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.join("credentials.json")), 0o600);
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

#[test]
fn a_write_that_does_not_succeed_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join(".anteroom-demo");
    // A directory cannot be replaced by a file.
    fs::create_dir_all(directory.join("credentials.json")).unwrap();
    let error = CredentialFile::of(home.path()).write(&credentials()).unwrap_err();
    assert!(matches!(error, CredentialError::File(..)), "{error}");
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

#[test]
fn a_file_that_lacks_a_field_is_not_a_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let file = CredentialFile::of(home.path());
    file.write(&credentials()).unwrap();
    let path = home.path().join(".anteroom-demo/credentials.json");
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for field in ["access_token", "refresh_token", "token_type", "expires_at", "scope", "account"] {
        for useless in [None, Some(json!("")), Some(json!(null)), Some(json!({})), Some(json!(-1))] {
            let mut broken = whole.clone();
            match useless.clone() {
                Some(useless) => broken[field] = useless,
                None => drop(broken.as_object_mut().unwrap().remove(field)),
            }
            fs::write(&path, broken.to_string()).unwrap();
            let error = file.read().unwrap_err();
            assert!(
                matches!(error, CredentialError::Lacks { field: lacking, .. } if lacking.starts_with(field)),
                "{useless:?}: {error}"
            );
        }
    }
}

#[test]
fn what_is_no_json_is_refused_without_repeating_it() {
    let home = tempfile::tempdir().unwrap();
    let file = CredentialFile::of(home.path());
    file.write(&credentials()).unwrap();
    fs::write(home.path().join(".anteroom-demo/credentials.json"), "{\"access_token\":\"leak").unwrap();
    let error = file.read().unwrap_err();
    assert!(matches!(error, CredentialError::NotJson(_)));
    assert!(!format!("{error:?}").contains("leak"));
}

#[test]
fn signing_out_removes_it_once() {
    let home = tempfile::tempdir().unwrap();
    let file = CredentialFile::of(home.path());
    file.write(&credentials()).unwrap();
    assert!(file.remove().unwrap());
    assert!(!file.remove().unwrap());
    assert!(matches!(file.read(), Err(CredentialError::SignedOut)));
}

#[test]
fn printed_credentials_show_no_token() {
    let shown = format!("{:?}", credentials());
    assert!(!shown.contains("the-access-token") && !shown.contains("the-refresh-token"), "{shown}");
}
