//! The library's peer as we want it: what it can send, how, and where it believes to be.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use anteroom_protocol::stream::datagram::{Remote, Transport};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use str0m::{
    Candidate, IceCreds, Rtc, RtcConfig, RtcError,
    bwe::Bitrate,
    config::DtlsCert,
    format::Codec as Format,
    media::{Mid, Pt},
    net::{Protocol, TcpType},
    rtp::Extension,
};

use crate::stream::picture::Codec;

/// Less is no picture any more.
pub(super) const LEAST_BPS: u32 = 150_000;
/// What the network is thought to take before anything is known of it, in bit/s.
pub(super) const FIRST_BPS: u64 = 2_000_000;
/// Largest message of the data channel: a pasted text is the most.
const MAX_MESSAGE_BYTES: u32 = 1024 * 1024;
/// Packets that can be sent again: half a second of the highest rate.
const KEPT_PACKETS: usize = 2000;

/// An id that none of the library's own extensions has (RFC 8285: 1 to 14).
const PLAYOUT_DELAY_ID: u8 = 5;

/// Where the peer believes to be reached: addresses for documentation (RFC 5737, RFC 3849), one for each kind of path.
const HERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const UDP_PORT: u16 = 9;
const TCP_PORT: u16 = 10;

/// A name as the library draws them, and a password with 128 bits of chance in it (RFC 8445, section 5.3) from the kernel: the
/// library's own comes from a generator with a state of 64.
pub(super) fn credentials() -> Result<IceCreds, getrandom::Error> {
    let mut chance = [0; 16];
    getrandom::fill(&mut chance)?;
    Ok(IceCreds { pass: BASE64_STANDARD_NO_PAD.encode(chance), ..IceCreds::new() })
}

/// A peer that has not heard of any viewer yet, and the name by which it is called.
pub(super) fn peer(
    certificate: &DtlsCert,
    credentials: IceCreds,
    now: Instant,
) -> Result<(Rtc, String), RtcError> {
    let name = credentials.ufrag.clone();
    let mut config = RtcConfig::new()
        .set_dtls_cert(certificate.clone())
        .set_local_ice_credentials(credentials)
        .set_ice_lite(true)
        .clear_codecs()
        .enable_vp8(true)
        .set_extension(PLAYOUT_DELAY_ID, Extension::PlayoutDelay)
        .enable_bwe(Some(Bitrate::bps(FIRST_BPS)))
        .set_send_buffer_video(KEPT_PACKETS)
        .set_sctp_max_message_size(MAX_MESSAGE_BYTES)
        .set_sctp_max_buffered_amount(2 * MAX_MESSAGE_BYTES as usize);
    // Constrained baseline is what every browser decodes, and what we encode; some offer it under the name of baseline.
    config.codec_config().add_h264(108.into(), Some(109.into()), true, 0x0042_e01f);
    config.codec_config().add_h264(127.into(), Some(121.into()), true, 0x0042_001f);
    let mut rtc = config.build(now);
    for transport in [Transport::Udp, Transport::Tcp] {
        for ip in [HERE_V4, HERE_V6] {
            let here = here(transport, ip);
            let candidate = match transport {
                Transport::Udp => Candidate::host(here, Protocol::Udp),
                Transport::Tcp => Candidate::builder().tcp().host(here).tcptype(TcpType::Passive).build(),
            };
            rtc.add_local_candidate(candidate?);
        }
    }
    Ok((rtc, name))
}

/// Which of the made-up addresses a viewer's packet has reached.
pub(super) fn reached_at(remote: Remote) -> SocketAddr {
    here(remote.transport, if remote.address.is_ipv4() { HERE_V4 } else { HERE_V6 })
}

fn here(transport: Transport, ip: IpAddr) -> SocketAddr {
    SocketAddr::new(
        ip,
        match transport {
            Transport::Udp => UDP_PORT,
            Transport::Tcp => TCP_PORT,
        },
    )
}

pub(super) fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp => Protocol::Tcp,
    }
}

pub(super) fn transport(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Transport::Tcp,
    }
}

/// What the viewer likes best of what there is: the order is the offer's.
pub(super) fn choose(rtc: &Rtc, mid: Mid) -> Option<(Codec, Pt)> {
    let media = rtc.media(mid).filter(|media| media.direction().is_sending())?;
    media.remote_pts().iter().find_map(|pt| {
        let format = rtc.codec_config().params().iter().find(|format| format.pt() == *pt)?;
        match format.spec().codec {
            Format::H264 => Some((Codec::H264, *pt)),
            Format::Vp8 => Some((Codec::Vp8, *pt)),
            _ => None,
        }
    })
}

/// What the encoder is told of an estimate: a tenth is left for packets that are sent again, for headers and for input.
pub(super) fn encoder_bps(estimate_bps: u64, most_bps: u32) -> u32 {
    let most = most_bps.max(LEAST_BPS);
    u32::try_from(estimate_bps / 10 * 9).unwrap_or(u32::MAX).clamp(LEAST_BPS, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_stays_between_a_picture_and_what_the_operator_allows() {
        assert_eq!(encoder_bps(0, 8_000_000), LEAST_BPS);
        assert_eq!(encoder_bps(1_000_000, 8_000_000), 900_000);
        assert_eq!(encoder_bps(u64::MAX, 8_000_000), 8_000_000);
        assert_eq!(encoder_bps(1_000_000, 1), LEAST_BPS);
    }

    #[test]
    fn a_password_has_the_characters_of_ice_and_is_never_the_same_although_the_librarys_generator_is() {
        let drawn = || {
            fastrand::seed(1);
            credentials().unwrap()
        };
        let (one, other) = (drawn(), drawn());
        assert_eq!(one.ufrag, other.ufrag, "the library's generator was seeded");
        assert_ne!(one.pass, other.pass);
        // ice-char of RFC 8839, section 5.4: at least 22 of six bits.
        let fits = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
        assert!(one.pass.len() == 22 && one.pass.chars().all(fits), "{}", one.pass);
    }
}
