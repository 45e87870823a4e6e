//! A scene for a real CLI: an identity provider of ours that stands where the CLI's own is, and a daemon whose VMs have no
//! other network than this one service, under the provider's names, with a certificate of a throw-away authority.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anteroom_demo::idp::{
    Event, Idp, Profile, SecretKind,
    tls::{Entrance, ThrowAwayCa, TlsError},
};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{Daemon, Person, Turn, daemon::Options, machine};

/// A free address in the guests' network, where the host's service is put.
const IN_THE_GUEST: &str = "10.0.2.100";

/// The provider, and a daemon whose VMs see nothing else of the world.
#[derive(Debug)]
pub struct Scene {
    pub idp: Idp,
    pub daemon: Daemon,
    pub person: Person,
    stop: oneshot::Sender<()>,
    _certificate: NamedTempFile,
    serving: JoinHandle<Result<(), TlsError>>,
    _turn: Turn,
}

impl Scene {
    /// Takes a turn at the machine and starts provider and daemon; `test` names the log that is kept.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn set(test: &str, profile: Profile) -> Result<Self> {
        let turn = Turn::take()?;
        let hosts: Vec<String> =
            profile.hostnames.iter().map(|name| format!("{name}={IN_THE_GUEST}")).collect();
        let authority = Arc::new(ThrowAwayCa::new()?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let service = listener.local_addr()?;
        let person = Person::new(&profile, service, &authority.certificate_pem())?;
        let idp = Idp::new(profile);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = {
            let (idp, authority) = (idp.clone(), Arc::clone(&authority));
            let shutdown = async { stopped.await.unwrap_or_default() };
            tokio::spawn(async move { idp.run_tls(listener, &authority, Entrance::Direct, shutdown).await })
        };

        let certificate = NamedTempFile::new()?;
        std::fs::write(certificate.path(), authority.certificate_pem())?;
        let settings = [
            ("ANTEROOM_NETWORK_REACH", "forwards-only".to_owned()),
            ("ANTEROOM_NETWORK_FORWARDS", format!("{IN_THE_GUEST}:443={service}")),
            ("ANTEROOM_NETWORK_HOSTS", hosts.join(",")),
            ("ANTEROOM_NETWORK_EXTRA_CA", certificate.path().display().to_string()),
        ];
        let environment = settings.map(|(name, value)| (name.to_owned(), value)).into();
        let daemon = Daemon::start(test, "dev", Options { environment, ..Options::default() }).await?;
        Ok(Self { idp, daemon, person, stop, _certificate: certificate, serving, _turn: turn })
    }

    /// From `session start` to a stored credential and a VM that is gone; what was captured.
    ///
    /// # Errors
    /// When the session does not complete; with what the provider saw.
    pub async fn sign_in(&self, provider: &str) -> Result<Value> {
        let start =
            ["session", "start", "--provider", provider, "--user", "alice", "--wait", "completed", "--json"];
        let output = self.daemon.cli(&start).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let events = self.idp.log().events();
        ensure!(output.status.success(), "{said}\n{}\n{events:#?}", String::from_utf8_lossy(&output.stderr));
        let session: Value = serde_json::from_str(&said)?;
        self.captured(session["session_id"].as_str().context("an id")?).await
    }

    /// Waits until the session has completed and its VM is gone; what was captured.
    ///
    /// # Errors
    /// When it does not complete; with what the provider saw.
    pub async fn completed(&self, session: &str) -> Result<Value> {
        let completed = self.daemon.wait_for(session, &["completed"]).await;
        let completed = completed.with_context(|| format!("{:#?}", self.idp.log().events()))?;
        self.daemon.vm_gone(completed["vm_id"].as_str().context("a VM")?).await?;
        self.captured(session).await
    }

    /// What alice's CLI says to that, as `anteroom prompt` shows it.
    ///
    /// # Errors
    /// When there is no answer; with what the provider saw.
    pub async fn ask(&self, provider: &str, text: &str) -> Result<String> {
        let output = self.daemon.cli(&["prompt", "--user", "alice", "--provider", provider, text]).await?;
        let (said, complaint) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        let events = self.idp.log().events();
        ensure!(output.status.success(), "{said}\n{complaint}\n{events:#?}\n{}", self.daemon.log());
        Ok(said)
    }

    /// Waits until the provider's models were asked so often.
    ///
    /// # Errors
    /// When that takes more than a minute.
    pub async fn prompted(&self, times: usize) -> Result<()> {
        let asked = || {
            let events = self.idp.log().events();
            events.iter().filter(|event| matches!(event, Event::Prompted { .. })).count()
        };
        let wait = async {
            while asked() < times {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), wait).await.with_context(|| format!("asked {} times", asked()))
    }

    /// The code of the error with which asking ends.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub async fn ask_in_vain(&self, provider: &str, text: &str) -> Result<String> {
        let ask = ["prompt", "--json", "--user", "alice", "--provider", provider, text];
        let output = self.daemon.cli(&ask).await?;
        let said = String::from_utf8(output.stdout)?;
        let last: Value = serde_json::from_str(said.lines().last().context("an event")?)?;
        ensure!(last["type"] == "error", "{said}");
        Ok(last["code"].as_str().context("a code")?.to_owned())
    }

    /// How often the credentials of alice and this provider have been renewed, and her VM without a desktop.
    ///
    /// # Errors
    /// When there are no such credentials, or there is no such VM.
    pub async fn renewals(&self, provider: &str) -> Result<u64> {
        let list = self.daemon.fetch("/api/auth/credentials/alice").await?;
        let of_provider = |entry: &&Value| entry["provider"] == provider;
        let entry = list["credentials"].as_array().and_then(|list| list.iter().find(of_provider));
        entry.and_then(|entry| entry["generation"].as_u64()).context("credentials")
    }

    /// Alice's VM without a desktop.
    ///
    /// # Errors
    /// When there is none.
    pub async fn cli_vm(&self) -> Result<Value> {
        let list = self.daemon.fetch("/api/vms").await?;
        let lives = |vm: &&Value| vm["user_id"] == "alice" && vm["ended_at"].is_null();
        let vm = list["vms"].as_array().and_then(|list| list.iter().find(lives));
        vm.cloned().context("a VM without a desktop")
    }

    /// Whether the disk of that VM has anything in clear that the provider ever handed out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn disk_leaks(&self, vm: &str) -> Result<bool> {
        let secrets = self.secrets();
        let needles: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let disk = self.daemon.state_dir().join("vms").join(vm).join("disk.img");
        machine::disk_holds(&disk, &needles).with_context(|| format!("{}", disk.display()))
    }

    async fn captured(&self, session: &str) -> Result<Value> {
        let captured = self.daemon.fetch(&format!("/api/auth/session/{session}/credentials/status")).await?;
        ensure!(captured["status"] == "ready", "{}", captured["status"]);
        Ok(captured)
    }

    /// The first attempt fails of that, the second one in the same VM succeeds.
    ///
    /// # Errors
    /// When it goes otherwise.
    pub async fn fails_first(&self, provider: &str, code: &str) -> Result<()> {
        let session = self.daemon.start_session(provider, "alice").await?;
        let vm = self.failed_of(&session, code).await?;
        let completed = self.daemon.wait_for(&session, &["completed"]).await?;
        ensure!(completed["vm_id"] == vm, "the same VM");
        self.daemon.vm_gone(completed["vm_id"].as_str().context("a VM")?).await?;
        Ok(())
    }

    /// Waits until an attempt has failed of that, and asks for another one; the VM's id.
    ///
    /// # Errors
    /// When it fails of something else, or there is no other.
    pub async fn failed_of(&self, session: &str, code: &str) -> Result<Value> {
        let failed = self.daemon.until_attempt_failed(session).await?;
        ensure!(failed["attempt_failure"]["code"] == code, "{failed:#}\n{:#?}", self.idp.log().events());
        let retried = self.daemon.cli(&["session", "retry", session]).await?;
        ensure!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
        Ok(failed["vm_id"].clone())
    }

    /// The last secret of that kind that the provider handed out.
    ///
    /// # Errors
    /// When there is none.
    pub fn issued(&self, wanted: SecretKind) -> Result<String> {
        let entry = self.idp.secrets().into_iter().rfind(|entry| entry.kind == wanted);
        entry.map(|entry| entry.secret.reveal().to_owned()).context("it was issued")
    }

    /// Everything that the provider ever handed out, and the state of every sign-in.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.idp.secrets().iter().map(|entry| entry.secret.reveal().to_owned()).collect()
    }

    /// Files below the state directory, the daemon's log and calls of its API that hold a secret in clear. The calls are
    /// those that say what happened, not those that give out an address or credentials.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn leaks(&self) -> Result<Vec<String>> {
        let secrets = self.secrets();
        ensure!(!secrets.is_empty(), "nothing was handed out, so nothing can be found");
        let needles: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let holds = |text: &str| needles.iter().any(|needle| text.contains(needle));
        let mut leaks = machine::files_holding(&self.daemon.state_dir(), &needles);
        if holds(&self.daemon.log()) {
            leaks.push("the daemon's log".to_owned());
        }
        let mut calls = vec!["/api/vms".to_owned(), "/api/webhook/deliveries".to_owned()];
        let vms = self.daemon.fetch("/api/vms").await?;
        for id in vms["vms"].as_array().into_iter().flatten().filter_map(|vm| vm["id"].as_str()) {
            calls.extend([format!("/api/vms/{id}/diagnostics"), format!("/api/admin/vm/{id}/console")]);
        }
        let sessions = self.daemon.fetch("/api/auth/sessions").await?;
        for session in sessions["sessions"].as_array().into_iter().flatten() {
            let id = session["session_id"].as_str().unwrap_or_default();
            calls.push(format!("/api/auth/session/{id}/history"));
            if session["completed_at"].is_string() {
                calls.push(format!("/api/auth/session/{id}"));
            }
        }
        for call in calls {
            if holds(&self.daemon.text(&call).await?) {
                leaks.push(call);
            }
        }
        Ok(leaks)
    }

    /// Ends daemon and provider; nothing that the provider ever handed out may stand anywhere in clear.
    ///
    /// # Errors
    /// When a secret is found, or one of them does not end.
    pub async fn end(self) -> Result<()> {
        let leaks = self.leaks().await?;
        ensure!(leaks.is_empty(), "secrets stand in {leaks:#?}");
        if let Ok(vm) = self.cli_vm().await {
            let path = format!("/api/vms/{}", vm["id"].as_str().context("an id")?);
            self.daemon.call(Method::DELETE, &path, None).await?;
        }
        let remains = machine::remains(&self.daemon.state_dir());
        ensure!(remains.is_empty(), "left on the disk: {remains:#?}");
        self.daemon.stop().await?;
        let _ = self.stop.send(());
        self.serving.await??;
        Ok(())
    }
}
