//! What a program has said at once, as the frame that tells it: an emulated processor copies slowly, and so it is sent as it lies.

use anteroom_protocol::exec::{Frame, FrameError, HEADER_BYTES};
use bytes::{BufMut as _, Bytes, BytesMut};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Stdout,
    Stderr,
}

/// At least one byte, and at most as many as a frame may carry.
#[derive(Debug, Clone)]
pub(super) struct Said {
    source: Source,
    frame: Bytes,
}

impl Said {
    /// Of a buffer that begins with [`Said::room`].
    pub(super) fn behind_room(source: Source, mut buffer: BytesMut) -> Result<Self, FrameError> {
        let length = buffer.len() - HEADER_BYTES;
        let header = match source {
            Source::Stdout => Frame::stdout_header(length)?,
            Source::Stderr => Frame::stderr_header(length)?,
        };
        buffer[..HEADER_BYTES].copy_from_slice(&header);
        Ok(Self { source, frame: buffer.freeze() })
    }

    pub(super) fn copied(source: Source, bytes: &[u8]) -> Result<Self, FrameError> {
        let mut buffer = BytesMut::with_capacity(HEADER_BYTES + bytes.len());
        Self::room(&mut buffer);
        buffer.put_slice(bytes);
        Self::behind_room(source, buffer)
    }

    /// Leaves room for what is not known before the bytes are there.
    pub(super) fn room(buffer: &mut BytesMut) {
        buffer.put_bytes(0, HEADER_BYTES);
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.frame.slice(HEADER_BYTES..)
    }

    pub(super) fn length(&self) -> usize {
        self.frame.len() - HEADER_BYTES
    }

    pub(super) fn frame(&self) -> Bytes {
        self.frame.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_a_frame_already() {
        for (source, expected) in [(Source::Stdout, 0x82), (Source::Stderr, 0x83)] {
            let said = Said::copied(source, b"abc").unwrap();
            let mut stream = BytesMut::from(&said.frame()[..]);
            assert_eq!(stream[0], expected);
            match Frame::read(&mut stream).unwrap() {
                Some(Frame::Stdout(bytes) | Frame::Stderr(bytes)) => assert_eq!(bytes, "abc"),
                other => panic!("{other:?}"),
            }
            assert_eq!((said.bytes(), said.length()), (Bytes::from_static(b"abc"), 3));
        }
        assert!(Said::copied(Source::Stdout, b"").is_err());
    }
}
