use proptest::prelude::*;

use super::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn request(attributes: &[Vec<u8>]) -> Vec<u8> {
    let attributes = attributes.concat();
    let mut packet = vec![0, 1];
    packet.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    packet.extend(MAGIC_COOKIE.to_be_bytes());
    packet.extend([7; 12]);
    packet.extend(attributes);
    packet
}

/// RFC 5769 section 2.1, the sample request of an ICE agent.
const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

#[test]
fn the_sample_of_the_standard_is_for_evtj() {
    assert_eq!(called(SAMPLE), Some("evtj"));
}

#[test]
fn anything_but_a_whole_check_is_none() {
    let check = request(&[attribute(USERNAME, b"abcd:efgh")]);
    assert_eq!(called(&check), Some("abcd"));
    assert_eq!(called(&check[..check.len() - 4]), None, "cut off");
    assert_eq!(called(&[&check[..], &[0; 4]].concat()), None, "longer than it says");
    for (at, byte) in [(0, 0x80), (1, 0x11), (4, 0)] {
        let mut other = check.clone();
        other[at] = byte;
        assert_eq!(called(&other), None, "byte {at}");
    }
    assert_eq!(called(&request(&[])), None);
    for username in ["abcd", "abc:efgh", "abcd:", "ab d:efgh", "abcd:e\u{e9}fgh", ":"] {
        assert_eq!(called(&request(&[attribute(USERNAME, username.as_bytes())])), None, "{username}");
    }
    let long = format!("{}:{}", "a".repeat(254), "b".repeat(255));
    assert_eq!(called(&request(&[attribute(USERNAME, long.as_bytes())])), None);
}

#[test]
fn an_attribute_that_says_it_is_longer_than_the_packet_ends_the_reading() {
    let mut packet = request(&[attribute(0x0024, &[0; 4]), attribute(USERNAME, b"abcd:efgh")]);
    packet[22..24].copy_from_slice(&u16::MAX.to_be_bytes());
    assert_eq!(called(&packet), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = called(&bytes);
        let _ = called(&request(&[attribute(USERNAME, &bytes[..bytes.len().min(500)])]));
    }

    #[test]
    fn a_check_is_read_wherever_its_name_stands(
        before in proptest::collection::vec((7..0x8000_u16, proptest::collection::vec(any::<u8>(), 0..40)), 0..5),
        called_name in "[a-zA-Z0-9+/]{4,40}",
    ) {
        let mut attributes: Vec<Vec<u8>> = before.iter().map(|(kind, value)| attribute(*kind, value)).collect();
        attributes.push(attribute(USERNAME, format!("{called_name}:abcd").as_bytes()));
        let packet = request(&attributes);
        prop_assert_eq!(called(&packet), Some(called_name.as_str()));
    }
}
