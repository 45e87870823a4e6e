//! The real `codex login` in a real VM, signed in at an identity provider of ours that stands where auth.openai.com is:
//! the VM's only network is this one service, under that name, with a certificate of a throw-away authority.

use std::{net::Ipv4Addr, sync::Arc};

use anteroom_demo::idp::{
    Consent, Event, Idp, Profile, SecretKind,
    tls::{Entrance, ThrowAwayCa},
};
use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot};

/// A free address in the guests' network, where the host's service is put.
const IN_THE_GUEST: &str = "10.0.2.100";

#[tokio::test]
async fn the_real_codex_signs_in_and_its_tokens_are_captured() -> Result<()> {
    let _turn = Turn::take()?;
    let idp = Idp::new(Profile::openai(Consent::Given));
    let authority = Arc::new(ThrowAwayCa::new()?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let service = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = {
        let (idp, authority) = (idp.clone(), Arc::clone(&authority));
        let shutdown = async { stopped.await.unwrap_or_default() };
        tokio::spawn(async move { idp.run_tls(listener, &authority, Entrance::Direct, shutdown).await })
    };

    let certificate = tempfile::NamedTempFile::new()?;
    std::fs::write(certificate.path(), authority.certificate_pem())?;
    let settings = [
        ("ANTEROOM_NETWORK_REACH", "forwards-only".to_owned()),
        ("ANTEROOM_NETWORK_FORWARDS", format!("{IN_THE_GUEST}:443={service}")),
        ("ANTEROOM_NETWORK_HOSTS", format!("auth.openai.com={IN_THE_GUEST}")),
        ("ANTEROOM_NETWORK_EXTRA_CA", certificate.path().display().to_string()),
    ];
    let environment = settings.map(|(name, value)| (name.to_owned(), value)).into();
    let daemon = Daemon::start("codex", "dev", Options { environment, ..Options::default() }).await?;

    // Also waits until the VM is gone.
    let start =
        ["session", "start", "--provider", "codex", "--user", "alice", "--wait", "completed", "--json"];
    let output = daemon.cli(&start).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let session: Value = serde_json::from_str(&said)?;
    let session = session["session_id"].as_str().context("an id")?;
    let events = idp.log().events();
    assert!(events.contains(&Event::PkceVerified { sign_in: 1 }), "{events:?}");

    let issued = |wanted: SecretKind| {
        let entry = idp.secrets().into_iter().find(|entry| entry.kind == wanted);
        entry.map(|entry| entry.secret.reveal().to_owned()).context("it was issued")
    };
    let (access, refresh) = (issued(SecretKind::AccessToken)?, issued(SecretKind::RefreshToken)?);
    let status = daemon.fetch(&format!("/api/auth/session/{session}/credentials/status")).await?;
    assert_eq!(status["status"], "ready");
    let tokens = &status["credentials"]["tokens"];
    assert_eq!(tokens["access_token"], access.as_str());
    assert_eq!(tokens["refresh_token"], refresh.as_str());

    // Nothing that the provider ever handed out, nor the state and the code of the sign-in, stands anywhere in clear.
    let secrets: Vec<String> = idp.secrets().iter().map(|entry| entry.secret.reveal().to_owned()).collect();
    let needles: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_eq!(machine::files_holding(&daemon.state_dir(), &needles), Vec::<String>::new());
    assert!(
        !needles.iter().any(|needle| daemon.log().contains(needle)),
        "a secret stands in the daemon's log"
    );

    daemon.stop().await?;
    let _ = stop.send(());
    serving.await??;
    Ok(())
}
