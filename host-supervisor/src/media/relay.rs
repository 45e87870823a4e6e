//! The relay: every viewer's packets to the guest that they are for, and back.
//!
//! Packets are lost where something does not keep up, as on any network; nothing waits for anything here.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anteroom_protocol::{
    VmId,
    stream::datagram::{Datagram, MAX_PAYLOAD_BYTES, Remote, Transport},
};
use bytes::Bytes;
use tokio::{net::UdpSocket, sync::mpsc};

use super::flows::{Arrival, Flows, Taken};

/// After an error of the socket, which is one of a packet before; so that one that stays does not take a processor.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Relay {
    flows: Mutex<Flows>,
    udp: Option<UdpSocket>,
    /// Towards the guests.
    lines: Mutex<HashMap<VmId, mpsc::Sender<Datagram>>>,
    /// Towards viewers that are connected over TCP.
    connections: Mutex<HashMap<SocketAddr, mpsc::Sender<Bytes>>>,
    pub(super) counted: Counted,
}

/// Since the start, whole packets.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) from_viewers: AtomicU64,
    pub(super) to_viewers: AtomicU64,
    /// From addresses that are nobody's.
    pub(super) unknown: AtomicU64,
    /// Of viewers that send more than one may.
    pub(super) too_much: AtomicU64,
    /// To addresses that have not shown the guest's name.
    pub(super) forbidden: AtomicU64,
}

impl Relay {
    pub(super) fn new(udp: Option<UdpSocket>) -> Self {
        Self {
            flows: Mutex::default(),
            udp,
            lines: Mutex::default(),
            connections: Mutex::default(),
            counted: Counted::default(),
        }
    }

    /// From now on checks for this name go to the VM.
    pub(super) fn name(&self, name: &str, vm: VmId) -> Result<(), Taken> {
        lock(&self.flows).name(name, vm)
    }

    pub(super) fn forget_name(&self, name: &str) {
        lock(&self.flows).forget_name(name);
    }

    /// Where the VM's packets go from now on.
    pub(super) fn attach(&self, vm: VmId, line: mpsc::Sender<Datagram>) {
        lock(&self.lines).insert(vm, line);
    }

    /// The VM takes no packets any more.
    pub(super) fn detach(&self, vm: VmId) {
        lock(&self.lines).remove(&vm);
        lock(&self.flows).forget_vm(vm);
    }

    pub(super) fn connect(&self, viewer: SocketAddr, to: mpsc::Sender<Bytes>) {
        lock(&self.connections).insert(viewer, to);
    }

    pub(super) fn disconnect(&self, viewer: SocketAddr) {
        lock(&self.connections).remove(&viewer);
    }

    pub(super) fn flow_count(&self) -> usize {
        lock(&self.flows).count(Instant::now())
    }

    /// Hands a packet on; `false` when it is nobody's.
    pub(super) fn take_from_viewer(&self, from: Remote, packet: &[u8]) -> bool {
        if packet.is_empty() || packet.len() > MAX_PAYLOAD_BYTES {
            return false;
        }
        let vm = match lock(&self.flows).arrived(from, packet, Instant::now()) {
            Arrival::For(vm) => vm,
            Arrival::TooMuch => {
                self.counted.too_much.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Arrival::Nobodys => {
                self.counted.unknown.fetch_add(1, Ordering::Relaxed);
                return false;
            }
        };
        self.counted.from_viewers.fetch_add(1, Ordering::Relaxed);
        if let Some(line) = lock(&self.lines).get(&vm) {
            let _ = line.try_send(Datagram { remote: from, payload: Bytes::copy_from_slice(packet) });
        }
        true
    }

    /// Sends a guest's packet, when it may be sent.
    pub(super) fn take_from_guest(&self, vm: VmId, datagram: Datagram) {
        let Datagram { remote, payload } = datagram;
        if !lock(&self.flows).may_reach(vm, remote, Instant::now()) {
            self.counted.forbidden.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counted.to_viewers.fetch_add(1, Ordering::Relaxed);
        match (remote.transport, &self.udp) {
            (Transport::Udp, Some(udp)) => {
                let _ = udp.try_send_to(&payload, in_family_of(udp, remote.address));
            }
            (Transport::Udp, None) => {}
            (Transport::Tcp, _) => {
                if let Some(connection) = lock(&self.connections).get(&remote.address) {
                    let _ = connection.try_send(payload);
                }
            }
        }
    }
}

/// A socket of IPv6 sends to IPv4 by mapped addresses (RFC 4291 section 2.5.5.2).
fn in_family_of(socket: &UdpSocket, to: SocketAddr) -> SocketAddr {
    match to.ip() {
        IpAddr::V4(ip) if socket.local_addr().is_ok_and(|own| own.is_ipv6()) => {
            SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
        }
        _ => to,
    }
}

/// Takes packets for as long as the daemon lives.
pub(super) async fn listen(relay: Arc<Relay>) {
    let Some(udp) = &relay.udp else { return std::future::pending().await };
    // One byte more than anything may have, so that what was cut off is seen.
    let mut buffer = [0; MAX_PAYLOAD_BYTES + 1];
    loop {
        match udp.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                relay.take_from_viewer(Remote::new(Transport::Udp, from), &buffer[..length]);
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

pub(super) async fn pause_after(error: &io::Error) {
    tracing::debug!("a socket for pictures: {error}");
    tokio::time::sleep(PAUSE).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds a lock here can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
