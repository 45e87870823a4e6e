use std::{io, os::unix::net::UnixDatagram};

use super::*;

/// The manager's side, and a pulse that it listens to.
struct Bench {
    manager: UnixDatagram,
    pulse: Pulse,
    _scratch: tempfile::TempDir,
}

async fn bench(watchdog: Option<Duration>) -> Bench {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    let notifier = Arc::new(Notifier::open(path.to_str().unwrap()).unwrap());
    let store = Store::open(scratch.path()).await.unwrap();
    let load = Box::new(|| Load { sessions: 1, vms: 2 });
    Bench { manager, pulse: Pulse { notifier, watchdog, store, load }, _scratch: scratch }
}

impl Bench {
    /// What has arrived by now.
    fn heard(&self) -> Option<String> {
        let mut buffer = [0; 200];
        match self.manager.recv(&mut buffer) {
            Ok(count) => Some(String::from_utf8_lossy(&buffer[..count]).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn the_status_is_told_when_it_changes_and_a_sign_of_life_each_time() {
    let bench = bench(Some(Duration::from_secs(30))).await;
    let mut told = None;
    bench.pulse.beat(&mut told).await;
    assert_eq!(bench.heard().unwrap(), "STATUS=1 session, 2 VMs\n");
    assert_eq!(bench.heard().unwrap(), "WATCHDOG=1\n");
    bench.pulse.beat(&mut told).await;
    assert_eq!(bench.heard().unwrap(), "WATCHDOG=1\n");
    assert_eq!(bench.heard(), None);
}

#[tokio::test]
async fn a_daemon_whose_store_does_not_answer_gives_no_sign_of_life() {
    let bench = bench(Some(Duration::from_secs(30))).await;
    bench.pulse.store.close().await;
    bench.pulse.beat(&mut None).await;
    assert_eq!(bench.heard().unwrap(), "STATUS=1 session, 2 VMs\n");
    assert_eq!(bench.heard(), None);
}

#[tokio::test]
async fn a_store_that_takes_too_long_is_one_that_does_not_answer() {
    let bench = bench(Some(Duration::from_millis(30))).await;
    let _busy = bench.pulse.store.busy().await;
    bench.pulse.beat(&mut None).await;
    assert_eq!(bench.heard().unwrap(), "STATUS=1 session, 2 VMs\n");
    assert_eq!(bench.heard(), None);
}

#[tokio::test]
async fn without_a_watchdog_only_news_are_told() {
    let bench = bench(None).await;
    bench.pulse.beat(&mut None).await;
    assert_eq!(bench.heard().unwrap(), "STATUS=1 session, 2 VMs\n");
    assert_eq!(bench.heard(), None);
}

#[tokio::test]
async fn signs_of_life_are_due_several_times_within_the_watchdogs_patience() {
    let pause = async |watchdog| bench(watchdog).await.pulse.pause();
    assert_eq!(pause(Some(Duration::from_secs(6))).await, Duration::from_secs(2));
    assert_eq!(pause(Some(Duration::from_secs(600))).await, NEWS, "the status line is not to grow old");
    assert_eq!(pause(None).await, NEWS);
}
