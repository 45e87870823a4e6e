//! A bad network: a hop that viewers' UDP packets take to the daemon and back, which loses some of them and delays the rest.
//!
//! ```text
//!  Chromium ──▶ hop's address ──5 % lost──▶ 100 ms ──▶ a port of its own for each viewer ──▶ the daemon's UDP port
//!           ◀── 100 ms ◀──5 % lost──────────────────────────────────────────────────────◀──
//! ```
//! It does what `tc qdisc add dev lo root netem delay 100ms loss 5%` does to UDP, each way, and needs neither root nor that
//! module of the kernel. The daemon tells its viewers of the hop as of a NAT before it (`ANTEROOM_MEDIA_PUBLIC_ADDRESSES`).
//! Which packets are lost is random, but the same in every run for the same packets.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

/// Packets that may be on their way in one direction, as netem's default has it; more are lost.
const ON_THE_WAY: usize = 1000;
const MAX_PACKET_BYTES: usize = 65_536;

/// What the network does to packets, in each direction.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub lost_per_mille: u64,
    pub delay: Duration,
}

/// The hop; gone when dropped.
#[derive(Debug)]
pub struct Hop {
    /// Where viewers send their packets.
    pub address: SocketAddr,
    daemon: watch::Sender<Option<SocketAddr>>,
    counted: Arc<Counted>,
    _working: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counted {
    carried: AtomicU64,
    lost: AtomicU64,
}

impl Hop {
    /// # Errors
    /// When there is no port for it.
    pub async fn open(weather: Weather) -> Result<Self> {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a port for the hop")?);
        let address = socket.local_addr()?;
        let (daemon, known) = watch::channel(None);
        let counted = Arc::new(Counted::default());
        let mut working = JoinSet::new();
        let sky = Arc::new(Sky {
            weather,
            random: Mutex::new(0x9e37_79b9_7f4a_7c15),
            counted: Arc::clone(&counted),
        });
        working.spawn(carry(socket, known, sky));
        Ok(Self { address, daemon, counted, _working: working })
    }

    /// Packets go to this address from now on; those before went nowhere.
    pub fn lead_to(&self, daemon: SocketAddr) {
        self.daemon.send_replace(Some(daemon));
    }

    /// Packets that went through so far, and that were lost.
    #[must_use]
    pub fn counted(&self) -> (u64, u64) {
        (self.counted.carried.load(Ordering::Relaxed), self.counted.lost.load(Ordering::Relaxed))
    }
}

/// What decides about each packet.
#[derive(Debug)]
struct Sky {
    weather: Weather,
    random: Mutex<u64>,
    counted: Arc<Counted>,
}

impl Sky {
    /// When a packet that has come now is through; `None` when it is lost.
    fn fate(&self) -> Option<Instant> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let lost = *random % 1000 < self.weather.lost_per_mille;
        let count = if lost { &self.counted.lost } else { &self.counted.carried };
        count.fetch_add(1, Ordering::Relaxed);
        (!lost).then(|| Instant::now() + self.weather.delay)
    }
}

/// From the viewers to the daemon; a viewer that is new gets a port and a task for the way back.
async fn carry(hop: Arc<UdpSocket>, daemon: watch::Receiver<Option<SocketAddr>>, sky: Arc<Sky>) {
    let mut viewers: HashMap<SocketAddr, Way> = HashMap::new();
    let mut working = JoinSet::new();
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    loop {
        let Ok((length, viewer)) = hop.recv_from(&mut buffer).await else { continue };
        let Some(daemon) = *daemon.borrow() else { continue };
        let Some(due) = sky.fate() else { continue };
        let way = match viewers.entry(viewer) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let Ok(port) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await else { continue };
                let port = Arc::new(port);
                let back = Way::to(&mut working, Arc::clone(&hop), viewer);
                working.spawn(carry_back(Arc::clone(&port), back, Arc::clone(&sky)));
                new.insert(Way::to(&mut working, port, daemon))
            }
        };
        way.send(due, &buffer[..length]);
    }
}

async fn carry_back(port: Arc<UdpSocket>, way: Way, sky: Arc<Sky>) {
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    loop {
        let Ok((length, _)) = port.recv_from(&mut buffer).await else { continue };
        if let Some(due) = sky.fate() {
            way.send(due, &buffer[..length]);
        }
    }
}

/// Packets in their order, each when it is due.
#[derive(Debug)]
struct Way(mpsc::Sender<(Instant, Vec<u8>)>);

impl Way {
    fn to(working: &mut JoinSet<()>, from: Arc<UdpSocket>, to: SocketAddr) -> Self {
        let (packets, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
        working.spawn(async move {
            while let Some((due, packet)) = waiting.recv().await {
                tokio::time::sleep_until(due).await;
                let _ = from.send_to(&packet, to).await;
            }
        });
        Self(packets)
    }

    fn send(&self, due: Instant, packet: &[u8]) {
        let _ = self.0.try_send((due, packet.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_go_both_ways_late_in_order_and_not_all() -> Result<()> {
        let delay = Duration::from_millis(20);
        let hop = Hop::open(Weather { lost_per_mille: 100, delay }).await?;
        let daemon = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        hop.lead_to(daemon.local_addr()?);
        let viewer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let begun = Instant::now();
        for number in 0..=255_u8 {
            viewer.send_to(&[number], hop.address).await?;
        }
        let mut echoed = Vec::new();
        let (mut there, mut back) = ([0; 2], [0; 2]);
        let quiet = Duration::from_millis(500);
        while let Ok(received) = tokio::time::timeout(quiet, daemon.recv_from(&mut there)).await {
            daemon.send_to(&there[..1], received?.1).await?;
        }
        while let Ok(received) = tokio::time::timeout(quiet, viewer.recv_from(&mut back)).await {
            assert_eq!(received?.1, hop.address);
            assert!(begun.elapsed() >= 2 * delay);
            echoed.push(back[0]);
        }
        assert!(echoed.is_sorted() && (160..250).contains(&echoed.len()), "{} of 256", echoed.len());
        let (carried, lost) = hop.counted();
        assert!(lost > 20 && carried + lost > 400, "{carried} carried, {lost} lost");
        Ok(())
    }
}
