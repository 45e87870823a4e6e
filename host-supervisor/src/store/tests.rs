use std::os::unix::fs::PermissionsExt as _;

use anteroom_protocol::{SessionId, VmId};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::{failure::Failure, vmm::ProcessId};

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_000_000).unwrap()
}

fn vm(session_id: Option<SessionId>) -> VmRecord {
    VmRecord {
        id: VmId::random(),
        session_id,
        user_id: None,
        kind: VmKind::Browser,
        status: VmStatus::Creating,
        directory: "/state/vms/x".into(),
        vcpus: 2,
        memory_mib: 4096,
        image_digest: "sha256:00".into(),
        created_at: now(),
        ended_at: None,
        failure: None,
        processes: Vec::new(),
        timeline: None,
        machine: None,
        used_at: None,
    }
}

fn session(user: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::random(),
        user_id: user.into(),
        provider: "demo".into(),
        purpose: SessionPurpose::SignIn,
        status: SessionStatus::Initializing,
        vm_id: None,
        created_at: now(),
        completed_at: None,
        failure: None,
    }
}

fn credentials(user: &str, age: Duration) -> CredentialRecord {
    CredentialRecord {
        session_id: SessionId::random(),
        user_id: user.into(),
        provider: "demo".into(),
        generation: 1,
        path: ".demo/credentials.json".into(),
        modified_at: now() - age,
        created_at: now() - age,
        key_id: "k1".into(),
        sealed: vec![0, 1, 255],
    }
}

async fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    (directory, store)
}

#[tokio::test]
async fn every_file_of_the_database_is_readable_by_its_owner_only() {
    let (directory, store) = open().await;
    store.vm_create(&vm(None)).await.unwrap();
    let modes: Vec<(String, u32)> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
        })
        .collect();
    assert!(modes.iter().any(|(name, _)| name.ends_with("-wal")), "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn a_database_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(Store::FILE_NAME);
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Store::open(directory.path()).await.unwrap_err();
    assert!(error.to_string().contains("mode 644"), "{error}");
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_reopening() {
    let (directory, store) = open().await;
    let session = session("ann");
    store.session_create(&session).await.unwrap();
    store.close().await;
    let store = Store::open(directory.path()).await.unwrap();
    let read = store.session_get(session.id).await.unwrap().unwrap();
    assert_eq!((read.user_id.as_str(), read.created_at), ("ann", now()));
}

#[tokio::test]
async fn a_vm_is_living_until_its_end_is_stored() {
    let (_directory, store) = open().await;
    let vm = vm(Some(SessionId::random()));
    let processes = [ProcessId { pid: 77, start_ticks: 123_456 }];
    store.vm_create(&vm).await.unwrap();
    store.vm_set_processes(vm.id, &processes).await.unwrap();
    store.vm_set_status(vm.id, VmStatus::Booting).await.unwrap();
    let living = store.vm_living().await.unwrap();
    assert_eq!(living.len(), 1);
    assert_eq!(living[0].processes, processes);
    assert_eq!((living[0].status, living[0].session_id), (VmStatus::Booting, vm.session_id));

    let failure = Failure::new("kernel_panic", "the kernel panicked").with_lines(["deadlocked on memory"]);
    store.vm_end(vm.id, VmStatus::Failed, Some(&failure)).await.unwrap();
    assert!(store.vm_living().await.unwrap().is_empty());
    let ended = store.vm_get(vm.id).await.unwrap().unwrap();
    assert_eq!(ended.failure, Some(failure));
    assert!(ended.ended_at.is_some() && ended.processes.is_empty());
}

#[tokio::test]
async fn the_timeline_of_a_vm_and_the_plan_of_a_session_are_kept() {
    let (_directory, store) = open().await;
    let (vm, session) = (vm(None), session("ann"));
    store.vm_create(&vm).await.unwrap();
    let timeline = serde_json::json!([{ "name": "pid1", "since_request_ms": 12.5 }]);
    store.vm_set_timeline(vm.id, &timeline).await.unwrap();
    assert_eq!(store.vm_list(None, Page::first(10)).await.unwrap()[0].timeline, Some(timeline));

    store.session_create(&session).await.unwrap();
    assert_eq!(store.session_plan(session.id).await.unwrap(), None);
    let plan = SessionPlan { definition: serde_json::json!({ "id": "codex" }), launch: "browser".to_owned() };
    store.session_set_plan(session.id, &plan).await.unwrap();
    assert_eq!(store.session_plan(session.id).await.unwrap(), Some(plan));
    assert_eq!(store.session_plan(SessionId::random()).await.unwrap(), None);
}

#[tokio::test]
async fn vms_are_counted_by_kind_and_status() {
    let (_directory, store) = open().await;
    for _ in 0..2 {
        store.vm_create(&vm(None)).await.unwrap();
    }
    let ended = vm(None);
    store.vm_create(&ended).await.unwrap();
    store.vm_end(ended.id, VmStatus::Destroyed, None).await.unwrap();
    let counts = store.vm_counts().await.unwrap();
    let kind = VmKind::Browser;
    assert_eq!(counts, [(kind, VmStatus::Creating, 2), (kind, VmStatus::Destroyed, 1)]);
}

#[tokio::test]
async fn sessions_are_listed_by_user_and_by_being_unfinished() {
    let (_directory, store) = open().await;
    let (mut done, open_one) = (session("ann"), session("bob"));
    store.session_create(&done).await.unwrap();
    store.session_create(&open_one).await.unwrap();
    done.status = SessionStatus::Failed;
    done.completed_at = Some(now());
    done.failure = Some(Failure::new("daemon_restarted", "the daemon was restarted"));
    store.session_update(&done).await.unwrap();
    let unfinished = store.session_unfinished().await.unwrap();
    assert_eq!(unfinished.iter().map(|session| session.id).collect::<Vec<_>>(), [open_one.id]);
    let of_ann = store.session_list(Some("ann"), Page::first(10)).await.unwrap();
    assert_eq!(of_ann.len(), 1);
    assert_eq!((of_ann[0].status, &of_ann[0].failure), (SessionStatus::Failed, &done.failure));
    assert_eq!(store.session_list(None, Page::first(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_sign_in_keeps_older_credentials_and_a_rotation_replaces_them() {
    let (_directory, store) = open().await;
    let (oldest, newer) = (credentials("ann", Duration::hours(2)), credentials("ann", Duration::hours(1)));
    let (rotated, of_bob) = (credentials("ann", Duration::ZERO), credentials("bob", Duration::ZERO));
    for record in [&oldest, &newer, &of_bob] {
        store.credentials_put(record, Replaces::ThisSession).await.unwrap();
    }
    let of_ann = store.credentials_of_user("ann").await.unwrap();
    assert_eq!(
        of_ann.iter().map(|c| c.session_id).collect::<Vec<_>>(),
        [newer.session_id, oldest.session_id]
    );
    store.credentials_put(&rotated, Replaces::Everything).await.unwrap();
    assert_eq!(store.credentials_of_user("ann").await.unwrap().len(), 1);
    assert!(store.credentials_of_session(oldest.session_id).await.unwrap().is_none());
    let kept = store.credentials_of_session(of_bob.session_id).await.unwrap().unwrap();
    assert_eq!(kept.sealed, [0, 1, 255]);
}

#[tokio::test]
async fn credentials_of_a_later_generation_replace_those_of_the_same_session() {
    let (_directory, store) = open().await;
    let mut record = credentials("ann", Duration::ZERO);
    store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
    record.generation = 2;
    record.sealed = vec![9];
    store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
    let all = store.credentials_of_user("ann").await.unwrap();
    assert_eq!((all.len(), all[0].generation, all[0].sealed.as_slice()), (1, 2, &[9u8][..]));
}

#[tokio::test]
async fn a_deleted_session_takes_its_credentials_along_and_nothing_else() {
    let (_directory, store) = open().await;
    let (gone, stays) = (credentials("ann", Duration::ZERO), credentials("ann", Duration::ZERO));
    for record in [&gone, &stays] {
        let session = SessionRecord { id: record.session_id, ..session("ann") };
        store.session_create(&session).await.unwrap();
        store.credentials_put(record, Replaces::ThisSession).await.unwrap();
    }
    store.session_delete(gone.session_id).await.unwrap();
    assert!(store.session_get(gone.session_id).await.unwrap().is_none());
    assert!(store.session_get(stays.session_id).await.unwrap().is_some());
    let left = store.credentials_of_user("ann").await.unwrap();
    assert_eq!(left.iter().map(|c| c.session_id).collect::<Vec<_>>(), [stays.session_id]);
}

#[tokio::test]
async fn what_cannot_be_put_into_the_outbox_has_not_happened() {
    let (_directory, store) = open().await;
    let store = store.announcing(Arc::default());
    let old = credentials("ann", Duration::ZERO);
    store.credentials_put(&old, Replaces::ThisSession).await.unwrap();
    sqlx::query("ALTER TABLE outbox RENAME TO elsewhere").execute(&store.pool).await.unwrap();
    store.credentials_put(&credentials("ann", Duration::ZERO), Replaces::Everything).await.unwrap_err();
    store.session_delete(old.session_id).await.unwrap_err();
    let left = store.credentials_of_user("ann").await.unwrap();
    assert_eq!(left.iter().map(|c| c.session_id).collect::<Vec<_>>(), [old.session_id]);
}

#[tokio::test]
async fn the_outbox_stays_empty_when_nobody_has_to_be_told() {
    let (_directory, store) = open().await;
    let record = credentials("ann", Duration::ZERO);
    store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
    store.session_delete(record.session_id).await.unwrap();
    assert!(store.outbox_list(10).await.unwrap().is_empty());
    assert_eq!(store.outbox_next_try().await.unwrap(), None);
}

#[tokio::test]
async fn an_event_is_due_at_its_time_and_forgotten_some_time_after_its_end() {
    let (_directory, store) = open().await;
    let store = store.announcing(Arc::default());
    store.credentials_put(&credentials("ann", Duration::ZERO), Replaces::ThisSession).await.unwrap();
    let now = OffsetDateTime::now_utc();
    let id = store.outbox_due(now).await.unwrap().remove(0).id;
    let later = now + Duration::hours(1);
    store.outbox_tried(&id, Tried::Again { at: later }, "HTTP 500").await.unwrap();
    assert!(store.outbox_due(now).await.unwrap().is_empty());
    assert_eq!(store.outbox_due(later).await.unwrap()[0].attempts, 1);
    assert_eq!(store.outbox_prune(later).await.unwrap(), 0, "what waits is not forgotten");
    store.outbox_tried(&id, Tried::Delivered, "HTTP 200").await.unwrap();
    assert!(store.outbox_due(later).await.unwrap().is_empty());
    assert_eq!(store.outbox_prune(now - Duration::days(1)).await.unwrap(), 0);
    assert_eq!(store.outbox_prune(later).await.unwrap(), 1);
}

#[tokio::test]
async fn what_waits_too_long_is_given_up_and_what_tells_of_a_removal_forgets_the_user_then() {
    let (directory, store) = open().await;
    let announcing = store.clone().announcing(Arc::default());
    let [captured, removed] =
        ["planted-captured", "planted-removed"].map(|user| credentials(user, Duration::ZERO));
    for record in [&captured, &removed] {
        announcing.credentials_put(record, Replaces::ThisSession).await.unwrap();
    }
    announcing.session_delete(removed.session_id).await.unwrap();
    let happened = OffsetDateTime::now_utc();
    assert_eq!(store.outbox_expire(happened - Duration::days(1)).await.unwrap(), 0);
    assert!(is_in_a_file(directory.path(), b"planted-removed"));
    assert_eq!(store.outbox_expire(happened + Duration::days(1)).await.unwrap(), 2);
    let rows = store.outbox_list(10).await.unwrap();
    assert!(rows.iter().all(|row| row.status == OutboxStatus::Failed && row.finished_at.is_some()));
    assert_eq!(store.outbox_next_try().await.unwrap(), None, "nobody tries any more");
    assert!(!is_in_a_file(directory.path(), b"planted-removed"));
    assert_eq!(store.outbox_expire(happened + Duration::days(1)).await.unwrap(), 0, "once is enough");
}

#[tokio::test]
async fn a_session_that_is_removed_while_nobody_is_told_leaves_nothing_in_the_outbox() {
    let (directory, store) = open().await;
    let record = credentials("planted-user", Duration::ZERO);
    let announcing = store.clone().announcing(Arc::default());
    announcing.credentials_put(&record, Replaces::ThisSession).await.unwrap();
    assert_eq!(store.outbox_list(10).await.unwrap().len(), 1);
    store.session_delete(record.session_id).await.unwrap();
    assert!(store.outbox_list(10).await.unwrap().is_empty());
    assert!(!is_in_a_file(directory.path(), b"planted-user"));
}

#[tokio::test]
async fn a_damaged_row_is_named_and_does_not_panic() {
    let (_directory, store) = open().await;
    let vm = vm(None);
    store.vm_create(&vm).await.unwrap();
    sqlx::query("UPDATE vms SET status = 'dancing'").execute(&store.pool).await.unwrap();
    let error = store.vm_get(vm.id).await.unwrap_err().to_string();
    assert!(error.contains("unreadable status") && error.contains(&vm.id.to_string()), "{error}");
}

/// Whether one of the database's files holds these bytes.
fn is_in_a_file(directory: &Path, bytes: &[u8]) -> bool {
    let files = fs::read_dir(directory).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn what_is_deleted_is_in_no_byte_of_the_database_any_more() {
    let (directory, store) = open().await;
    // Enough of them, of several sizes, for pages to be split and joined.
    let mut records = Vec::new();
    for number in 0..90_usize {
        let user = format!("planted-user-{number:03}");
        let mut record = credentials(&user, Duration::ZERO);
        record.sealed = format!("planted-sealed-{number:03}").repeat(1 + 13 * (number % 40)).into_bytes();
        store.session_create(&SessionRecord { id: record.session_id, ..session(&user) }).await.unwrap();
        store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
        records.push(record);
    }
    let (gone, stays) = records.split_at(60);
    for record in gone {
        store.session_delete(record.session_id).await.unwrap();
    }
    for (number, record) in records.iter().enumerate() {
        let expected = stays.iter().any(|left| left.session_id == record.session_id);
        let planted =
            [record.user_id.clone(), format!("planted-sealed-{number:03}"), record.session_id.to_string()];
        for text in planted {
            assert_eq!(is_in_a_file(directory.path(), text.as_bytes()), expected, "{text}");
        }
    }
}
