//! The stream of a program in a guest, in either direction: however its bytes arrive, the same frames come out of it, and
//! each can be written and read again.

use anteroom_protocol::exec::{Frame, FrameError, MAX_DATA_BYTES};
use bytes::{Bytes, BytesMut};

pub(crate) fn check(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let (whole, left) = read(stream, stream.len().max(1));
    let (in_parts, left_in_parts) = read(stream, usize::from(*first).max(1));
    assert_eq!(whole, in_parts);
    assert_eq!(left, left_in_parts);
    let (again, left_of_it) = read(&whole, whole.len().max(1));
    assert_eq!((again, left_of_it), (whole, Ok(Bytes::new())), "what was written is not what is read");
}

/// Everything that can be read when so many bytes come at once, written again; and what is left, or is wrong.
fn read(stream: &[u8], at_once: usize) -> (BytesMut, Result<Bytes, FrameError>) {
    let (mut buffer, mut written) = (BytesMut::new(), BytesMut::new());
    for part in stream.chunks(at_once) {
        buffer.extend_from_slice(part);
        loop {
            match Frame::read(&mut buffer) {
                Ok(Some(frame)) => {
                    if let Frame::Input(bytes) | Frame::Stdout(bytes) | Frame::Stderr(bytes) = &frame {
                        assert!((1..=MAX_DATA_BYTES).contains(&bytes.len()));
                    }
                    if let Frame::Start(spec) = &frame {
                        // Whatever it is, it is told or refused, and never shown.
                        let _ = spec.check();
                    }
                    frame.write(&mut written).expect("it was read");
                }
                Ok(None) => break,
                Err(error) => return (written, Err(error)),
            }
        }
    }
    (written, Ok(buffer.freeze()))
}
