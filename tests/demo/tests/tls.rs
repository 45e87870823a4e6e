//! The provider behind TLS, both ways in.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;

use std::net::SocketAddr;
use std::time::Duration;

use anteroom_demo::idp::tls::{Entrance, ThrowAwayCa};
use anteroom_demo::idp::{Event, Idp, Profile};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use browser::{Browser, Https};

struct Provider {
    idp: Idp,
    address: SocketAddr,
    ca_pem: String,
}

impl Provider {
    async fn behind(entrance: Entrance) -> Self {
        let mut profile = Profile::demo("https://one.example.org");
        profile.hostnames = vec!["one.example.org".to_owned(), "two.example.org".to_owned()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (idp, ca) = (Idp::new(profile), ThrowAwayCa::new().unwrap());
        let ca_pem = ca.certificate_pem();
        let serving = idp.clone();
        tokio::spawn(async move { serving.run_tls(listener, &ca, entrance, std::future::pending()).await });
        Self { idp, address, ca_pem }
    }

    fn browser(&self, https: Https) -> Browser {
        Browser::trusting(&self.ca_pem, https)
    }
}

const METADATA: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn every_hostname_has_a_certificate_that_the_ca_vouches_for() {
    let provider = Provider::behind(Entrance::Direct).await;
    let browser = provider.browser(Https::At(provider.address));
    for hostname in ["one.example.org", "two.example.org"] {
        assert_eq!(browser.get(&format!("https://{hostname}{METADATA}")).await.status(), 200);
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_gets_no_certificate() {
    let provider = Provider::behind(Entrance::Direct).await;
    let browser = provider.browser(Https::At(provider.address));
    assert!(browser.tls("three.example.org").await.is_err());
}

#[tokio::test]
async fn who_trusts_another_ca_does_not_come_in() {
    let provider = Provider::behind(Entrance::Direct).await;
    let other = ThrowAwayCa::new().unwrap().certificate_pem();
    let browser = Browser::trusting(&other, Https::At(provider.address));
    assert!(browser.tls("one.example.org").await.is_err());
}

#[tokio::test]
async fn the_proxy_leads_to_the_provider_and_nowhere_else() {
    let provider = Provider::behind(Entrance::Proxy).await;
    let browser = provider.browser(Https::Proxy(provider.address));
    assert_eq!(browser.get(&format!("https://one.example.org{METADATA}")).await.status(), 200);
    let mut elsewhere = TcpStream::connect(provider.address).await.unwrap();
    elsewhere.write_all(b"CONNECT example.org:443 HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    elsewhere.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let refused = Event::TunnelRefused { authority: "example.org:443".to_owned() };
    assert_eq!(provider.idp.log().events(), [refused]);
}

#[tokio::test]
async fn a_peer_that_says_nothing_delays_nobody() {
    for entrance in [Entrance::Direct, Entrance::Proxy] {
        let provider = Provider::behind(entrance).await;
        let _silent = TcpStream::connect(provider.address).await.unwrap();
        let browser = provider.browser(match entrance {
            Entrance::Direct => Https::At(provider.address),
            Entrance::Proxy => Https::Proxy(provider.address),
        });
        let url = format!("https://one.example.org{METADATA}");
        let answer = timeout(Duration::from_secs(5), browser.get(&url)).await.expect("an answer at once");
        assert_eq!(answer.status(), 200);
    }
}
