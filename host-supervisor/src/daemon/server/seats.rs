//! How many connections there may be at once, and how many of them one client's: whoever opens many takes seats of their own only.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::sys::resource::{Resource, getrlimit};

use crate::api::one_household;

/// However many descriptors there are.
const MOST: usize = 16_384;
/// A client gets this part of all seats.
const SHARE: usize = 4;

#[derive(Debug)]
pub(in crate::daemon) struct Seats {
    most: usize,
    most_of_one: usize,
    /// Whoever speaks for many.
    proxies: Vec<IpAddr>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    client: IpAddr,
}

impl Seats {
    /// As many as this process can have descriptors for, which VMs and the database need, too.
    pub(in crate::daemon) fn new(proxies: Vec<IpAddr>) -> Arc<Self> {
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        let most = usize::try_from(descriptors / 2).unwrap_or(MOST).min(MOST);
        Self::of(most, most / SHARE, proxies)
    }

    pub(super) fn of(most: usize, most_of_one: usize, proxies: Vec<IpAddr>) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, proxies, taken: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let speaks_for_many = self.proxies.contains(&client.to_canonical());
        let client = one_household(client);
        let mut taken = self.lock();
        let of_one = taken.by_client.get(&client).copied().unwrap_or(0);
        if taken.all >= self.most || (of_one >= self.most_of_one && !speaks_for_many) {
            return None;
        }
        taken.all += 1;
        taken.by_client.insert(client, of_one + 1);
        Some(Seat { seats: Arc::clone(self), client })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing that holds the lock can panic half-way through a change.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(count) = taken.by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_opens_many_connections_leaves_seats_to_others_and_a_proxy_speaks_for_many() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let seats = Seats::of(5, 2, vec![ip("10.0.0.1")]);
        let greedy = [seats.take(ip("192.0.2.1")), seats.take(ip("192.0.2.1"))];
        assert!(greedy.iter().all(Option::is_some) && seats.take(ip("::ffff:192.0.2.1")).is_none());
        let proxied: Vec<_> = (0..3).map(|_| seats.take(ip("10.0.0.1"))).collect();
        assert!(proxied.iter().all(Option::is_some) && seats.take(ip("10.0.0.1")).is_none());
        assert!(seats.take(ip("192.0.2.2")).is_none(), "all are taken");
        drop(greedy);
        assert!(seats.take(ip("192.0.2.1")).is_some());
        drop(proxied);
        let left = seats.lock();
        assert_eq!((left.all, left.by_client.len()), (0, 0), "nobody is remembered");
    }
}
