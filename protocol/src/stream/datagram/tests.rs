use proptest::prelude::*;

use super::*;

fn remote(transport: Transport, address: &str) -> Remote {
    Remote::new(transport, address.parse().unwrap())
}

fn read_all(mut stream: BytesMut) -> Result<Vec<Datagram>, DatagramError> {
    let mut datagrams = Vec::new();
    while let Some(datagram) = Datagram::read(&mut stream)? {
        datagrams.push(datagram);
    }
    Ok(datagrams)
}

fn any_datagram() -> impl Strategy<Value = Datagram> {
    let transport = prop_oneof![Just(Transport::Udp), Just(Transport::Tcp)];
    let payload = proptest::collection::vec(any::<u8>(), 1..=MAX_PAYLOAD_BYTES);
    (transport, any::<IpAddr>(), 1..=u16::MAX, payload).prop_map(|(transport, ip, port, payload)| Datagram {
        remote: Remote::new(transport, SocketAddr::new(ip, port)),
        payload: payload.into(),
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_however_the_stream_was_cut(
        datagrams in proptest::collection::vec(any_datagram(), 0..6),
        piece in 1..4000_usize,
    ) {
        let mut stream = BytesMut::new();
        for datagram in &datagrams {
            datagram.write(&mut stream).unwrap();
        }
        let (mut arrived, mut read) = (BytesMut::new(), Vec::new());
        for piece in stream.chunks(piece) {
            arrived.extend_from_slice(piece);
            while let Some(datagram) = Datagram::read(&mut arrived).unwrap() {
                read.push(datagram);
            }
        }
        prop_assert_eq!(read, datagrams);
        prop_assert!(arrived.is_empty());
    }

    #[test]
    fn no_bytes_make_it_panic_or_wait_for_more_than_a_datagram(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let mut stream = BytesMut::from(&bytes[..]);
        let end = loop {
            match Datagram::read(&mut stream) {
                Ok(Some(datagram)) => prop_assert!(datagram.payload.len() <= MAX_PAYLOAD_BYTES),
                end => break end,
            }
        };
        if end.is_ok() {
            prop_assert!(stream.len() < HEADER_BYTES + MAX_PAYLOAD_BYTES);
        }
    }
}

#[test]
fn an_ipv4_address_is_one_again_on_the_other_side() {
    let sent = Datagram { remote: remote(Transport::Udp, "192.0.2.7:5000"), payload: "x".into() };
    let mut stream = BytesMut::new();
    sent.write(&mut stream).unwrap();
    assert_eq!(&stream[..], b"\0\x01\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07\x13\x88x");
    assert_eq!(read_all(stream).unwrap(), [sent]);
    assert_eq!(remote(Transport::Tcp, "[::ffff:192.0.2.7]:1"), remote(Transport::Tcp, "192.0.2.7:1"));
}

#[test]
fn what_breaks_the_format_ends_the_stream() {
    let address = "192.0.2.7:5000";
    let long = Datagram { remote: remote(Transport::Udp, address), payload: vec![0; 1501].into() };
    let empty = Datagram { remote: remote(Transport::Udp, address), payload: Bytes::new() };
    let nobody = Datagram { remote: remote(Transport::Udp, "192.0.2.7:0"), payload: "x".into() };
    let mut stream = BytesMut::new();
    assert_eq!(long.write(&mut stream), Err(DatagramError::Length(1501)));
    assert_eq!(empty.write(&mut stream), Err(DatagramError::Length(0)));
    assert_eq!(nobody.write(&mut stream), Err(DatagramError::Port));
    assert!(stream.is_empty());
    assert_eq!(read_all(BytesMut::from(&[0xff, 0xff][..])), Err(DatagramError::Length(65535)));
    let mut header = [0; HEADER_BYTES];
    header[1] = 1;
    assert_eq!(read_all(BytesMut::from(&header[..])), Err(DatagramError::Port));
    header[2] = 2;
    assert_eq!(read_all(BytesMut::from(&header[..])), Err(DatagramError::Transport(2)));
}
