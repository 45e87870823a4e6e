//! VMs that begin with a snapshot: ready before somebody comes, each a machine of its own, and their sign-ins go as any other.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anteroom_demo::idp::{
    Consent, Idp, Profile,
    tls::{Entrance, ThrowAwayCa, TlsError},
};
use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::oneshot, task::JoinHandle};

/// To a snapshot and a VM that began with it, under emulation: a boot and some seconds.
const PREPARATION: Duration = Duration::from_secs(300);

#[tokio::test]
async fn two_people_get_two_machines_of_one_snapshot_and_the_first_waits_for_nothing() -> Result<()> {
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    let settings = [
        ("ANTEROOM_SNAPSHOT_USE", "true"),
        ("ANTEROOM_SNAPSHOT_DIR", snapshots.path().to_str().context("UTF-8")?),
        ("ANTEROOM_POOL_MIN", "1"),
        ("ANTEROOM_POOL_MAX", "1"),
    ];
    let environment: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut daemon = Daemon::start("snapshot", "test", Options { environment, ..Options::default() }).await?;
    let spare = one_waits(&daemon).await?;
    nothing_is_done_in_it(&daemon, &spare).await?;

    // Younger than the snapshot: whoever believes its certificate knows what time it is.
    let site = Site::open().await?;
    let sessions = [daemon.start_session("demo", "alice").await?, daemon.start_session("demo", "bob").await?];
    site.is_believed_in(&daemon, &spare).await?;
    let (mut vms, mut addresses) = (Vec::new(), Vec::new());
    for session in &sessions {
        let shown = daemon.wait_for(session, &["awaiting_user_auth"]).await?;
        vms.push(shown["vm_id"].as_str().context("a VM")?.to_owned());
        addresses.push(shown["oauth_url"].as_str().context("an address")?.to_owned());
    }
    assert_eq!(vms[0], spare, "the one that waited");
    ensure!(vms[1] != spare, "two people in one VM");
    for (begin, name) in ["state=", "code_challenge="].iter().zip(["state", "challenge"]) {
        let [one, other] = [0, 1].map(|at| parameter(&addresses[at], begin));
        ensure!(one.is_some() && one != other, "both clones have made the same {name}: {addresses:?}");
    }

    let first = daemon.fetch(&format!("/api/vms/{}", vms[0])).await?["vm"].take();
    assert_eq!(first["origin"]["from"], "pool", "{first:#}");
    assert_eq!(first["origin"]["begun"]["from"], "snapshot", "{first:#}");
    assert_eq!(marks(&first)[..2], ["requested", "was-ready"], "{first:#}");
    let second = daemon.fetch(&format!("/api/vms/{}", vms[1])).await?["vm"].take();
    assert_eq!(second["origin"]["from"], "snapshot", "{second:#}");
    for mark in ["restored", "resumed", "agent-answered", "network-configured", "desktop-ready"] {
        ensure!(marks(&second).contains(&mark), "{mark} is missing: {second:#}");
    }
    ensure!(!marks(&second).contains(&"pid1"), "the marks of the snapshot's guest: {second:#}");

    each_is_a_machine_of_its_own(&daemon, &vms).await?;
    site.is_believed_in(&daemon, &vms[1]).await?;
    site.close().await?;

    let session = daemon.start_session("demo-auto", "carol").await?;
    let completed = daemon.wait_for(&session, &["completed"]).await?;
    let vm = completed["vm_id"].as_str().context("a VM")?;
    let gone = daemon.vm_gone(vm).await?;
    ensure!(gone["failure"].is_null(), "{gone:#}");

    let listed = daemon.cli(&["snapshot", "verify"]).await?;
    ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stdout));
    a_damaged_snapshot_is_noticed_and_made_again(&mut daemon, snapshots.path()).await?;
    daemon.stop().await?;
    for vm in &vms {
        let left = machine::processes_mentioning(vm);
        ensure!(left.is_empty(), "processes are left: {left:?}");
    }
    Ok(())
}

/// One byte of a guest's memory. Content is looked at once in each daemon's life.
async fn a_damaged_snapshot_is_noticed_and_made_again(daemon: &mut Daemon, snapshots: &Path) -> Result<()> {
    daemon.end_by(Signal::SIGTERM).await?;
    let memories = std::fs::read_dir(snapshots)?.flatten().map(|entry| entry.path().join("memory"));
    let memory = memories.into_iter().find(|path| path.exists()).context("a snapshot")?;
    let made = std::fs::symlink_metadata(&memory)?.ino();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&memory)?;
    let (at, mut byte) = (file.metadata()?.len() / 2, [0]);
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 1], at)?;
    let told = daemon.log().len();
    daemon.start_again().await?;

    let session = daemon.start_session("demo", "dave").await?;
    let shown = daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?;
    let vm = daemon.fetch(&format!("/api/vms/{vm}")).await?["vm"].take();
    assert_eq!(vm["origin"]["from"], "boot", "{vm:#}");
    let because = vm["origin"]["because"].as_str().unwrap_or_default();
    ensure!(because.contains("is of no use") && because.contains("content has changed"), "{because}");

    let begin = Instant::now();
    while !daemon.log()[told..].contains("a snapshot is made") {
        ensure!(begin.elapsed() < PREPARATION, "it is not made again: {}", daemon.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    ensure!(std::fs::symlink_metadata(&memory)?.ino() != made, "it is the damaged one still");
    let spare = one_waits(daemon).await?;
    let shown = daemon.fetch(&format!("/api/vms/{spare}")).await?["vm"].take();
    assert_eq!(shown["origin"]["from"], "snapshot", "{shown:#}");
    Ok(())
}

/// A site on this host that shows a certificate of an authority which nobody knows.
struct Site {
    authority: Arc<ThrowAwayCa>,
    address: SocketAddr,
    name: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), TlsError>>,
}

impl Site {
    async fn open() -> Result<Self> {
        let profile = Profile::openai(Consent::Asked);
        let name = profile.hostnames.first().context("a name")?.clone();
        let authority = Arc::new(ThrowAwayCa::new()?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (idp, ca) = (Idp::new(profile), Arc::clone(&authority));
        let shutdown = async { stopped.await.unwrap_or_default() };
        let serving =
            tokio::spawn(async move { idp.run_tls(listener, &ca, Entrance::Direct, shutdown).await });
        Ok(Self { authority, address, name, stop, serving })
    }

    /// By a program that is told of the authority. This host is 10.0.2.2 there.
    async fn is_believed_in(&self, daemon: &Daemon, vm: &str) -> Result<()> {
        let (name, port) = (&self.name, self.address.port());
        let ask = format!(
            "cat >/tmp/ca.pem; curl --silent --show-error --max-time 20 --output /dev/null --cacert /tmp/ca.pem \
             --resolve {name}:{port}:10.0.2.2 https://{name}:{port}/"
        );
        let mut command = daemon.command(&["exec", vm, "--", "sh", "-c", &ask]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let certificate = self.authority.certificate_pem();
        child.stdin.take().context("a pipe")?.write_all(certificate.as_bytes()).await?;
        let said = child.wait_with_output().await?;
        ensure!(said.status.success(), "no TLS in {vm}: {}", String::from_utf8_lossy(&said.stderr));
        Ok(())
    }

    async fn close(self) -> Result<()> {
        let _ = self.stop.send(());
        Ok(self.serving.await??)
    }
}

/// A VM that is nobody's is left as it is.
async fn nothing_is_done_in_it(daemon: &Daemon, spare: &str) -> Result<()> {
    for path in ["programs", "ports/5900", "exec", "reverse/7777"] {
        let (_, refused) = daemon.call(Method::GET, &format!("/api/vms/{spare}/{path}"), None).await?;
        ensure!(refused["code"] == "vm_is_nobodys", "{path}: {refused}");
    }
    for arguments in [&["exec", spare, "-n", "--", "true"][..], &["ps", spare], &["vnc", spare]] {
        let said = daemon.cli(arguments).await?;
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        ensure!(
            !said.status.success() && why.contains("waits for whoever comes next"),
            "{arguments:?}: {why}"
        );
    }
    Ok(())
}

/// What two machines must not share, asked of programs that are started in them now; and what both must have right.
async fn each_is_a_machine_of_its_own(daemon: &Daemon, vms: &[String]) -> Result<()> {
    const ASK: &str = r#"
        echo "machine id: $(cat /etc/machine-id)"
        echo "host name: $(cat /proc/sys/kernel/hostname)"
        echo "boot id: $(cat /proc/sys/kernel/random/boot_id)"
        echo "uuid: $(cat /proc/sys/kernel/random/uuid)"
        echo "urandom: $(od -An -N16 -tx8 /dev/urandom)"
        echo "getrandom: $(bash -c 'echo $SRANDOM $SRANDOM')"
        echo "mac: $(cat /sys/class/net/eth0/address)"
        date +%s%N
    "#;
    let mut answers = Vec::new();
    for vm in vms {
        let before = OffsetDateTime::now_utc().unix_timestamp_nanos();
        let said = daemon.cli(&["exec", vm, "-n", "--", "sh", "-c", ASK]).await?;
        let after = OffsetDateTime::now_utc().unix_timestamp_nanos();
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let text = String::from_utf8(said.stdout)?;
        let (answer, clock) = text.trim_end().rsplit_once('\n').context("a clock")?;
        let (clock, most_ns): (i128, i128) = (clock.parse()?, 50_000_000);
        ensure!(
            (before - most_ns..after + most_ns).contains(&clock),
            "the clock of {vm} is wrong: {clock} is not from {before} to {after}"
        );
        answers.push(answer.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    for (one, other) in answers[0].iter().zip(&answers[1]) {
        // Each guest has a network of its own here, in which all have the same addresses.
        ensure!(one != other || one.starts_with("mac: "), "two machines have the same {one}");
    }
    ensure!(answers[0].len() == 7, "{answers:?}");
    Ok(())
}

/// The VM that is ready and belongs to nobody. One that booted, because the snapshot was late, is not waited with.
async fn one_waits(daemon: &Daemon) -> Result<String> {
    let begin = Instant::now();
    loop {
        let vms = daemon.fetch("/api/vms").await?;
        let waits = |vm: &&Value| vm["phase"] == "ready" && vm["session_id"].is_null();
        if let Some(vm) = vms["vms"].as_array().context("a list of VMs")?.iter().find(waits)
            && daemon.log().contains("a snapshot is made")
        {
            let id = vm["id"].as_str().context("an id")?.to_owned();
            let shown = daemon.fetch(&format!("/api/vms/{id}")).await?;
            if shown["vm"]["origin"]["from"] == "snapshot" {
                return Ok(id);
            }
            daemon.call(Method::DELETE, &format!("/api/vms/{id}"), None).await?;
        }
        ensure!(begin.elapsed() < PREPARATION, "no VM is kept ready: {}", daemon.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn parameter<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = address.split_once(name)?;
    rest.split('&').next()
}

fn marks(vm: &Value) -> Vec<&str> {
    vm["timeline"].as_array().into_iter().flatten().filter_map(|mark| mark["name"].as_str()).collect()
}
