//! What a program reads: sent as far as the guest allows, and no further.

use anteroom_protocol::exec::{Frame, FrameError, INPUT_WINDOW, MAX_DATA_BYTES};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// What goes with the call, before the guest has taken it: no more than sockets hold.
const WITH_CALL: u64 = 32 * 1024;

#[derive(Debug)]
pub(super) struct Input {
    from: mpsc::Receiver<Bytes>,
    /// Read of `from`, and not sent yet.
    waits: Bytes,
    ended: Ended,
    sent: u64,
    allowed: u64,
}

/// Whether there will be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    No,
    /// The guest has not been told.
    Yes,
    Told,
}

impl Input {
    pub(super) fn new(from: mpsc::Receiver<Bytes>) -> Self {
        Self { from, waits: Bytes::new(), ended: Ended::No, sent: 0, allowed: WITH_CALL }
    }

    /// What is to be sent next, `None` at the end; never while something waits for the guest's permission.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if self.ended != Ended::No || !self.waits.is_empty() {
            return std::future::pending().await;
        }
        self.from.recv().await
    }

    /// Takes what [`Input::next`] has given.
    pub(super) fn take(&mut self, piece: Option<Bytes>, batch: &mut BytesMut) -> Result<(), FrameError> {
        match piece {
            Some(piece) => self.waits = piece,
            None => self.ended = Ended::Yes,
        }
        self.go_on(batch)
    }

    /// What there is already.
    pub(super) fn send_what_waits(&mut self, batch: &mut BytesMut) -> Result<(), FrameError> {
        while self.ended == Ended::No && self.waits.is_empty() {
            match self.from.try_recv() {
                Ok(piece) => self.take(Some(piece), batch)?,
                Err(mpsc::error::TryRecvError::Disconnected) => self.take(None, batch)?,
                Err(mpsc::error::TryRecvError::Empty) => break,
            }
        }
        Ok(())
    }

    /// The guest has taken the call.
    pub(super) fn begun(&mut self, batch: &mut BytesMut) -> Result<(), FrameError> {
        self.allow(INPUT_WINDOW, batch)
    }

    /// So many bytes may be sent in all.
    pub(super) fn allow(&mut self, allowed: u64, batch: &mut BytesMut) -> Result<(), FrameError> {
        self.allowed = self.allowed.max(allowed);
        self.go_on(batch)
    }

    fn go_on(&mut self, batch: &mut BytesMut) -> Result<(), FrameError> {
        while !self.waits.is_empty() && self.sent < self.allowed {
            let room = usize::try_from(self.allowed - self.sent).unwrap_or(usize::MAX);
            let piece = self.waits.split_to(self.waits.len().min(room).min(MAX_DATA_BYTES));
            self.sent += piece.len() as u64;
            Frame::Input(piece).write(batch)?;
        }
        if self.waits.is_empty() && self.ended == Ended::Yes {
            self.ended = Ended::Told;
            Frame::InputEnd.write(batch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(batch: &mut BytesMut) -> Vec<Frame> {
        std::iter::from_fn(|| Frame::read(batch).unwrap()).collect()
    }

    fn bytes_in(frames: &[Frame]) -> u64 {
        frames.iter().map(|frame| if let Frame::Input(bytes) = frame { bytes.len() as u64 } else { 0 }).sum()
    }

    #[tokio::test]
    async fn no_more_is_sent_than_is_allowed_and_the_end_comes_last() {
        let (send, from) = mpsc::channel(2);
        let (mut input, mut batch) = (Input::new(from), BytesMut::new());
        let much = usize::try_from(INPUT_WINDOW).unwrap() + 10;
        send.send(vec![1; much].into()).await.unwrap();
        drop(send);
        input.send_what_waits(&mut batch).unwrap();
        let mut first = frames(&mut batch);
        assert_eq!(bytes_in(&first), WITH_CALL);
        input.begun(&mut batch).unwrap();
        first.append(&mut frames(&mut batch));
        assert_eq!(bytes_in(&first), INPUT_WINDOW);
        assert!(!first.iter().any(|frame| matches!(frame, Frame::InputEnd)));
        input.allow(INPUT_WINDOW + 100, &mut batch).unwrap();
        assert_eq!(bytes_in(&frames(&mut batch)), 10);
        let piece = input.next().await;
        input.take(piece, &mut batch).unwrap();
        assert!(matches!(frames(&mut batch)[..], [Frame::InputEnd]));
    }
}
