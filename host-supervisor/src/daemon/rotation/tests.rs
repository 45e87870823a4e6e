use anteroom_protocol::{Secret, SessionId};
use anteroom_sealed_stream::StreamKey;
use time::OffsetDateTime;

use super::*;
use crate::store::Replaces;

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TWO: &str = "HxsZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIBAAECAwQ=";
const NO_TEXTS: KeyTexts<'static> = KeyTexts { present: None, next: None };

/// A state directory with credentials, as a daemon leaves it.
struct House {
    state: tempfile::TempDir,
    sessions: Vec<SessionId>,
}

impl House {
    async fn with(credentials: usize, texts: KeyTexts<'_>) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut house = Self { state, sessions: Vec::new() };
        for _ in 0..credentials {
            house.capture(texts).await;
        }
        house
    }

    async fn capture(&mut self, texts: KeyTexts<'_>) {
        let session = SessionId::random();
        let store = Store::open(self.state.path()).await.unwrap();
        let vault = Vault::of(&KeyRing::load(self.state.path(), texts).unwrap());
        let owner = Owner { user_id: "ann", provider: "demo", session };
        let sealed = vault.seal(owner, &Secret::new(session.to_string())).unwrap();
        let now = OffsetDateTime::now_utc();
        let record = CredentialRecord {
            session_id: session,
            user_id: "ann".into(),
            provider: "demo".into(),
            generation: 1,
            path: "x".into(),
            modified_at: now,
            created_at: now,
            key_id: sealed.key_id,
            sealed: sealed.bytes,
        };
        store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
        store.close().await;
        self.sessions.push(session);
    }

    /// As a daemon that is started now would.
    async fn assert_everything_opens(&self, texts: KeyTexts<'_>) {
        let store = Store::open(self.state.path()).await.unwrap();
        let vault = Vault::of(&KeyRing::load(self.state.path(), texts).unwrap());
        for &session in &self.sessions {
            let record = store.credentials_of_session(session).await.unwrap().unwrap();
            let owner = Owner { user_id: "ann", provider: "demo", session };
            let plain = vault.open(owner, &Sealed { key_id: record.key_id, bytes: record.sealed }).unwrap();
            assert_eq!(plain.expose_str(), Some(session.to_string().as_str()));
        }
        store.close().await;
    }

    async fn begin(&self, texts: KeyTexts<'_>) -> Result<Rotation, RotationError> {
        Rotation::begin(self.state.path(), texts).await
    }

    async fn rotate(&self, texts: KeyTexts<'_>) -> Result<Rotated, RotationError> {
        let rotation = self.begin(texts).await?;
        let resealed = rotation.reseal(|_| {}).await?;
        rotation.retire(resealed).await
    }

    async fn roles(&self, texts: KeyTexts<'_>) -> Vec<(KeyRole, u64)> {
        let uses = keys_in_use(self.state.path(), texts).await.unwrap();
        uses.iter().map(|key| (key.role, key.credentials)).collect()
    }
}

#[tokio::test]
async fn after_a_rotation_everything_opens_with_the_new_key_alone() {
    // More than are re-sealed at once.
    let house = House::with(70, NO_TEXTS).await;
    let old = std::fs::read_to_string(house.state.path().join("key")).unwrap();
    let rotation = house.begin(NO_TEXTS).await.unwrap();
    let mut heard = Vec::new();
    let resealed = rotation.reseal(|done| heard.push(done)).await.unwrap();
    let rotated = rotation.retire(resealed).await.unwrap();
    assert_eq!((rotated.resealed, rotated.retires), (70, Retires::File));
    assert_eq!(heard, (1..=70).collect::<Vec<u64>>());
    assert_ne!(rotated.from, rotated.to);
    house.assert_everything_opens(NO_TEXTS).await;
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 70)]);
    assert_ne!(std::fs::read_to_string(house.state.path().join("key")).unwrap(), old);
    assert!(!house.state.path().join("key.next").exists());
}

#[tokio::test]
async fn a_rotation_that_dies_between_its_steps_loses_nothing_and_can_be_resumed() {
    let mut house = House::with(3, NO_TEXTS).await;
    drop(house.begin(NO_TEXTS).await.unwrap());
    house.assert_everything_opens(NO_TEXTS).await;
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 3), (KeyRole::Next, 0)]);

    let rotation = house.begin(NO_TEXTS).await.unwrap();
    rotation.reseal(|_| {}).await.unwrap();
    drop(rotation);
    house.assert_everything_opens(NO_TEXTS).await;
    // A daemon runs in between and seals with the old key.
    house.capture(NO_TEXTS).await;
    house.assert_everything_opens(NO_TEXTS).await;
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 1), (KeyRole::Next, 3)]);

    assert_eq!(house.rotate(NO_TEXTS).await.unwrap().resealed, 1);
    house.assert_everything_opens(NO_TEXTS).await;
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 4)]);
}

#[tokio::test]
async fn one_credential_that_does_not_open_leaves_all_of_them_as_they_were() {
    let house = House::with(3, NO_TEXTS).await;
    let store = Store::open(house.state.path()).await.unwrap();
    let last = *house.sessions.iter().max_by_key(|id| id.to_string()).unwrap();
    let mut record = store.credentials_of_session(last).await.unwrap().unwrap();
    record.sealed[30] ^= 1;
    store.credentials_put(&record, Replaces::ThisSession).await.unwrap();
    store.close().await;
    let error = house.rotate(NO_TEXTS).await.unwrap_err();
    assert!(error.to_string().contains(&last.to_string()), "{error}");
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 3), (KeyRole::Next, 0)]);
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_name_and_makes_no_next_one() {
    let house = House::with(2, NO_TEXTS).await;
    let sealed_with = keys_in_use(house.state.path(), NO_TEXTS).await.unwrap().remove(0).key_id;
    std::fs::remove_file(house.state.path().join("key")).unwrap();
    let error = house.rotate(NO_TEXTS).await.unwrap_err().to_string();
    assert!(error.starts_with("2 credentials are sealed with the key") && error.contains(&sealed_with));
    assert!(!house.state.path().join("key.next").exists());
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 0), (KeyRole::Missing, 2)]);
}

#[tokio::test]
async fn a_key_of_the_environment_is_replaced_by_the_operator() {
    let (old, new) =
        (KeyTexts { present: Some(ONE), next: None }, KeyTexts { present: Some(TWO), next: None });
    let house = House::with(2, old).await;
    assert!(matches!(house.rotate(old).await, Err(RotationError::KeyOfEnvironment)));
    let same = KeyTexts { present: Some(ONE), next: Some(ONE) };
    assert!(matches!(house.rotate(same).await, Err(RotationError::SameKey)));
    let both = KeyTexts { present: Some(ONE), next: Some(TWO) };
    let rotated = house.rotate(both).await.unwrap();
    assert_eq!((rotated.resealed, rotated.retires), (2, Retires::Operator));
    house.assert_everything_opens(both).await;
    house.assert_everything_opens(new).await;
    assert_eq!(house.rotate(both).await.unwrap().resealed, 0, "once more does no harm");
    assert!(!house.state.path().join("key").exists() && !house.state.path().join("key.next").exists());
}

#[tokio::test]
async fn a_rotation_is_refused_while_somebody_has_the_lock() {
    let house = House::with(1, NO_TEXTS).await;
    let _daemon = Lock::take(house.state.path(), "listens on 127.0.0.1:4000").unwrap();
    let error = house.rotate(NO_TEXTS).await.unwrap_err().to_string();
    assert!(error.contains("in use by process") && error.contains("listens on 127.0.0.1:4000"), "{error}");
    // Looking is allowed meanwhile.
    assert_eq!(house.roles(NO_TEXTS).await, [(KeyRole::Present, 1)]);
}

#[tokio::test]
async fn looking_at_the_keys_of_an_empty_directory_makes_none() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(keys_in_use(state.path(), NO_TEXTS).await.unwrap(), []);
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_memory_of_a_vm_that_hibernates_opens_with_the_new_key_too() {
    let house = House::with(1, NO_TEXTS).await;
    let (vm, key) = (VmId::random(), StreamKey::random().unwrap());
    let mut sealed_memory = Vec::new();
    key.seal(b"context", &mut &b"memory"[..], &mut sealed_memory).unwrap();
    let store = Store::open(house.state.path()).await.unwrap();
    let vault = Vault::of(&KeyRing::load(house.state.path(), NO_TEXTS).unwrap());
    let sealed = vault.seal_stream_key(vm, &key).unwrap();
    let began_at = OffsetDateTime::now_utc();
    let put = |vm, sealed: Sealed| HibernationRecord {
        vm,
        key_id: sealed.key_id,
        sealed: sealed.bytes,
        conditions: None,
        began_at,
    };
    store.hibernation_put(&put(vm, sealed)).await.unwrap();
    let lost = Sealed { key_id: "0123456789abcdef".into(), bytes: vec![7; 60] };
    store.hibernation_put(&put(VmId::random(), lost)).await.unwrap();
    store.close().await;

    house.rotate(NO_TEXTS).await.unwrap();
    let store = Store::open(house.state.path()).await.unwrap();
    let vault = Vault::of(&KeyRing::load(house.state.path(), NO_TEXTS).unwrap());
    let record = store.hibernation_get(vm).await.unwrap().unwrap();
    assert_eq!(record.key_id, vault.key_id());
    let opened = vault.open_stream_key(vm, &Sealed { key_id: record.key_id, bytes: record.sealed }).unwrap();
    let mut memory = Vec::new();
    opened.open(b"context", &mut &sealed_memory[..], &mut memory).unwrap();
    assert_eq!(memory, b"memory");
    house.assert_everything_opens(NO_TEXTS).await;
}
