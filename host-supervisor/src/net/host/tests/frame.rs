//! Ethernet frames, as a guest's kernel would make them, and as it would read them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use anteroom_protocol::MacAddress;

pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const BROADCAST: MacAddress = MacAddress::new([0xff; 6]);
pub(super) const NOBODY: MacAddress = MacAddress::new([0; 6]);
/// The nearest bridge (IEEE 802.1AB): no bridge passes such a frame on.
pub(super) const NEAREST_BRIDGE: MacAddress = MacAddress::new([0x01, 0x80, 0xc2, 0, 0, 0x0e]);

pub(super) const REQUEST: u16 = 1;
pub(super) const REPLY: u16 = 2;

pub(super) fn ethernet(to: MacAddress, from: MacAddress, protocol: u16, payload: &[u8]) -> Vec<u8> {
    [&to.octets()[..], &from.octets(), &protocol.to_be_bytes(), payload].concat()
}

/// The same in a VLAN (IEEE 802.1Q).
pub(super) fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &0x8100_u16.to_be_bytes(), &vlan.to_be_bytes(), &frame[12..]].concat()
}

/// RFC 826.
pub(super) fn arp(operation: u16, sender: (MacAddress, Ipv4Addr), target: (MacAddress, Ipv4Addr)) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4];
    packet.extend(operation.to_be_bytes());
    for (mac, address) in [sender, target] {
        packet.extend(mac.octets());
        packet.extend(address.octets());
    }
    packet
}

/// RFC 791 and 768; the checksum of UDP may be left out.
pub(super) fn udp4(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let udp = udp(from.port(), to.port(), payload);
    let length = u16::try_from(20 + udp.len()).unwrap().to_be_bytes();
    let mut header = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, 17, 0, 0];
    header.extend(from.ip().octets());
    header.extend(to.ip().octets());
    let sum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    [header, udp].concat()
}

/// RFC 8200; here UDP must have its checksum.
pub(super) fn udp6(from: SocketAddrV6, to: SocketAddrV6, payload: &[u8]) -> Vec<u8> {
    let mut udp = udp(from.port(), to.port(), payload);
    let sum = checksum6(*from.ip(), *to.ip(), 17, &udp).to_be_bytes();
    udp[6..8].copy_from_slice(&sum);
    ipv6(*from.ip(), *to.ip(), 17, 64, &udp)
}

/// A neighbour solicitation (RFC 4861, section 4.3): who has `target`?
pub(super) fn solicitation(mac: MacAddress, from: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    message.extend([1, 1]);
    message.extend(mac.octets());
    icmp6(from, target, message)
}

/// A router advertisement (RFC 4861, section 4.2): "I am your router".
pub(super) fn router_advertisement(from: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    icmp6(from, to, vec![134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn icmp6(from: Ipv6Addr, to: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let sum = checksum6(from, to, 58, &message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    ipv6(from, to, 58, 255, &message)
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], protocol, hops];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// RFC 1071.
fn checksum(octets: &[u8]) -> u16 {
    let words =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

fn checksum6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: &[u8]) -> u16 {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    checksum(&[&from.octets()[..], &to.octets(), &length, &[0, 0, 0, protocol], payload].concat())
}

/// A frame with UDP in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Datagram {
    pub(super) to_mac: MacAddress,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) text: String,
}

pub(super) fn protocol(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[12], frame[13]])
}

pub(super) fn datagram(frame: &[u8]) -> Option<Datagram> {
    let packet = &frame[14..];
    let (from, to, udp): (IpAddr, IpAddr, &[u8]) = match protocol(frame) {
        IPV4 if packet[9] == 17 => {
            let address =
                |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
            let header = usize::from(packet[0] & 15) * 4;
            (address(12).into(), address(16).into(), &packet[header..])
        }
        IPV6 if packet[6] == 17 => {
            let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
            (address(8).into(), address(24).into(), &packet[40..])
        }
        _ => return None,
    };
    let number = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    Some(Datagram {
        to_mac: MacAddress::new(frame[..6].try_into().unwrap()),
        from: SocketAddr::new(from, number(0)),
        to: SocketAddr::new(to, number(2)),
        text: String::from_utf8_lossy(&udp[8..usize::from(number(4))]).into_owned(),
    })
}

/// Who answers an ARP request, and for which address.
pub(super) fn arp_reply(frame: &[u8]) -> Option<(MacAddress, Ipv4Addr)> {
    let is_reply = protocol(frame) == ARP && frame[20..22] == REPLY.to_be_bytes();
    is_reply.then(|| {
        let mac = MacAddress::new(frame[22..28].try_into().unwrap());
        (mac, Ipv4Addr::new(frame[28], frame[29], frame[30], frame[31]))
    })
}

/// Whether this is a neighbour advertisement for that address.
pub(super) fn advertises(frame: &[u8], address: Ipv6Addr) -> bool {
    protocol(frame) == IPV6 && frame[20] == 58 && frame[54] == 136 && frame[62..78] == address.octets()
}
