//! A guest's stream of datagrams: however its bytes arrive, the same datagrams come out of it, and each is written as it came.

use anteroom_protocol::stream::datagram::{Datagram, DatagramError, HEADER_BYTES, MAX_PAYLOAD_BYTES};
use bytes::{Bytes, BytesMut};

pub(crate) fn check(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let (whole, left) = read(stream, stream.len().max(1));
    let (in_parts, left_in_parts) = read(stream, usize::from(*first).max(1));
    assert_eq!(whole, in_parts);
    assert_eq!(left, left_in_parts);

    let mut written = BytesMut::new();
    for datagram in &whole {
        assert!((1..=MAX_PAYLOAD_BYTES).contains(&datagram.payload.len()));
        datagram.write(&mut written).expect("it was read");
    }
    assert!(stream.starts_with(&written), "it is written otherwise than it came");
    if let Ok(left) = left {
        assert_eq!(written.len() + left.len(), stream.len());
        assert!(left.len() < HEADER_BYTES + MAX_PAYLOAD_BYTES, "{} bytes would wait for ever", left.len());
    }
}

/// Everything that can be read when so many bytes come at once, and what is left, or is wrong.
fn read(stream: &[u8], at_once: usize) -> (Vec<Datagram>, Result<Bytes, DatagramError>) {
    let (mut buffer, mut datagrams) = (BytesMut::new(), Vec::new());
    for part in stream.chunks(at_once) {
        buffer.extend_from_slice(part);
        loop {
            match Datagram::read(&mut buffer) {
                Ok(Some(datagram)) => datagrams.push(datagram),
                Ok(None) => break,
                Err(error) => return (datagrams, Err(error)),
            }
        }
    }
    (datagrams, Ok(buffer.freeze()))
}
