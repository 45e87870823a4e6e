//! The real daemon under a service manager, which the test plays: no connection is refused, not even while there is no daemon.

use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _, time::Duration};

use anteroom_tests::ServiceManager;
use anyhow::{Context as _, Result, ensure};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const WATCHDOG: Duration = Duration::from_secs(2);

/// A connection that is made and asks at once, whether there is a daemon or not.
async fn ask(address: SocketAddr) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}

async fn is_answered(mut connection: TcpStream) -> Result<()> {
    let mut answer = String::new();
    let reading = connection.read_to_string(&mut answer);
    timeout(Duration::from_secs(10), reading).await.context("no answer")??;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "the answer is {answer}");
    Ok(())
}

#[tokio::test]
async fn the_daemon_serves_on_the_socket_it_is_handed_and_tells_how_it_is_and_a_restart_refuses_nobody()
-> Result<()> {
    let manager = ServiceManager::new("service-manager")?;
    let early = ask(manager.address).await?;
    let mut first = manager.start(WATCHDOG)?;
    manager.hears(&mut first, "READY=1").await?;
    is_answered(early).await?;
    for _ in 0..3 {
        let since = std::time::Instant::now();
        let told = manager.hears(&mut first, "WATCHDOG=1").await?;
        ensure!(since.elapsed() < WATCHDOG, "a sign of life took {:?}", since.elapsed());
        ensure!(
            told.iter().all(|line| line == "WATCHDOG=1" || line == "STATUS=0 sessions, 0 VMs"),
            "{told:?}"
        );
    }
    manager.stop(first).await?;

    let between = ask(manager.address).await?;
    let mut second = manager.start(WATCHDOG)?;
    manager.hears(&mut second, "READY=1").await?;
    is_answered(between).await?;
    manager.stop(second).await
}

/// Asks over TLS, and believes this certificate only.
async fn asks_over_tls(address: SocketAddr, certificate: Certificate) -> Result<StatusCode> {
    let client = Client::builder().tls_certs_only([certificate]).timeout(Duration::from_secs(60)).build()?;
    Ok(client.get(format!("https://{address}/health")).send().await?.status())
}

#[tokio::test]
async fn tls_is_spoken_on_the_socket_that_is_handed_down_and_a_handshake_waits_while_there_is_no_daemon()
-> Result<()> {
    let manager = ServiceManager::new("service-manager-tls")?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([manager.address.ip().to_string()])?.self_signed(&key)?;
    let trusted = Certificate::from_der(certificate.der())?;
    let at = |name| manager.settings().with_file_name(name);
    std::fs::write(at("certificate.pem"), certificate.pem())?;
    std::fs::write(at("key.pem"), key.serialize_pem())?;
    std::fs::set_permissions(at("key.pem"), std::fs::Permissions::from_mode(0o600))?;
    let tls = format!("[tls]\ncertificate = {:?}\nkey = {:?}\n", at("certificate.pem"), at("key.pem"));
    std::fs::write(manager.settings(), tls)?;

    for _ in 0..2 {
        // The first time before there was any daemon, then between two of them.
        let early = tokio::spawn(asks_over_tls(manager.address, trusted.clone()));
        let mut daemon = manager.start(WATCHDOG)?;
        manager.hears(&mut daemon, "READY=1").await?;
        ensure!(early.await?? == StatusCode::OK);
        let mut in_clear = ask(manager.address).await?;
        let mut answer = Vec::new();
        // A reset is as good an answer as an alert.
        let _ = timeout(Duration::from_secs(15), in_clear.read_to_end(&mut answer)).await?;
        ensure!(!answer.starts_with(b"HTTP/"), "something was served in clear");
        manager.stop(daemon).await?;
    }
    Ok(())
}

/// The most requests that it takes of us.
async fn request_limit(address: SocketAddr) -> Result<String> {
    let answer = Client::new().post(format!("http://{address}/api/login")).send().await?;
    let limit = answer.headers().get("ratelimit-limit").context("a limit")?;
    Ok(limit.to_str()?.to_owned())
}

#[tokio::test]
async fn a_file_of_settings_that_changes_is_noticed_and_counts_when_it_is_read_again_unless_it_is_wrong()
-> Result<()> {
    let manager = ServiceManager::new("settings")?;
    let mut daemon = manager.start(WATCHDOG)?;
    manager.hears(&mut daemon, "READY=1").await?;
    ensure!(request_limit(manager.address).await? == "1000");
    std::fs::write(manager.settings(), "[rate_limit]\nrequests = 77\n[pool]\nmax = 1000\n[image]\n")?;
    manager.logs("the file of settings has changed, and is wrong").await?;
    manager.reload(&daemon)?;
    manager.logs("the settings were read again, and nothing is changed").await?;
    ensure!(request_limit(manager.address).await? == "1000");

    std::fs::write(manager.settings(), "[rate_limit]\nrequests = 77\n[vm]\ndisk_mib = 100\n")?;
    manager.logs(r#"at_once="rate_limit.requests" at_restart="vm.disk_mib""#).await?;
    ensure!(request_limit(manager.address).await? == "1000", "noticed, not read");
    manager.reload(&daemon)?;
    manager.logs(r#"the settings were read again changed="rate_limit.requests""#).await?;
    ensure!(request_limit(manager.address).await? == "77");
    manager.logs("wait for a restart").await?;
    let settled = async {
        while manager.noted()?["waiting"] != serde_json::json!(["vm.disk_mib"]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    timeout(Duration::from_secs(10), settled).await.context("what waits for a restart is not noted")??;
    manager.stop(daemon).await
}
