//! The rate limit: so many requests of one client in a window. A client may send all of them at once; they come back
//! evenly over the window (GCRA).

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _, clock::DefaultClock};

use super::{ApiSettings, error::ApiError};

/// How often clients that have been quiet are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Counts the requests of every client.
#[derive(Debug)]
pub(super) struct RateLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    trusted_proxies: Vec<IpAddr>,
}

impl RateLimit {
    pub(super) fn new(settings: &ApiSettings) -> Arc<Self> {
        let burst = NonZeroU32::new(settings.rate_limit.requests).unwrap_or(NonZeroU32::MIN);
        let period = (settings.rate_limit.window / burst.get()).max(Duration::from_nanos(1));
        // `None` for a period of zero only.
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        Arc::new(Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            trusted_proxies: settings.trusted_proxies.clone(),
        })
    }

    /// Forgets clients that have been quiet, for as long as the limit is in use.
    pub(super) fn tidy(self: &Arc<Self>) {
        let limit = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(limit) = limit.upgrade() {
                limit.limiter.retain_recent();
                limit.limiter.shrink_to_fit();
                drop(limit);
                tokio::time::sleep(FORGET_EVERY).await;
            }
        });
    }

    fn check(&self, client: IpAddr) -> Result<(), ApiError> {
        self.limiter.check_key(&one_household(client)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let message = format!("too many requests; the next one is welcome in {seconds} s");
            ApiError::too_many("rate_limit", message, seconds)
        })
    }

    /// The peer's address, or the one that a trusted proxy gives for its own peer: the last that is no such proxy.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusted_proxies.contains(&peer) {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<IpAddr> =
            forwarded.flat_map(|line| line.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
        hops.into_iter().rev().find(|hop| !self.trusted_proxies.contains(hop)).unwrap_or(peer)
    }
}

/// A household has a whole /64 of IPv6 addresses to call from (RFC 6177).
fn one_household(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

pub(super) async fn limit(
    State(rate): State<Arc<RateLimit>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    rate.check(rate.client(peer.ip(), request.headers()))?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config;

    fn limit(requests: u32, trusted_proxies: &[&str]) -> Arc<RateLimit> {
        RateLimit::new(&ApiSettings {
            public_url: None,
            frame_ancestors: Vec::new(),
            trusted_proxies: trusted_proxies.iter().map(|address| address.parse().unwrap()).collect(),
            rate_limit: config::RateLimit { requests, window: Duration::from_secs(900) },
            clipboard: anteroom_protocol::desk::Directions::BOTH,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn passes(limit: &RateLimit, client: &str) -> bool {
        limit.check(ip(client)).is_ok()
    }

    #[test]
    fn a_client_may_use_the_whole_window_at_once_and_then_waits() {
        let limit = limit(1000, &[]);
        assert!((0..1000).all(|_| passes(&limit, "192.0.2.1")));
        assert!(!passes(&limit, "192.0.2.1"));
        assert!(passes(&limit, "192.0.2.2"), "others are not affected");
    }

    #[test]
    fn the_addresses_of_one_household_are_one_client() {
        let limit = limit(1, &[]);
        assert!(passes(&limit, "2001:db8::1"));
        assert!(!passes(&limit, "2001:db8::2"));
        assert!(passes(&limit, "2001:db8:0:1::1"));
        assert!(passes(&limit, "192.0.2.1") && !passes(&limit, "::ffff:192.0.2.1"));
    }

    #[test]
    fn only_a_trusted_proxy_can_say_for_whom_it_calls() {
        let limit = limit(1, &["10.0.0.1", "10.0.0.2"]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.9, 192.0.2.1, 10.0.0.2"));
        assert_eq!(limit.client(ip("10.0.0.1"), &headers), ip("192.0.2.1"));
        assert_eq!(limit.client(ip("203.0.113.5"), &headers), ip("203.0.113.5"));
        assert_eq!(limit.client(ip("10.0.0.1"), &HeaderMap::new()), ip("10.0.0.1"));
    }
}
