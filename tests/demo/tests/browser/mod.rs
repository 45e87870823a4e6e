//! What these tests have for a browser: it goes where it is told, by HTTP or by TLS, and does not follow redirects
//! unless it is asked to.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::net::SocketAddr;
use std::sync::Arc;

use anteroom_demo::http;
use axum::body::Bytes;
use axum::http::{Response, header};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How `https` addresses are reached.
#[derive(Debug, Clone)]
pub(crate) enum Https {
    No,
    /// Every name is at this address.
    At(SocketAddr),
    Proxy(SocketAddr),
}

#[derive(Clone)]
pub(crate) struct Browser {
    https: Https,
    trusted: RootCertStore,
}

impl Browser {
    pub(crate) fn plain() -> Self {
        Self { https: Https::No, trusted: RootCertStore::empty() }
    }

    pub(crate) fn trusting(ca_pem: &str, https: Https) -> Self {
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        Self { https, trusted }
    }

    pub(crate) async fn get(&self, url: &str) -> Response<Bytes> {
        let (scheme, authority, path) = parts(url);
        match scheme {
            "http" => http::get(TcpStream::connect(authority).await.unwrap(), authority, path).await.unwrap(),
            _ => http::get(self.tls(authority).await.unwrap(), authority, path).await.unwrap(),
        }
    }

    pub(crate) async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
        let (scheme, authority, path) = parts(url);
        match scheme {
            "http" => http::post_form(TcpStream::connect(authority).await.unwrap(), authority, path, fields)
                .await
                .unwrap(),
            _ => http::post_form(self.tls(authority).await.unwrap(), authority, path, fields).await.unwrap(),
        }
    }

    /// GET, and on to wherever that leads, five times at most.
    pub(crate) async fn follow(&self, url: &str) -> Response<Bytes> {
        let mut answer = self.get(url).await;
        for _ in 0..5 {
            let Some(next) = location(&answer) else { return answer };
            answer = self.get(&next).await;
        }
        panic!("redirected in circles");
    }

    /// A TLS connection to `hostname`, verified.
    pub(crate) async fn tls(&self, hostname: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let connection = match self.https {
            Https::No => panic!("this browser has no https"),
            Https::At(address) => TcpStream::connect(address).await?,
            Https::Proxy(address) => tunnel(address, hostname).await?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(self.trusted.clone()).with_no_client_auth();
        let name = ServerName::try_from(hostname.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, connection).await
    }
}

async fn tunnel(proxy: SocketAddr, hostname: &str) -> std::io::Result<TcpStream> {
    let mut connection = TcpStream::connect(proxy).await?;
    connection.write_all(format!("CONNECT {hostname}:443 HTTP/1.1\r\n\r\n").as_bytes()).await?;
    let mut answer = [0; 39];
    connection.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 200 Connection established\r\n\r\n");
    Ok(connection)
}

pub(crate) fn location(answer: &Response<Bytes>) -> Option<String> {
    answer.headers().get(header::LOCATION).map(|location| location.to_str().unwrap().to_owned())
}

pub(crate) fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// The value of a query parameter.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The same address with one parameter changed.
pub(crate) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (start, query) = url.split_once('?').unwrap();
    let pairs = form_urlencoded::parse(query.as_bytes());
    let pairs = pairs.map(|(key, old)| if key == name { (key, value.into()) } else { (key, old) });
    format!("{start}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The hidden ticket of a consent page.
pub(crate) fn ticket(page: &Response<Bytes>) -> String {
    let page = text(page);
    let (_, rest) = page.split_once("name=\"request\" value=\"").expect("a consent page");
    rest.split('"').next().unwrap().to_owned()
}

fn parts(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").expect("an absolute address");
    let (authority, path) = rest.split_at(rest.find('/').expect("an address with a path"));
    (scheme, authority, path)
}
