//! A viewer's packet: for whom it is, is read of a whole connectivity check only.

use anteroom_protocol::stream::stun::{called, is_ufrag};

pub(crate) fn check(packet: &[u8]) {
    let Some(name) = called(packet) else { return };
    assert!(is_ufrag(name), "{name:?} is no name");
    let named = [name.as_bytes(), b":"].concat();
    assert!(packet.windows(named.len()).any(|bytes| bytes == named), "{name:?} is nowhere in the packet");
    assert!(packet.len() >= 20 && packet.len().is_multiple_of(4));
    for end in 0..packet.len() {
        assert_eq!(called(&packet[..end]), None, "{end} bytes of it were taken for the whole");
    }
    assert_eq!(called(&[packet, &[0; 4]].concat()), None, "what follows it was taken for a part of it");
}
