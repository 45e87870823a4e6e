//! A guest, as far as the host can see one: somebody who has the TAP device open and sends what he likes.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6},
    time::{Duration, Instant},
};

use anteroom_protocol::MacAddress;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::frame::{self, Datagram};
use crate::net::{TapNetwork, host::tap_device};

/// For what happens at once or not at all.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Guest {
    device: File,
    pub(super) network: TapNetwork,
    pub(super) gateway: MacAddress,
}

impl Guest {
    /// Opens the device as a VMM does, and asks for the gateway's Ethernet address until the port carries frames.
    pub(super) fn boot(network: &TapNetwork) -> Self {
        let gateway = frame::NOBODY;
        let mut guest = Self { device: open(&network.device), network: network.clone(), gateway };
        guest.gateway = guest.resolve();
        guest.heard();
        guest
    }

    /// The host's answer to an honest ARP request.
    pub(super) fn resolve(&self) -> MacAddress {
        let request = self.arp_request(self.network.mac, self.network.address.into());
        self.wait(|| self.try_send(&request), |heard| frame::arp_reply(heard).map(|(mac, _)| mac))
    }

    pub(super) fn arp_request(&self, mac: MacAddress, sender: IpAddr) -> Vec<u8> {
        let IpAddr::V4(sender) = sender else { panic!("ARP is for IPv4") };
        let packet = frame::arp(frame::REQUEST, (mac, sender), (frame::NOBODY, self.network.gateway));
        frame::ethernet(frame::BROADCAST, self.network.mac, frame::ARP, &packet)
    }

    pub(super) fn send(&self, frame: &[u8]) {
        assert!(self.try_send(frame), "the device takes no frame");
    }

    /// Writes fail while the port is not up yet.
    fn try_send(&self, frame: &[u8]) -> bool {
        (&self.device).write(frame).is_ok_and(|count| count == frame.len())
    }

    /// Sends a datagram to where the default route leads.
    pub(super) fn say(&self, text: &str, to: &str) {
        self.send(&self.datagram(text, to));
    }

    /// A frame of this guest's to the gateway with a datagram in it.
    pub(super) fn datagram(&self, text: &str, to: &str) -> Vec<u8> {
        self.datagram_from(40_000, text, to)
    }

    pub(super) fn datagram_from(&self, port: u16, text: &str, to: &str) -> Vec<u8> {
        match to.parse().unwrap() {
            SocketAddr::V4(to) => self.datagram4(SocketAddrV4::new(self.network.address, port), to, text),
            SocketAddr::V6(to) => {
                let from = SocketAddrV6::new(self.network.ipv6.unwrap().address, port, 0, 0);
                let packet = frame::udp6(from, to, text.as_bytes());
                frame::ethernet(self.gateway, self.network.mac, frame::IPV6, &packet)
            }
        }
    }

    pub(super) fn datagram4(&self, from: SocketAddrV4, to: SocketAddrV4, text: &str) -> Vec<u8> {
        let packet = frame::udp4(from, to, text.as_bytes());
        frame::ethernet(self.gateway, self.network.mac, frame::IPV4, &packet)
    }

    /// Everything that has arrived by now.
    pub(super) fn heard(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match (&self.device).read(&mut buffer) {
                Ok(count) => frames.push(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return frames,
                Err(error) => panic!("{}: {error}", self.network.device),
            }
        }
    }

    /// The same, but at least one frame. What one frame of ours brings about has arrived together with what those before
    /// it have.
    pub(super) fn heard_some(&self) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frames = self.heard();
            if !frames.is_empty() {
                return frames;
            }
            assert!(Instant::now() < deadline, "{} hears nothing", self.network.device);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Every frame up to, and without, the datagram with this text; then that one.
    pub(super) fn heard_until(&self, text: &str) -> (Vec<Vec<u8>>, Datagram) {
        let mut before = Vec::new();
        let last = self.wait(
            || true,
            |heard| {
                let found = frame::datagram(heard).filter(|datagram| datagram.text == text);
                if found.is_none() {
                    before.push(heard.to_vec());
                }
                found
            },
        );
        (before, last)
    }

    /// Sends until something is heard that is wanted.
    pub(super) fn wait<T>(
        &self,
        mut send: impl FnMut() -> bool,
        mut wanted: impl FnMut(&[u8]) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            send();
            std::thread::sleep(Duration::from_millis(2));
            if let Some(found) = self.heard().iter().find_map(|frame| wanted(frame)) {
                return found;
            }
            assert!(Instant::now() < deadline, "{} hears nothing of the kind", self.network.device);
        }
    }
}

/// A device whose frames are read when they are asked for. It is busy while a process that is just being started by
/// another test has not yet closed its copy of the file that made it.
pub(super) fn open(name: &str) -> File {
    let deadline = Instant::now() + PATIENCE;
    let device = loop {
        match tap_device::open_existing(name) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            other => break other.unwrap(),
        }
    };
    fcntl(&device, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    device
}
