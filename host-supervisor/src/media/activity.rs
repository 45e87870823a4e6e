//! Whether viewers do something. Their input is sealed between them and the guest, so the guest is asked, which counts it.
//!
//! A guest that lies keeps its own session from being idle, and not beyond `session.sign_in_limit`, which nothing puts off.

use std::{collections::BTreeMap, time::Duration};

use anteroom_protocol::stream::{MAX_PEERS, StreamStats};

use crate::session::SessionHandle;

/// Bounds on how often the guest is asked.
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(30);

/// How often it is looked, for a session that ends after so long without anybody.
pub(super) fn every(idle_limit: Duration) -> Duration {
    (idle_limit / 4).clamp(OFTEN, SELDOM)
}

/// Tells the session of every look that finds new input, and `seen` of all who are there, for ever. Nobody is asked while `anybody` says
/// that nobody looks.
pub(super) async fn follow(
    session: &SessionHandle,
    every: Duration,
    anybody: impl Fn() -> bool,
    seen: impl Fn(&StreamStats),
) {
    let mut known = Known::default();
    loop {
        tokio::time::sleep(every).await;
        if !anybody() {
            continue;
        }
        let Some(agent) = session.vm().agent() else { continue };
        // One that does not answer now may do so at the next look.
        let Ok(stats) = agent.stream_stats().await else { continue };
        seen(&stats);
        if known.has_grown(&stats) {
            session.touch();
        }
    }
}

/// How much each viewer had done at the last look.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, u64>);

impl Known {
    fn has_grown(&mut self, stats: &StreamStats) -> bool {
        let peers = stats.peers.iter().take(MAX_PEERS);
        let now: BTreeMap<String, u64> = peers.map(|peer| (peer.id.clone(), peer.inputs)).collect();
        let grown = now.iter().any(|(id, inputs)| *inputs > self.0.get(id).copied().unwrap_or_default());
        self.0 = now;
        grown
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::stream::{PeerRole, PeerStats};

    use super::*;

    fn stats(peers: &[(&str, u64)]) -> StreamStats {
        let peer = |(id, inputs): &(&str, u64)| PeerStats {
            id: (*id).to_owned(),
            connected: true,
            codec: None,
            role: PeerRole::Controller,
            pictures: 0,
            left_out: 0,
            sent_bytes: 0,
            keyframe_requests: 0,
            estimate_bps: 0,
            inputs: *inputs,
        };
        StreamStats { peers: peers.iter().map(peer).collect() }
    }

    #[test]
    fn only_input_that_was_not_there_before_is_news() {
        let mut known = Known::default();
        assert!(!known.has_grown(&stats(&[("a", 0)])), "who only looks does nothing");
        assert!(known.has_grown(&stats(&[("a", 3), ("b", 0)])));
        assert!(!known.has_grown(&stats(&[("a", 3), ("b", 0)])));
        assert!(known.has_grown(&stats(&[("a", 3), ("b", 1)])));
        assert!(!known.has_grown(&stats(&[("a", 2)])), "another process counts anew");
        assert!(known.has_grown(&stats(&[("a", 3)])));
    }

    #[test]
    fn it_is_looked_several_times_within_the_limit_and_not_all_the_time() {
        assert_eq!(every(Duration::from_secs(1800)), SELDOM);
        assert_eq!(every(Duration::from_secs(1)), Duration::from_millis(250));
        assert_eq!(every(Duration::from_millis(1)), OFTEN);
    }
}
