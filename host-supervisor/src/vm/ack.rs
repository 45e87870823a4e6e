//! Which events the session is done with: only those may be forgotten by the agent.
//!
//! Acknowledging is cumulative, so what is done out of order waits for what came before it.

use std::task::{Context, Poll};

use futures_util::{Stream, stream::FuturesOrdered};
use tokio::sync::oneshot;

/// Comes with an event. The event is over when [`AckGuard::done`] is called; a guard that is merely dropped (its
/// holder gave up, or panicked) leaves the event and everything behind it with the agent.
#[derive(Debug)]
#[must_use = "an event that is not done is never acknowledged"]
pub struct AckGuard {
    number: u64,
    done: oneshot::Sender<u64>,
}

impl AckGuard {
    /// What the event asked for is safe: stored, or of no importance.
    pub fn done(self) {
        // Nobody listens any more when the VM is being torn down.
        let _ = self.done.send(self.number);
    }
}

/// The events that were handed out, in their order.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    waiting: FuturesOrdered<oneshot::Receiver<u64>>,
    /// A guard was dropped: nothing behind it can be acknowledged any more.
    broken: bool,
}

impl Outstanding {
    pub(super) fn hand_out(&mut self, number: u64) -> AckGuard {
        let (done, finished) = oneshot::channel();
        self.waiting.push_back(finished);
        AckGuard { number, done }
    }

    /// The highest number up to which everything is done, each time it grows.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub(super) async fn next(&mut self) -> u64 {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<u64> {
        let mut through = None;
        while !self.broken {
            match std::pin::Pin::new(&mut self.waiting).poll_next(context) {
                Poll::Ready(Some(Ok(number))) => through = Some(number),
                Poll::Ready(Some(Err(_))) => self.broken = true,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        through.map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn next(outstanding: &mut Outstanding) -> Option<u64> {
        outstanding.next().now_or_never()
    }

    #[test]
    fn only_what_is_done_without_a_gap_is_acknowledged() {
        let mut outstanding = Outstanding::default();
        let [one, two, three] = [1, 2, 3].map(|number| outstanding.hand_out(number));
        assert_eq!(next(&mut outstanding), None);
        two.done();
        assert_eq!(next(&mut outstanding), None);
        one.done();
        assert_eq!(next(&mut outstanding), Some(2));
        three.done();
        assert_eq!(next(&mut outstanding), Some(3));
        assert_eq!(next(&mut outstanding), None);
    }

    #[test]
    fn a_dropped_guard_keeps_its_event_and_all_later_ones_with_the_agent() {
        let mut outstanding = Outstanding::default();
        let [one, two, three] = [1, 2, 3].map(|number| outstanding.hand_out(number));
        one.done();
        drop(two);
        three.done();
        assert_eq!(next(&mut outstanding), Some(1));
        assert_eq!(next(&mut outstanding), None);
    }
}
