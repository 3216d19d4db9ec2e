//! How many connections one client address has, and whether it may open another. How many there
//! may be together is the front's, which holds their slots.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use ipnet::IpNet;

use super::pace::Pace;
use crate::client_network;
use crate::config::Limits;

/// This part of all slots is for addresses that have few connections.
const RESERVED_PART: usize = 8;
/// So many connections are few.
const FEW: usize = 32;
/// One address has no more than this part of all slots, whatever the configuration gives it, where there
/// is more than one.
const MOST_PART: usize = 2;

/// The connections of each address. Asked once for a connection, never for a request.
pub(super) struct Addresses {
    open: DashMap<Client, usize>,
    /// What one address may have.
    limit: usize,
    /// What is few here.
    few: usize,
    /// What is left for addresses that have few.
    reserved: usize,
    trusted: Vec<IpNet>,
    refusals: Pace,
}

/// Whom a connection is counted to: an IPv4 address, or the network of 64 bits that one customer of
/// a provider has in IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(client_network::of(address))
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// A connection that is counted until this is dropped.
pub(super) struct Counted(Option<(Arc<Addresses>, Client)>);

impl Addresses {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let reserved = limits.connections / RESERVED_PART;
        let most = match limits.connections {
            0 | 1 => usize::MAX,
            connections => connections / MOST_PART,
        };
        Arc::new(Self {
            open: DashMap::new(),
            limit: limits.connections_per_address.min(most),
            few: reserved.min(FEW),
            reserved,
            trusted: limits.trusted_proxies.clone(),
            refusals: Pace::new(),
        })
    }

    /// Counts a connection, unless its address has as many as it may. `free` is the number of
    /// slots that nobody has.
    pub(super) fn admit(self: &Arc<Self>, client: SocketAddr, free: usize) -> Option<Counted> {
        let Some(key) = self.client(client) else { return Some(Counted(None)) };
        let admitted = match self.open.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(1);
                true
            }
            Entry::Occupied(mut entry) => {
                let open = *entry.get();
                let admitted = open < self.limit && (open < self.few || self.leaves_enough(free));
                if admitted {
                    *entry.get_mut() += 1;
                }
                admitted
            }
        };
        if !admitted {
            self.note_refusal(client.ip().to_canonical());
            return None;
        }
        Some(Counted(Some((Arc::clone(self), key))))
    }

    /// How many connections were not admitted.
    pub(super) fn refused(&self) -> u64 {
        self.refusals.times()
    }

    /// Whom a connection is counted to; `None` for a trusted proxy.
    pub(super) fn client(&self, client: SocketAddr) -> Option<Client> {
        let address = client.ip().to_canonical();
        let is_trusted = self.trusted.iter().any(|network| network.contains(&address));
        (!is_trusted).then(|| Client::of(address))
    }

    /// Whether addresses with few connections still have their part. Where there are too few slots for
    /// a part, connections wait for one.
    fn leaves_enough(&self, free: usize) -> bool {
        self.reserved == 0 || free > self.reserved
    }

    fn note_refusal(&self, address: IpAddr) {
        if let Some(refused) = self.refusals.again() {
            tracing::warn!(%address, refused, limit = self.limit,
                "connections are refused: the address has as many as it may have \
                 (limits.connections_per_address, limits.trusted_proxies)");
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((addresses, key)) = self.0.take() else { return };
        if let Entry::Occupied(mut entry) = addresses.open.entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 5000)
    }

    fn addresses(limits: Limits) -> Arc<Addresses> {
        Addresses::new(&limits)
    }

    #[test]
    fn an_address_has_no_more_than_its_limit_until_it_closes_one() {
        let addresses = addresses(Limits { connections_per_address: 2, ..Limits::default() });
        let first = addresses.admit(client("10.0.0.1"), 1000).unwrap();
        let _second = addresses.admit(client("::ffff:10.0.0.1"), 1000).unwrap();
        assert!(addresses.admit(client("10.0.0.1"), 1000).is_none());
        assert!(addresses.admit(client("10.0.0.2"), 1000).is_some());
        drop(first);
        assert!(addresses.admit(client("10.0.0.1"), 1000).is_some());
        assert_eq!(addresses.refused(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let addresses = addresses(Limits { connections_per_address: 1, ..Limits::default() });
        let _first = addresses.admit(client("2001:db8:1:2::1"), 1000).unwrap();
        assert!(addresses.admit(client("2001:db8:1:2:ffff::9"), 1000).is_none());
        assert!(addresses.admit(client("2001:db8:1:3::1"), 1000).is_some());
        let name = |address| addresses.client(client(address)).unwrap().to_string();
        assert_eq!(name("2001:db8:1:2:ffff::9"), "2001:db8:1:2::/64");
        assert_eq!(name("::ffff:10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_has_no_limit() {
        let trusted_proxies = vec!["10.0.0.0/24".parse().unwrap()];
        let limits = Limits { connections_per_address: 1, trusted_proxies, ..Limits::default() };
        let addresses = addresses(limits);
        let open: Vec<_> = (0..10).map(|_| addresses.admit(client("10.0.0.7"), 1000)).collect();
        assert!(open.iter().all(Option::is_some));
        assert!(addresses.open.is_empty());
    }

    #[test]
    fn one_address_never_takes_all_slots_however_few_there_are() {
        for connections in [2, 7, 8, 16, 32, 60] {
            let limits = Limits { connections, connections_per_address: 64, ..Limits::default() };
            let addresses = addresses(limits);
            let admit = |taken| addresses.admit(client("10.0.0.1"), connections - taken);
            let taken: Vec<_> = (0..connections).map_while(admit).collect();
            assert!(taken.len() <= connections / MOST_PART, "{} of {connections}", taken.len());
            assert!(addresses.admit(client("10.0.0.2"), 1).is_some());
        }
        // Of one slot there is no part: connections wait for it.
        let addresses = addresses(Limits { connections: 1, ..Limits::default() });
        let _first = addresses.admit(client("10.0.0.1"), 1).unwrap();
        assert!(addresses.admit(client("10.0.0.1"), 0).is_some());
    }

    #[test]
    fn an_address_beyond_few_leaves_the_last_slots_of_few_to_others() {
        let limits = Limits { connections: 16, connections_per_address: 64, ..Limits::default() };
        let addresses = addresses(limits);
        let _two: Vec<_> = (0..2).map(|_| addresses.admit(client("10.0.0.1"), 2)).collect();
        assert!(addresses.admit(client("10.0.0.1"), 2).is_none());
        assert!(addresses.admit(client("10.0.0.1"), 3).is_some());
        assert!(addresses.admit(client("10.0.0.2"), 1).is_some());
    }

    #[test]
    fn the_last_slots_are_for_addresses_with_few_connections() {
        let addresses = addresses(Limits { connections: 800, ..Limits::default() });
        let many: Vec<_> = (0..FEW).map(|_| addresses.admit(client("10.0.0.1"), 800)).collect();
        assert!(many.iter().all(Option::is_some));
        assert!(addresses.admit(client("10.0.0.1"), 100).is_none());
        assert!(addresses.admit(client("10.0.0.1"), 101).is_some());
        assert!(addresses.admit(client("10.0.0.2"), 1).is_some());
        drop(many);
        assert!(addresses.open.len() <= 1, "who has none is forgotten");
    }
}
