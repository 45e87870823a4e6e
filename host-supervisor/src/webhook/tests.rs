//! The courier with a real store, a real vault and a real receiver on the loopback.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use anteroom_protocol::{Secret, SessionId};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::*;
use crate::{
    store::{CredentialRecord, OutboxRecord, OutboxStatus, Replaces, Store},
    vault::{MasterKey, Owner, Vault},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses that a test can wait for.
const QUICK: Schedule = Schedule {
    first: Duration::from_millis(20),
    factor: 2,
    longest: Duration::from_millis(100),
    give_up_after: Duration::from_secs(60),
};

/// One request as the receiver saw it.
#[derive(Clone)]
struct Received {
    id: String,
    timestamp: i64,
    signature: String,
    text: String,
    body: Value,
}

/// An application that answers with these statuses, one after another, and then with 204.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<Vec<u16>>>,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Notify>,
}

impl Receiver {
    async fn serve(answers: &[u16]) -> (Self, Url) {
        let receiver = Self {
            answers: Arc::new(Mutex::new(answers.iter().rev().copied().collect())),
            ..Self::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().fallback(Self::receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    async fn receive(
        State(this): State<Self>,
        headers: HeaderMap,
        text: String,
    ) -> impl axum::response::IntoResponse {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json");
        this.received.lock().unwrap().push(Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp").parse().unwrap(),
            signature: header("webhook-signature"),
            body: serde_json::from_str(&text).unwrap(),
            text: text.clone(),
        });
        this.arrived.notify_one();
        let status = this.answers.lock().unwrap().pop().unwrap_or(204);
        // Repeats what it was sent, as a careless application may; and sends elsewhere, where nobody is.
        (StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")], Bytes::from(text))
    }

    async fn until(&self, count: usize) -> Vec<Received> {
        let wait = async {
            loop {
                let received = self.received.lock().unwrap().clone();
                if received.len() >= count {
                    return received;
                }
                self.arrived.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the receiver is told")
    }
}

/// A store with its courier.
struct House {
    state: tempfile::TempDir,
    store: Store,
    vault: Arc<Vault>,
    stop: CancellationToken,
    courier: Option<JoinHandle<()>>,
}

impl House {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap().announcing(Arc::default());
        let vault = Arc::new(Vault::new(&MasterKey::random().unwrap()));
        Self { state, store, vault, stop: CancellationToken::new(), courier: None }
    }

    /// As the next daemon does: another store on the same files, and a courier.
    async fn deliver_to(&mut self, url: Url, enclosure: Enclosure, schedule: Schedule) {
        self.store.close().await;
        let written = Arc::new(Notify::new());
        self.store = Store::open(self.state.path()).await.unwrap().announcing(Arc::clone(&written));
        let secret = SecretSource::Here(SigningKey::parse(SECRET).unwrap());
        let webhook = Arc::new(Webhook::new(&WebhookChoices { url, secret, enclosure }).unwrap());
        let (store, vault) = (self.store.clone(), Arc::clone(&self.vault));
        let courier = Courier { store, vault, webhook, written, schedule };
        self.stop = CancellationToken::new();
        self.courier = Some(tokio::spawn(courier.run(self.stop.clone())));
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.courier.take().unwrap().await.unwrap();
    }

    async fn capture(&self, replaces: Replaces) -> SessionId {
        let session = SessionId::random();
        let owner = Owner { user_id: "ann", provider: "demo", session };
        let files = json!([{
            "path": ".demo/credentials.json",
            "mode": 0o600,
            "contents": Secret::new(r#"{"access_token":"planted-token"}"#),
        }]);
        let sealed = self.vault.seal(owner, &Secret::new(files.to_string())).unwrap();
        let now = OffsetDateTime::now_utc();
        let record = CredentialRecord {
            session_id: session,
            user_id: "ann".into(),
            provider: "demo".into(),
            generation: 2,
            path: ".demo/credentials.json".into(),
            modified_at: now,
            created_at: now,
            key_id: sealed.key_id,
            sealed: sealed.bytes,
        };
        self.store.credentials_put(&record, replaces).await.unwrap();
        session
    }

    async fn only_row(&self) -> OutboxRecord {
        let mut rows = self.store.outbox_list(10).await.unwrap();
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    async fn until(&self, status: OutboxStatus) -> OutboxRecord {
        let wait = async {
            loop {
                let row = self.only_row().await;
                if row.status == status {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it is never {status:?}"))
    }
}

/// What a receiver does to believe a request: made of the specification, not of our code.
fn verifies(received: &Received, secret: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", received.id, received.timestamp, received.text).as_bytes());
    let signature = STANDARD.decode(received.signature.strip_prefix("v1,").unwrap()).unwrap();
    mac.verify_slice(&signature).is_ok()
}

#[tokio::test]
async fn a_capture_is_told_at_once_signed_and_without_the_credentials() {
    let (receiver, url) = Receiver::serve(&[]).await;
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Nothing, Schedule::USUAL).await;
    // The courier rests by now; the writing wakes it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let session = house.capture(Replaces::ThisSession).await;
    let received = receiver.until(1).await.remove(0);
    assert!(verifies(&received, SECRET));
    assert!(!verifies(&received, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert!((OffsetDateTime::now_utc().unix_timestamp() - received.timestamp).abs() < 10);
    assert_eq!(received.body["type"], "credentials.captured");
    assert!(received.body["timestamp"].as_str().unwrap().ends_with('Z'));
    let data = json!({ "sessionId": session, "userId": "ann", "provider": "demo", "generation": 2 });
    assert_eq!(received.body["data"], data, "and nothing else");
    let row = house.until(OutboxStatus::Delivered).await;
    assert_eq!((row.attempts, row.last_answer.as_deref()), (1, Some("HTTP 204 No Content")));
}

#[tokio::test]
async fn a_delivery_that_is_refused_is_tried_again_with_the_same_id() {
    let (receiver, url) = Receiver::serve(&[500, 307, 404]).await;
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Nothing, QUICK).await;
    house.capture(Replaces::ThisSession).await;
    let received = receiver.until(4).await;
    assert!(received.iter().all(|request| request.id == received[0].id && request.text == received[0].text));
    assert!(received.iter().all(|request| verifies(request, SECRET)));
    assert_eq!(house.until(OutboxStatus::Delivered).await.attempts, 4);
    assert_eq!(receiver.received.lock().unwrap().len(), 4, "no redirection is followed");
}

#[tokio::test]
async fn what_was_not_delivered_survives_a_restart() {
    let mut house = House::new().await;
    house.deliver_to("http://127.0.0.1:9/".parse().unwrap(), Enclosure::Nothing, QUICK).await;
    house.capture(Replaces::ThisSession).await;
    while house.only_row().await.attempts < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.stop().await;
    let waiting = house.only_row().await;
    assert_eq!(waiting.status, OutboxStatus::Pending);
    assert!(waiting.last_answer.unwrap().contains("refused"));
    let (receiver, url) = Receiver::serve(&[]).await;
    house.deliver_to(url, Enclosure::Nothing, QUICK).await;
    assert_eq!(receiver.until(1).await[0].id, waiting.id.as_str());
    assert!(house.until(OutboxStatus::Delivered).await.attempts > waiting.attempts);
}

#[tokio::test]
async fn credentials_are_enclosed_only_when_asked_for_and_never_kept_in_the_outbox() {
    let (receiver, url) = Receiver::serve(&[500]).await;
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Credentials, QUICK).await;
    house.capture(Replaces::ThisSession).await;
    for received in receiver.until(2).await {
        let file = &received.body["data"]["files"][".demo/credentials.json"];
        assert_eq!(file["access_token"], "planted-token");
        assert!(verifies(&received, SECRET));
    }
    // The receiver has repeated the token in its answers.
    house.until(OutboxStatus::Delivered).await;
    house.stop().await;
    house.store.close().await;
    // SQLite removes its log on a thread that nobody waits for: what vanishes while it is read is looked for again.
    let read = || -> io::Result<Vec<Vec<u8>>> {
        std::fs::read_dir(house.state.path())?.map(|entry| std::fs::read(entry?.path())).collect()
    };
    let contents = loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            contents => break contents.unwrap(),
        }
    };
    for bytes in contents {
        assert!(!bytes.windows(13).any(|window| window == b"planted-token"));
    }
}

#[tokio::test]
async fn a_rotation_names_what_it_replaced_and_a_deletion_what_is_gone() {
    let (receiver, url) = Receiver::serve(&[]).await;
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Credentials, QUICK).await;
    let old = house.capture(Replaces::ThisSession).await;
    receiver.until(1).await;
    let new = house.capture(Replaces::Everything).await;
    let rotated = receiver.until(2).await.remove(1).body;
    assert_eq!(rotated["type"], "credentials.rotated");
    assert_eq!(
        (&rotated["data"]["sessionId"], &rotated["data"]["replacedSessionIds"]),
        (&json!(new), &json!([old]))
    );
    house.store.session_delete(new).await.unwrap();
    let deleted = receiver.until(3).await.remove(2).body;
    assert_eq!(
        (&deleted["type"], &deleted["data"]["userId"]),
        (&json!("credentials.deleted"), &json!("ann"))
    );
    assert_eq!(deleted["data"].get("files"), None);
    let told = async {
        while !house.store.outbox_list(10).await.unwrap().iter().any(|row| row.user_id.is_empty()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("a deletion that was told forgets whose it was");
    // What had no credentials has nothing to tell.
    house.store.session_delete(SessionId::random()).await.unwrap();
    assert_eq!(house.store.outbox_list(10).await.unwrap().len(), 2, "of the old session, and the deletion");
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_not_asked_again() {
    let (receiver, url) = Receiver::serve(&[410]).await;
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Nothing, QUICK).await;
    house.capture(Replaces::ThisSession).await;
    let row = house.until(OutboxStatus::Failed).await;
    assert_eq!((row.attempts, row.last_answer.as_deref()), (1, Some("HTTP 410 Gone")));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.received.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_is_given_up_when_its_time_is_over() {
    let (_receiver, url) = Receiver::serve(&[500; 50]).await;
    let mut house = House::new().await;
    let schedule = Schedule { give_up_after: Duration::from_millis(100), ..QUICK };
    house.deliver_to(url, Enclosure::Nothing, schedule).await;
    house.capture(Replaces::ThisSession).await;
    let row = house.until(OutboxStatus::Failed).await;
    assert!(row.attempts >= 2 && row.finished_at.is_some(), "{row:?}");
}

#[tokio::test]
async fn without_a_receiver_an_event_waits_three_days_and_is_forgotten_seven_days_later() {
    let house = House::new().await;
    house.capture(Replaces::ThisSession).await;
    let without_receiver = Some(Schedule::USUAL.give_up_after);
    let tidy = Tidy { store: house.store.clone(), without_receiver };
    let (start, hour) = (OffsetDateTime::now_utc(), time::Duration::hours(1));
    tidy.round(start + 3 * 24 * hour - hour).await.unwrap();
    assert_eq!(house.only_row().await.status, OutboxStatus::Pending);
    tidy.round(start + 3 * 24 * hour + hour).await.unwrap();
    assert_eq!(house.only_row().await.status, OutboxStatus::Failed);
    // Finished just now, as far as the store knows.
    tidy.round(start + 7 * 24 * hour - hour).await.unwrap();
    assert_eq!(house.only_row().await.status, OutboxStatus::Failed);
    tidy.round(start + 7 * 24 * hour + hour).await.unwrap();
    assert!(house.store.outbox_list(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn with_a_receiver_only_its_courier_gives_up() {
    let house = House::new().await;
    house.capture(Replaces::ThisSession).await;
    let tidy = Tidy { store: house.store.clone(), without_receiver: None };
    tidy.round(OffsetDateTime::now_utc() + time::Duration::days(30)).await.unwrap();
    assert_eq!(house.only_row().await.status, OutboxStatus::Pending);
}

#[tokio::test]
async fn an_https_address_is_spoken_to_in_tls_or_not_at_all() {
    let (receiver, mut url) = Receiver::serve(&[]).await;
    url.set_scheme("https").unwrap();
    let mut house = House::new().await;
    house.deliver_to(url, Enclosure::Credentials, Schedule::USUAL).await;
    house.capture(Replaces::ThisSession).await;
    while house.only_row().await.attempts < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = house.only_row().await.last_answer.unwrap();
    assert!(answer.contains("corrupt message"), "the receiver answers no TLS: {answer}");
    assert!(receiver.received.lock().unwrap().is_empty());
}

#[test]
fn a_secret_file_must_be_there_private_and_hold_a_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let choices = WebhookChoices {
        url: "http://127.0.0.1:9/".parse().unwrap(),
        secret: SecretSource::File(path.clone()),
        enclosure: Enclosure::Nothing,
    };
    assert!(matches!(Webhook::new(&choices), Err(WebhookError::NoFile { .. })));
    std::fs::write(&path, "hunter2").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Webhook::new(&choices), Err(WebhookError::File(_))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = Webhook::new(&choices).unwrap_err().to_string();
    assert!(error.contains("is no secret of a webhook") && !error.contains("hunter2"), "{error}");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let webhook = Webhook::new(&choices).unwrap();
    assert!(!format!("{webhook:?}").contains("MfKQ"), "{webhook:?}");
}
