use std::fs;

use tokio::{sync::mpsc, time::timeout};

use super::*;

const SETTLE: Duration = Duration::from_millis(150);

fn rule(path: &str) -> CredentialRule {
    let text = format!("{{\"path\":{path:?},\"require\":[\"t\"],\"settle_ms\":{}}}", SETTLE.as_millis());
    serde_json::from_str(&text).unwrap()
}

/// Watches `.tool/deep/auth.json` and `auth.json`; the first call, about what is there already, is taken.
async fn watching() -> (tempfile::TempDir, mpsc::UnboundedReceiver<()>) {
    let home = tempfile::tempdir().unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let rules = vec![rule(".tool/deep/auth.json"), rule("auth.json")];
    tokio::spawn(watch(home.path().to_owned(), rules, move || tell.send(()).unwrap()));
    told.recv().await.unwrap();
    (home, told)
}

async fn noticed(told: &mut mpsc::UnboundedReceiver<()>) -> bool {
    timeout(SETTLE * 6, told.recv()).await.is_ok_and(|told| told.is_some())
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_is_noticed() {
    let (home, mut told) = watching().await;
    fs::write(home.path().join(".tmp-x1"), "{}").unwrap();
    assert!(!noticed(&mut told).await);
    fs::rename(home.path().join(".tmp-x1"), home.path().join("auth.json")).unwrap();
    assert!(noticed(&mut told).await);
}

#[tokio::test]
async fn directories_that_are_made_later_are_followed() {
    let (home, mut told) = watching().await;
    fs::create_dir(home.path().join(".tool")).unwrap();
    noticed(&mut told).await;
    let deep = home.path().join(".tool/deep");
    fs::create_dir(&deep).unwrap();
    noticed(&mut told).await;
    fs::write(deep.join("auth.json"), "{}").unwrap();
    assert!(noticed(&mut told).await);
}

#[tokio::test]
async fn directories_and_file_that_come_at_once_are_noticed_too() {
    let (home, mut told) = watching().await;
    fs::create_dir_all(home.path().join(".tool/deep")).unwrap();
    fs::write(home.path().join(".tool/deep/auth.json"), "{}").unwrap();
    assert!(noticed(&mut told).await);
    assert!(!noticed(&mut told).await);
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_left_alone_until_it_is_quiet() {
    let (home, mut told) = watching().await;
    let path = home.path().join("auth.json");
    for _ in 0..6 {
        fs::write(&path, "{}").unwrap();
        assert!(timeout(SETTLE / 3, told.recv()).await.is_err());
    }
    assert!(noticed(&mut told).await);
    assert!(!noticed(&mut told).await);
}

#[tokio::test]
async fn other_files_in_the_same_place_do_not_matter() {
    let (home, mut told) = watching().await;
    fs::write(home.path().join("history"), "x").unwrap();
    assert!(!noticed(&mut told).await);
}
