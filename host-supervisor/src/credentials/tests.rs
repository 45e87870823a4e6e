use super::*;
use crate::providers::Providers;

const FULL: &str = r#"{"access_token":"tok-a","refresh_token":"tok-r","account":{"email":"a@example.com"}}"#;

fn definition(id: &str) -> ProviderDefinition {
    let providers = Providers::load(std::path::Path::new("/nowhere")).unwrap();
    ProviderDefinition::clone(&providers.find(id).unwrap())
}

fn file(path: &str, contents: &str) -> CapturedFile {
    CapturedFile {
        path: path.into(),
        mode: 0o600,
        modified_unix_ms: 1_800_000_000_000,
        contents: Secret::new(contents),
    }
}

fn captured(session: SessionId, files: Vec<CapturedFile>) -> CapturedCredentials {
    CapturedCredentials { session, provider: "demo".into(), generation: 3, files }
}

fn refusal(files: Vec<CapturedFile>) -> CaptureError {
    let session = SessionId::random();
    accept(&definition("demo"), session, &captured(session, files)).unwrap_err()
}

#[test]
fn good_credentials_survive_the_trip_through_the_vault() {
    let session = SessionId::random();
    let mut files = vec![file(".anteroom-demo/credentials.json", FULL)];
    files[0].mode = 0o104_600;
    let accepted = accept(&definition("demo"), session, &captured(session, files)).unwrap();
    assert_eq!((accepted.generation, accepted.proof.as_str()), (3, ".anteroom-demo/credentials.json"));
    assert_eq!(accepted.modified_at.unix_timestamp(), 1_800_000_000);
    let read = from_plain(&accepted.to_plain().unwrap()).unwrap();
    assert_eq!(read[0].mode, 0o600, "no set-uid bit comes out of a guest");
    let shown = contents_by_path(&read);
    assert_eq!(shown[".anteroom-demo/credentials.json"]["access_token"], "tok-a");
}

#[test]
fn nothing_that_can_be_printed_holds_a_token() {
    let session = SessionId::random();
    let files = vec![file(".anteroom-demo/credentials.json", FULL)];
    let accepted = accept(&definition("demo"), session, &captured(session, files)).unwrap();
    assert!(!format!("{accepted:?}").contains("tok-"), "{accepted:?}");
    let error = refusal(vec![file(".anteroom-demo/credentials.json", r#"{"access_token":"tok-x"}"#)]);
    assert!(!format!("{error:?} {error}").contains("tok-x"), "{error:?}");
}

#[test]
fn what_belongs_to_another_session_or_provider_is_refused() {
    let session = SessionId::random();
    let good = || captured(session, vec![file(".anteroom-demo/credentials.json", FULL)]);
    let foreign = |captured| accept(&definition("demo"), session, &captured).unwrap_err().to_string();
    assert!(
        foreign(CapturedCredentials { session: SessionId::random(), ..good() }).contains("another session")
    );
    assert!(foreign(CapturedCredentials { provider: "codex".into(), ..good() }).contains("another provider"));
}

#[test]
fn a_hostile_guest_cannot_send_what_was_not_asked_for() {
    let good = || file(".anteroom-demo/credentials.json", FULL);
    let path = || ".anteroom-demo/credentials.json".to_owned();
    assert_eq!(refusal(vec![good(), file("../.ssh/authorized_keys", "x")]), CaptureError::Unexpected);
    assert_eq!(refusal(vec![good(), file(".bashrc", "x")]), CaptureError::Unexpected);
    assert_eq!(refusal(vec![good(), good()]), CaptureError::Twice { path: path() });
    assert_eq!(refusal(vec![]), CaptureError::Missing { path: path() });
    assert_eq!(refusal((0..17).map(|_| good()).collect()), CaptureError::TooManyFiles { files: 17 });
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(CapturedCredentials::MAX_FILE_BYTES));
    assert!(matches!(
        refusal(vec![file(&path(), &huge)]),
        CaptureError::Contents(CredentialProblem::TooLarge { .. })
    ));
    assert!(matches!(
        refusal(vec![file(&path(), "{}")]),
        CaptureError::Contents(CredentialProblem::Missing { .. })
    ));
}

#[test]
fn of_a_file_with_private_things_only_the_named_keys_are_kept() {
    let session = SessionId::random();
    let oauth = r#"{"claudeAiOauth":{"accessToken":"a","refreshToken":"r","scopes":["user:inference"]}}"#;
    let account = r#"{"oauthAccount":{"id":1},"projects":{"/home/desktop":{"history":["private"]}}}"#;
    let files = vec![file(".claude/.credentials.json", oauth), file(".claude.json", account)];
    let sent = CapturedCredentials { provider: "claude_code".into(), ..captured(session, files) };
    let accepted = accept(&definition("claude_code"), session, &sent).unwrap();
    let plain = accepted.to_plain().unwrap();
    let shown = contents_by_path(&from_plain(&plain).unwrap());
    assert_eq!(shown[".claude.json"], serde_json::json!({ "oauthAccount": { "id": 1 } }));
}

#[test]
fn the_plaintext_fits_the_room_that_was_made_for_it() {
    let session = SessionId::random();
    let files = vec![file(".anteroom-demo/credentials.json", &FULL.replace("tok-a", &"a".repeat(100_000)))];
    let accepted = accept(&definition("demo"), session, &captured(session, files)).unwrap();
    let room: usize = accepted.files.iter().map(|file| 2 * file.contents.len() + file.path.len() + 128).sum();
    assert!(accepted.to_plain().unwrap().len() <= room);
}

#[test]
fn a_time_that_no_calendar_knows_is_no_panic() {
    let session = SessionId::random();
    let mut files = vec![file(".anteroom-demo/credentials.json", FULL)];
    files[0].modified_unix_ms = u64::MAX;
    let accepted = accept(&definition("demo"), session, &captured(session, files)).unwrap();
    assert_eq!(accepted.modified_at, OffsetDateTime::UNIX_EPOCH);
}
