//! The API over TLS: real handshakes, and a certificate that becomes another one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, StatusCode};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    cli,
    service::{PATIENCE, Service},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The two files of a certificate for localhost.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn at(directory: &Path) -> Self {
        Self { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") }
    }

    fn settings(&self) -> [(&'static str, &str); 2] {
        [("tls.certificate", self.certificate.to_str().unwrap()), ("tls.key", self.key.to_str().unwrap())]
    }

    /// Writes another certificate, and returns it.
    fn renew(&self, authority: &Authority) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        std::fs::write(&self.certificate, certificate.pem()).unwrap();
        std::fs::write(&self.key, key.serialize_pem()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&self.key, mode).unwrap();
        certificate.der().clone()
    }
}

/// A daemon with a certificate of this authority.
async fn service(authority: &Authority) -> (Service, Files, CertificateDer<'static>) {
    let state = Arc::new(tempfile::tempdir().unwrap());
    let files = Files::at(state.path());
    let certificate = files.renew(authority);
    let service = Service::in_directory(state, &files.settings()).await;
    (service, files, certificate)
}

fn url(service: &Service, path: &str) -> String {
    format!("https://localhost:{}{path}", service.address.port())
}

fn client(authority: &Authority) -> Client {
    let root = Certificate::from_der(authority.der()).unwrap();
    Client::builder().tls_certs_only([root]).timeout(PATIENCE).build().unwrap()
}

async fn connect(service: &Service, authority: &Authority) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(service.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

fn shown(connection: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    connection.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// On a connection that stays.
async fn is_healthy(connection: &mut TlsStream<TcpStream>) {
    connection.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut buffer = [0; 1024];
        let count = connection.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_browser_gets_cookies_for_tls_only_and_addresses_that_lead_back_there() {
    let authority = authority();
    let (service, ..) = service(&authority).await;
    let http = client(&authority);
    let login = http.post(url(&service, "/api/login")).json(&json!({ "key": service.key }));
    let login = login.send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("; Secure"), "{cookie}");
    let start = http.post(url(&service, "/api/auth/start")).bearer_auth(&service.key);
    let started = start.json(&json!({ "userId": "ann", "provider": "demo" })).send().await.unwrap();
    assert_eq!(started.status(), StatusCode::OK);
    let started: serde_json::Value = started.json().await.unwrap();
    let page = started["novncURL"].as_str().unwrap();
    assert!(page.starts_with(&url(&service, "/api/auth/session/")), "{page}");
    assert_eq!(http.get(page).send().await.unwrap().status(), StatusCode::OK);
    assert!(reqwest::get(service.url("/health")).await.is_err(), "nothing is served in clear");
    service.stop().await;
}

#[tokio::test]
async fn another_certificate_counts_for_the_next_connection_and_one_that_is_wrong_for_none() {
    let authority = authority();
    let (service, files, first) = service(&authority).await;
    let mut old = connect(&service, &authority).await;
    assert_eq!(shown(&old), first);
    is_healthy(&mut old).await;

    let second = files.renew(&authority);
    service.reload(&files.settings()).unwrap();
    assert_eq!(shown(&connect(&service, &authority).await), second);
    is_healthy(&mut old).await;

    let key = std::fs::read(&files.key).unwrap();
    files.renew(&authority);
    std::fs::write(&files.key, &key).unwrap();
    let error = service.reload(&files.settings()).unwrap_err().to_string();
    assert!(error.ends_with("cannot be used together"), "{error}");
    std::fs::write(&files.key, "no key").unwrap();
    let error = service.reload(&files.settings()).unwrap_err().to_string();
    assert!(error.contains("no private key in PEM form"), "{error}");
    assert_eq!(shown(&connect(&service, &authority).await), second);
    is_healthy(&mut old).await;
    service.stop().await;
}

#[tokio::test]
async fn the_command_line_believes_the_certificate_of_its_own_daemon_and_authorities_that_it_is_told() {
    let authority = authority();
    let (service, files, _) = service(&authority).await;
    let state = service.state.path().display().to_string();
    let ca = service.state.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let listen = service.address.to_string();
    let [(_, certificate), (_, key)] = files.settings();
    let own = [
        ("ANTEROOM_STATE_DIR", state.as_str()),
        ("ANTEROOM_LISTEN", &listen),
        ("ANTEROOM_TLS_CERTIFICATE", certificate),
        ("ANTEROOM_TLS_KEY", key),
    ];
    let said = cli::run(&["vm", "ls"], &own, "").await;
    assert_eq!(said.code, 0, "{}", said.err);

    let url = url(&service, "");
    let told = [("ANTEROOM_URL", url.as_str()), ("ANTEROOM_API_KEY", &service.key)];
    let with_ca = [&told[..], &[("ANTEROOM_CA", ca.to_str().unwrap())]].concat();
    let said = cli::run(&["vm", "ls"], &with_ca, "").await;
    assert_eq!(said.code, 0, "{}", said.err);
    let no_file = [&told[..], &[("ANTEROOM_CA", key)]].concat();
    let said = cli::run(&["vm", "ls"], &no_file, "").await;
    assert!(said.code == 1 && said.err.contains("has no certificate"), "{}", said.err);

    // The daemon has not read the new one yet: it may be anybody.
    let new = files.renew(&authority);
    let said = cli::run(&["vm", "ls"], &own, "").await;
    assert!(said.code == 3 && said.err.contains("its certificate is not the one in"), "{}", said.err);
    assert_eq!(CertificateDer::from_pem_file(certificate).unwrap(), new);
    service.stop().await;
}
