//! The webhook over TLS: whom the daemon believes, and what the operator sees of a receiver whom it does not.

use std::{
    env,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::HeaderMap};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    cli::against,
    service::{PATIENCE, Service},
    sign_in::complete,
    webhook::service,
};

/// What the system trusts, for whoever uses its store (rustls-native-certs).
const STORE: &str = "SSL_CERT_FILE";
const CHILD: &str = "ANTEROOM_TEST_OWN_STORE";

/// A store of trusted certificates that is only this test's: the test runs once more, as a process of its own, which reads
/// the store that this names. `None` in the first process, when that has succeeded.
fn own_store(test: &str) -> Option<PathBuf> {
    if env::var_os(CHILD).is_some() {
        return env::var_os(STORE).map(PathBuf::from);
    }
    let scratch = tempfile::tempdir().unwrap();
    let ran = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env(STORE, scratch.path().join("trusted.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    None
}

/// A certificate authority that lives as long as its test.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server's TLS, with a certificate for this name that is valid until this year.
fn tls(issuer: &CertifiedIssuer<'static, KeyPair>, name: &str, until_year: i32) -> TlsAcceptor {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// An application behind TLS that takes everything, and whose certificate can be changed.
#[derive(Clone)]
struct Receiver {
    url: String,
    tls: Arc<Mutex<TlsAcceptor>>,
    /// Event ids and bodies.
    received: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Receiver {
    async fn with(tls: TlsAcceptor) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", tcp.local_addr().unwrap().port());
        let receiver = Self { url, tls: Arc::new(Mutex::new(tls)), received: Arc::default() };
        let (listener, kept) = (Listener { tcp, tls: receiver.tls.clone() }, receiver.received.clone());
        let receive = move |headers: HeaderMap, body: String| async move {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            kept.lock().unwrap().push((id, serde_json::from_str(&body).unwrap()));
            "thanks"
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(receive)).await });
        receiver
    }

    fn received(&self) -> Vec<(String, Value)> {
        self.received.lock().unwrap().clone()
    }
}

struct Listener {
    tcp: TcpListener,
    tls: Arc<Mutex<TlsAcceptor>>,
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (peer, address) = self.tcp.accept().await.unwrap();
            let tls = self.tls.lock().unwrap().clone();
            // A peer that does not believe us goes away.
            if let Ok(stream) = tls.accept(peer).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// The one delivery, once it is so.
async fn delivery(service: &Service, is_so: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let listed = service.get("/api/webhook/deliveries").await.body["deliveries"][0].take();
            if is_so(&listed) {
                return listed;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the delivery is tried")
}

#[tokio::test]
async fn a_receiver_whom_the_systems_store_vouches_for_is_told_in_tls() {
    let this = "webhook_tls::a_receiver_whom_the_systems_store_vouches_for_is_told_in_tls";
    let Some(store) = own_store(this) else { return };
    let trusted = authority("trusted");
    std::fs::write(store, trusted.pem()).unwrap();
    let receiver = Receiver::with(tls(&trusted, "localhost", 4000)).await;
    let service = service(&receiver.url).await;
    let tested = against(&service, &["webhook", "test"]).await;
    assert!(tested.code == 0 && tested.out.contains("HTTP 200"), "{}{}", tested.out, tested.err);
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "planted-token").await;
    delivery(&service, |delivery| delivery["status"] == "delivered").await;
    let (_, told) = receiver.received().remove(1);
    assert_eq!(told["data"]["sessionId"], *session);
    assert_eq!(told["data"]["files"][".anteroom-demo/credentials.json"]["access_token"], "planted-token");
    service.stop().await;
}

#[tokio::test]
async fn a_receiver_who_cannot_be_believed_is_told_nothing_until_it_can() {
    let this = "webhook_tls::a_receiver_who_cannot_be_believed_is_told_nothing_until_it_can";
    let Some(store) = own_store(this) else { return };
    let (trusted, foreign) = (authority("trusted"), authority("foreign"));
    std::fs::write(store, trusted.pem()).unwrap();
    let cases = [
        (tls(&foreign, "localhost", 4000), "the certificate's issuer is unknown here"),
        (tls(&trusted, "elsewhere.example", 4000), "the certificate is for another name"),
        (tls(&trusted, "localhost", 2002), "the certificate has expired"),
    ];
    for (bad, problem) in cases {
        let receiver = Receiver::with(bad).await;
        let service = service(&receiver.url).await;
        let tested = against(&service, &["webhook", "test"]).await;
        assert!(tested.code == 1 && tested.out.contains(problem), "{}{}", tested.out, tested.err);
        let (session, guest) = service.session("ann").await;
        complete(&service, &session, &guest, "planted-token").await;
        let tried = delivery(&service, |delivery| delivery["attempts"] == 1).await;
        assert_eq!((&tried["status"], tried["lastAnswer"].as_str()), (&"pending".into(), Some(problem)));
        assert!(tried["nextTryAt"].is_string(), "{tried}");
        let listed = against(&service, &["webhook", "ls"]).await.out;
        assert!(listed.contains(problem), "{listed}");
        assert!(receiver.received().is_empty(), "not one byte was sent to whom nobody vouches for");

        *receiver.tls.lock().unwrap() = tls(&trusted, "localhost", 4000);
        delivery(&service, |delivery| delivery["status"] == "delivered").await;
        let received = receiver.received();
        assert_eq!((received.len(), &received[0].0), (1, &tried["id"].as_str().unwrap().to_owned()));
        service.stop().await;
    }
}
