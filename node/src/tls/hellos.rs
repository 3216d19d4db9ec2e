//! How many ClientHellos of one client have workers made ready: each is a few hundred bytes for the
//! client, and may be an isolate for the node.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::Instant;

use crate::bucket::Bucket;
use crate::client_network;

/// So many of a client count at once: the hosts of a page, from several tabs.
const AT_ONCE: u64 = 32;
/// Then one counts each time that this is over, in milliseconds.
const EVERY_MS: u64 = 250;
/// Buckets for all clients. Two that share one have less together, which costs them the head start
/// of a cold worker and nothing else.
const BUCKETS: usize = 4096;

/// A bucket for each client, found by its address. Asked once for a handshake; takes no lock.
pub(super) struct Hellos {
    began: Instant,
    keys: RandomState,
    /// In milliseconds since the beginning.
    buckets: Box<[Bucket]>,
}

impl Hellos {
    pub(super) fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| Bucket::default()).collect();
        Self { began: Instant::now(), keys: RandomState::new(), buckets }
    }

    /// Whether a ClientHello from that address counts.
    pub(super) fn count(&self, client: IpAddr) -> bool {
        self.count_at(client, self.began.elapsed().as_millis() as u64)
    }

    fn count_at(&self, client: IpAddr, now_ms: u64) -> bool {
        let bucket = self.keys.hash_one(client_network::of(client)) % BUCKETS as u64;
        self.buckets.get(bucket as usize).is_some_and(|it| it.put(now_ms, AT_ONCE, EVERY_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a hundred count.
    fn counted(hellos: &Hellos, client: &str, now_ms: u64) -> usize {
        let client = client.parse().unwrap();
        (0..100).filter(|_| hellos.count_at(client, now_ms)).count()
    }

    #[test]
    fn a_client_has_some_at_once_and_then_a_few() {
        let hellos = Hellos::new();
        assert_eq!(counted(&hellos, "10.0.0.1", 0), 32);
        assert_eq!(counted(&hellos, "10.0.0.1", 249), 0);
        assert_eq!(counted(&hellos, "::ffff:10.0.0.1", 1000), 4);
        assert_eq!(counted(&hellos, "10.0.0.1", 1_000_000), 32);
    }

    #[test]
    fn clients_have_buckets_of_their_own() {
        let hellos = Hellos::new();
        let clients = ["10.0.0.1", "10.0.0.2", "2001:db8:1:2::1", "2001:db8:1:3::1"];
        let all: usize = clients.iter().map(|client| counted(&hellos, client, 0)).sum();
        assert!(all > 32, "at least two of four have different buckets");
        let of_network = counted(&hellos, "2001:db8:1:2:ffff::9", 0);
        assert_eq!(of_network, 0, "it is the third of them");
    }
}
