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
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::{StateInformationMiddleware, StateSnapshot},
    state::keyed::DefaultKeyedStateStore,
};

use super::{ApiSettings, error::ApiError};
use crate::{config, live::Live};

/// How often clients that have been quiet are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Request,
    /// The start of a session; it is a request as well.
    Start,
    /// A call for a desktop's connection: pages make them twice a second for as long as they wait.
    Signalling,
}

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

/// Counts the requests of every client.
#[derive(Debug)]
pub struct RateLimit {
    settings: Arc<Live<ApiSettings>>,
    counts: Live<Counts>,
    clock: DefaultClock,
}

/// What was counted under these limits.
#[derive(Debug)]
struct Counts {
    limits: config::RateLimit,
    requests: Limiter,
    starts: Limiter,
    signalling: Limiter,
}

impl Counts {
    fn none(limits: config::RateLimit) -> Self {
        let config::RateLimit { requests, starts, window, signalling } = limits;
        Self {
            limits,
            requests: limiter(requests, window),
            starts: limiter(starts, window),
            signalling: limiter(signalling, Duration::from_secs(60)),
        }
    }
}

impl RateLimit {
    #[must_use]
    pub fn new(settings: Arc<Live<ApiSettings>>) -> Arc<Self> {
        let counts = Live::new(Counts::none(settings.now().rate_limit));
        Arc::new(Self { settings, counts, clock: DefaultClock::default() })
    }

    /// Other limits than before count from here on; the same ones go on counting.
    pub(super) fn apply(&self) {
        let limits = self.settings.now().rate_limit;
        if self.counts.now().limits != limits {
            self.counts.set(Counts::none(limits));
        }
    }

    /// Forgets clients that have been quiet, for as long as the limit is in use.
    pub(crate) fn tidy(self: &Arc<Self>) {
        let limit = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(limit) = limit.upgrade() {
                let counts = limit.counts.now();
                for limiter in [&counts.requests, &counts.starts, &counts.signalling] {
                    limiter.retain_recent();
                    limiter.shrink_to_fit();
                }
                drop((limit, counts));
                tokio::time::sleep(FORGET_EVERY).await;
            }
        });
    }

    fn check(&self, class: Class, client: IpAddr) -> Result<Allowance, ApiError> {
        let counts = self.counts.now();
        let limiter = match class {
            Class::Request => &counts.requests,
            Class::Start => &counts.starts,
            Class::Signalling => &counts.signalling,
        };
        let checked = limiter.check_key(&one_household(client));
        checked.map(|snapshot| Allowance::of(&snapshot)).map_err(|not_until| {
            let seconds = whole_seconds(not_until.wait_time_from(self.clock.now()));
            let message = format!("too many requests; the next one is welcome in {seconds} s");
            let limit = not_until.quota().burst_size().get();
            ApiError::too_many("rate_limit", message, seconds).with("limit", limit)
        })
    }

    /// The peer's address, or the one that a trusted proxy gives for its own peer: the last that is no such proxy.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let settings = self.settings.now();
        let trusted = &settings.trusted_proxies;
        if !trusted.contains(&peer) {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<IpAddr> =
            forwarded.flat_map(|line| line.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
        hops.into_iter().rev().find(|hop| !trusted.contains(hop)).unwrap_or(peer)
    }
}

/// A household has a whole /64 of IPv6 addresses to call from (RFC 6177).
pub(crate) fn one_household(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn limiter(most: u32, window: Duration) -> Limiter {
    let burst = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
    let period = (window / burst.get()).max(Duration::from_nanos(1));
    // `None` for a period of zero only.
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
    RateLimiter::keyed(quota).with_middleware()
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// What a client may still do, for the headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    limit: u32,
    remaining: u32,
    /// Until all of it is there again.
    reset_s: u64,
}

impl Allowance {
    fn of(snapshot: &StateSnapshot) -> Self {
        let (quota, remaining) = (snapshot.quota(), snapshot.remaining_burst_capacity());
        let limit = quota.burst_size().get();
        let reset = quota.replenish_interval() * limit.saturating_sub(remaining);
        Self { limit, remaining, reset_s: whole_seconds(reset) }
    }

    /// draft-ietf-httpapi-ratelimit-headers-06; what a stricter limit has said stays.
    fn put(self, headers: &mut HeaderMap) {
        let said = [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", self.reset_s),
        ];
        if !headers.contains_key(said[0].0) {
            headers
                .extend(said.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from(value))));
        }
    }
}

/// What some routes count.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) rate: Arc<RateLimit>,
    pub(super) class: Class,
}

/// Who calls, as far as whoever stands in between is believed; for the audit log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client(pub(super) IpAddr);

pub(super) async fn limit(
    State(Counted { rate, class }): State<Counted>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let client = rate.client(peer.ip(), request.headers());
    let allowance = rate.check(class, client)?;
    request.extensions_mut().insert(Client(client));
    let mut response = next.run(request).await;
    allowance.put(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: u32, trusted_proxies: &[&str]) -> Arc<RateLimit> {
        RateLimit::new(Arc::new(Live::new(ApiSettings {
            public_url: None,
            frame_ancestors: Vec::new(),
            cors_origins: Vec::new(),
            trusted_proxies: trusted_proxies.iter().map(|address| address.parse().unwrap()).collect(),
            rate_limit: config::RateLimit {
                requests,
                starts: 1,
                window: Duration::from_secs(900),
                signalling: 10_000,
            },
            clipboard: anteroom_protocol::desk::Directions::BOTH,
            shown: Vec::new(),
        })))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn passes(limit: &RateLimit, client: &str) -> bool {
        limit.check(Class::Request, ip(client)).is_ok()
    }

    #[test]
    fn a_client_may_use_the_whole_window_at_once_and_then_waits() {
        let limit = limit(1000, &[]);
        assert!((0..1000).all(|_| passes(&limit, "192.0.2.1")));
        assert!(!passes(&limit, "192.0.2.1"));
        assert!(passes(&limit, "192.0.2.2"), "others are not affected");
    }

    #[test]
    fn other_limits_count_anew_and_the_same_ones_go_on() {
        let limit = limit(1, &[]);
        let other = |requests| {
            let settings = ApiSettings::clone(&limit.settings.now());
            let rate_limit = config::RateLimit { requests, ..settings.rate_limit };
            limit.settings.set(ApiSettings { rate_limit, ..settings });
            limit.apply();
        };
        assert!(passes(&limit, "192.0.2.1"));
        other(1);
        assert!(!passes(&limit, "192.0.2.1"));
        other(2);
        assert!((0..2).all(|_| passes(&limit, "192.0.2.1")));
        assert!(!passes(&limit, "192.0.2.1"));
    }

    #[test]
    fn what_is_counted_apart_has_its_own_limit_and_is_told() {
        let limit = limit(900, &[]);
        let check = |class| limit.check(class, ip("192.0.2.1"));
        let allowance = check(Class::Request).unwrap();
        assert_eq!(allowance, Allowance { limit: 900, remaining: 899, reset_s: 1 });
        assert_eq!(check(Class::Request).unwrap().remaining, 898);
        assert_eq!(check(Class::Start).unwrap(), Allowance { limit: 1, remaining: 0, reset_s: 900 });
        assert!(check(Class::Start).is_err());
        assert!(check(Class::Signalling).is_ok());
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
