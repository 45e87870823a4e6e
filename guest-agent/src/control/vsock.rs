//! The listener: vsock, and only the host; and the knock that tells the host of it.
//!
//! A guest that is no VM has no vsock: where the directory [`STAND_IN`] exists, which is in no image, each port is a Unix
//! socket in it. The benchmarks start such guests, to measure without emulation.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anteroom_protocol::ports::{HOST_CID, HOST_KNOCK, STAND_IN};
use axum::serve::Listener;
use tokio::{
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tokio_util::either::Either;
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

use super::life::Life;
use crate::journal::Journal;

/// How patiently it is knocked.
struct Pace {
    /// How long one knock may take.
    knock: Duration,
    /// How long a host that has heard the knock may take until it follows the events.
    answer: Duration,
    /// Between knocks that are not heard: short for a host that is about to listen, long when it may take its time.
    short: Duration,
    long: Duration,
}

const AWAKE: Pace = Pace {
    knock: Duration::from_secs(2),
    answer: Duration::from_secs(5),
    short: Duration::from_millis(100),
    long: Duration::from_secs(1),
};
/// Without a device a knock ends at once; one that was on its way when the device was taken away never does.
const AWAY: Pace = Pace {
    knock: Duration::from_millis(100),
    answer: Duration::from_millis(500),
    short: Duration::from_millis(5),
    long: Duration::from_millis(5),
};
const SHORT_PAUSES: usize = 50;

/// Accepts the host; whoever else dials is hung up on.
pub(crate) enum HostOnly {
    Vsock(VsockListener),
    StandIn(UnixListener),
}

pub(crate) fn bind(port: u32) -> io::Result<HostOnly> {
    if Path::new(STAND_IN).is_dir() {
        let socket = stand_in(port);
        // Of a role that was restarted.
        let _ = std::fs::remove_file(&socket);
        return UnixListener::bind(socket).map(HostOnly::StandIn);
    }
    VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port)).map(HostOnly::Vsock)
}

fn stand_in(port: u32) -> PathBuf {
    Path::new(STAND_IN).join(port.to_string())
}

/// Tells the host that it may dial, whenever no host follows the journal: at the boot, when another daemon has to take
/// over from one that has died, and when this is a copy of a frozen guest.
///
/// A guest that was frozen, or put to disk, knocks so often that it is heard as soon as it goes on, whatever the VMM does with the vsock device: there is
/// none for a while, or it has only forgotten its connections.
pub(super) async fn knock(journal: Arc<Journal>, life: Arc<Life>) {
    knock_by(&journal, &life, || dial(HOST_KNOCK)).await;
}

async fn knock_by<D>(journal: &Journal, life: &Life, dial: impl Fn() -> D)
where
    D: Future<Output = io::Result<()>>,
{
    let mut unheard = 0;
    loop {
        journal.unfollowed().await;
        let away = life.is_away();
        let pace = if away { &AWAY } else { &AWAKE };
        tokio::select! {
            () = knock_once(journal, dial(), pace, &mut unheard) => {}
            // What was begun before may be waiting for somebody who is not there any more.
            () = life.away(), if !away => unheard = 0,
        }
    }
}

/// Knocks, and waits for the host to follow, or for the time to knock again.
async fn knock_once(
    journal: &Journal,
    knock: impl Future<Output = io::Result<()>>,
    pace: &Pace,
    unheard: &mut usize,
) {
    match timeout(pace.knock, knock).await {
        Ok(Ok(())) => {
            *unheard = 0;
            // An error means that the host has not come.
            let _ = timeout(pace.answer, journal.followed()).await;
            return;
        }
        Ok(Err(error)) => tracing::debug!("the host does not hear: {error}"),
        Err(_) => tracing::debug!("the host does not hear"),
    }
    *unheard += 1;
    if *unheard == SHORT_PAUSES {
        tracing::warn!("no host listens on vsock port {HOST_KNOCK}");
    }
    sleep(if *unheard < SHORT_PAUSES { pace.short } else { pace.long }).await;
}

async fn dial(port: u32) -> io::Result<()> {
    if Path::new(STAND_IN).is_dir() {
        return UnixStream::connect(stand_in(port)).await.map(drop);
    }
    VsockStream::connect(VsockAddr::new(HOST_CID, port)).await.map(drop)
}

impl Listener for HostOnly {
    type Io = Either<VsockStream, UnixStream>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, ()) {
        loop {
            // The inner listener sleeps over errors such as too many open files.
            match self {
                Self::Vsock(vsock) => {
                    let (stream, peer) = Listener::accept(vsock).await;
                    if peer.cid() == HOST_CID {
                        return (Either::Left(stream), ());
                    }
                    tracing::warn!("hung up on vsock peer {}", peer.cid());
                }
                Self::StandIn(socket) => return (Either::Right(Listener::accept(socket).await.0), ()),
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        future::pending,
    };

    use tokio::time::Instant;

    use super::*;

    /// Runs until `over` does, with a host that answers each knock as `host` does; returns when it was knocked.
    async fn knocks(
        journal: &Arc<Journal>,
        life: &Life,
        host: impl AsyncFn() -> io::Result<()>,
        over: impl Future<Output = ()>,
    ) -> Vec<Duration> {
        let (begin, times) = (Instant::now(), RefCell::new(Vec::new()));
        let knock = || {
            times.borrow_mut().push(begin.elapsed());
            host()
        };
        tokio::select! { () = knock_by(journal, life, knock) => {}, () = over => {} }
        times.into_inner()
    }

    fn deaf() -> io::Result<()> {
        Err(io::ErrorKind::ConnectionReset.into())
    }

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_guest_knocks_at_once_whatever_it_was_waiting_for() {
        let (journal, life) = (Arc::new(Journal::new()), Life::new(None));
        // The host has heard, and is expected to come within seconds.
        let freeze = async {
            sleep(ms(1000)).await;
            life.freeze().unwrap();
            sleep(ms(3)).await;
        };
        let times = knocks(&journal, &life, async || Ok(()), freeze).await;
        assert_eq!(times, [ms(0), ms(1000)]);

        // A knock on the way to a device that was taken away is never answered.
        let (life, asked) = (Life::new(None), Cell::new(0));
        let host = async || {
            asked.set(asked.get() + 1);
            if asked.get() == 1 { pending().await } else { deaf() }
        };
        let freeze = async {
            sleep(ms(1000)).await;
            life.freeze().unwrap();
            sleep(ms(13)).await;
        };
        let times = knocks(&journal, &life, host, freeze).await;
        assert!(times.len() == 4 && times[1] == ms(1000) && times[3] <= ms(1012), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_whose_host_has_come_knocks_no_more_until_it_goes() {
        let (journal, life) = (Arc::new(Journal::new()), Life::new(None));
        life.freeze().unwrap();
        let come_and_go = async {
            sleep(ms(50)).await;
            life.resumed(anteroom_protocol::VmId::random());
            let followed = Arc::clone(&journal).follow(0);
            sleep(ms(60_000)).await;
            drop(followed);
            sleep(ms(250)).await;
        };
        let times = knocks(&journal, &life, async || deaf(), come_and_go).await;
        let late: Vec<_> = times.into_iter().filter(|time| *time > ms(60)).collect();
        assert!(late.len() == 3 && late[0] >= ms(60_050), "as before any freeze: {late:?}");
    }
}
