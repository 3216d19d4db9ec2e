//! Connections that are closed because memory is short and no worker has most of it: those that hold
//! the most of the client address that does. Whether memory is short is the runtime's to say, and how a
//! connection closes `front/connection.rs`'s.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use super::Sockets;
use super::addresses::Client;
use super::ahead::Account;

/// What the connections of one address may hold however short memory is, in bytes.
const SHARE_BYTES: usize = 8 << 20;
/// Between two addresses: what was told to close has closed by then, and its memory has come back.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two looks at all connections where no address holds too much.
const VAIN_PAUSE: Duration = Duration::from_millis(200);

/// What was closed, and when.
#[derive(Default)]
pub(super) struct Shedding {
    last: Mutex<Option<Look>>,
    closed: Counter,
}

/// When all connections were looked at, and whether any were told to close.
struct Look {
    at: Instant,
    has_told: bool,
}

impl Look {
    /// Whether another one would come too early.
    fn is_fresh(&self, now: Instant) -> bool {
        let pause = if self.has_told { PAUSE } else { VAIN_PAUSE };
        now.saturating_duration_since(self.at) < pause
    }
}

/// What the connections of one address hold that were not told to close.
#[derive(Default)]
struct Holder {
    bytes: usize,
    accounts: Vec<Arc<Account>>,
}

impl Shedding {
    /// Tells connections of one address to close. Answers whether any were told, now or so short a time
    /// ago that they may still be there.
    pub(super) fn shed(&self, shards: &[Sockets]) -> bool {
        self.shed_at(Instant::now(), || shards.iter().flat_map(Sockets::accounts))
    }

    fn shed_at<I>(&self, now: Instant, accounts: impl FnOnce() -> I) -> bool
    where
        I: Iterator<Item = Arc<Account>>,
    {
        let mut last = self.last.lock();
        if let Some(last) = last.as_ref().filter(|last| last.is_fresh(now)) {
            return last.has_told;
        }
        let greediest = greediest(accounts());
        let has_told = greediest.is_some();
        *last = Some(Look { at: now, has_told });
        if let Some((client, holder)) = greediest {
            let held_mb = holder.bytes >> 20;
            let connections = holder.dismiss();
            self.closed.inc_by(connections);
            tracing::warn!(address = %client, connections, held_mb,
                "connections are closed: memory is short, and of what clients hold the address has the \
                 most");
        }
        has_told
    }

    /// How many connections were told to close.
    pub(super) fn closed(&self) -> &Counter {
        &self.closed
    }
}

/// The address that holds the most, if that is more than its share. Not a trusted proxy, whose clients
/// are many.
fn greediest(accounts: impl Iterator<Item = Arc<Account>>) -> Option<(Client, Holder)> {
    let mut holders: HashMap<Client, Holder> = HashMap::new();
    for account in accounts.filter(|account| !account.is_dismissed()) {
        if let Some(client) = account.client() {
            let holder = holders.entry(client).or_default();
            holder.bytes += account.bytes();
            holder.accounts.push(account);
        }
    }
    let greediest = holders.into_iter().max_by_key(|(_, holder)| holder.bytes);
    greediest.filter(|(_, holder)| holder.bytes > SHARE_BYTES)
}

impl Holder {
    /// Tells those that hold the most to close, until the others hold no more than a share. Answers how
    /// many were told.
    fn dismiss(self) -> u64 {
        let (mut left, mut told) = (self.bytes, 0);
        let mut accounts = self.accounts;
        accounts.sort_by_cached_key(|account| Reverse(account.bytes()));
        for account in accounts {
            if left <= SHARE_BYTES {
                break;
            }
            left = left.saturating_sub(account.bytes());
            account.dismiss();
            told += 1;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::rc::Rc;

    use super::*;
    use crate::config::Limits;
    use crate::front::ahead::{Ahead, Begun, Purse};

    const HEAD_BYTES: usize = 1 << 20;
    /// No budget is asked for it.
    const BODY_BYTES: usize = 1 << 20;

    /// A connection on which a request runs.
    struct Connection {
        purse: Rc<Purse>,
        _request: Begun,
    }

    impl Connection {
        /// With a head and a body that so much has come of.
        fn of(ahead: &Arc<Ahead>, last: Option<u8>, body_bytes: usize) -> Self {
            let client = last.map(|last| Client::of(Ipv4Addr::new(10, 0, 0, last).into()));
            let purse = Purse::new(Account::new(ahead, client));
            let request = purse.begin(if body_bytes == 0 { HEAD_BYTES } else { 0 });
            purse.body_came(body_bytes);
            Self { purse, _request: request }
        }

        fn is_dismissed(&self) -> bool {
            self.purse.account().is_dismissed()
        }
    }

    fn chosen(all: &[Connection]) -> Option<(Client, Holder)> {
        greediest(all.iter().map(|connection| Arc::clone(connection.purse.account())))
    }

    #[test]
    fn the_connections_that_hold_the_most_close_until_the_address_has_its_share() {
        let ahead = Ahead::new(&Limits::default());
        let mut all = Vec::new();
        all.extend((0..3).map(|_| Connection::of(&ahead, Some(1), BODY_BYTES)));
        all.extend((0..20).map(|_| Connection::of(&ahead, Some(2), 1)));
        all.extend((0..10).map(|_| Connection::of(&ahead, Some(2), BODY_BYTES)));
        all.extend((0..30).map(|_| Connection::of(&ahead, None, BODY_BYTES)));
        let (client, holder) = chosen(&all).unwrap();
        assert_eq!(client.to_string(), "10.0.0.2");
        assert!(holder.bytes > 10 * BODY_BYTES);
        assert_eq!(holder.dismiss(), 3, "seven megabytes and the small ones are a share");
        let told: Vec<_> = all.iter().map(Connection::is_dismissed).collect();
        assert_eq!(told.iter().filter(|told| **told).count(), 3);
        assert!(told[..23].iter().chain(&told[33..]).all(|told| !told));
        // The others have no more than their share.
        assert!(chosen(&all).is_none());
    }

    #[test]
    fn heads_count_for_their_address() {
        let ahead = Ahead::new(&Limits::default());
        let within: Vec<_> = (0..8).map(|_| Connection::of(&ahead, Some(1), 0)).collect();
        let has = within.iter().map(|connection| connection.purse.account().bytes());
        assert_eq!(has.sum::<usize>(), 8 * HEAD_BYTES);
        assert!(chosen(&within).is_none());
    }

    #[test]
    fn nobody_is_looked_for_before_the_last_ones_have_closed_or_may_hold_more() {
        let ahead = Ahead::new(&Limits::default());
        let all: Vec<_> = (0..20).map(|_| Connection::of(&ahead, Some(1), BODY_BYTES)).collect();
        let shedding = Shedding::default();
        let began = Instant::now();
        let shed = |after: Duration, connections: &[Connection]| {
            let mut looked = 0;
            let accounts = connections.iter().map(|it| Arc::clone(it.purse.account()));
            let accounts = accounts.inspect(|_| looked += 1);
            let has_told = shedding.shed_at(began + after, || accounts);
            (has_told, looked)
        };
        assert_eq!(shed(Duration::ZERO, &all[..2]), (false, 2));
        assert_eq!(shed(VAIN_PAUSE / 2, &all), (false, 0));
        assert_eq!(shed(VAIN_PAUSE, &all), (true, 20));
        assert!(shedding.closed().get() > 0);
        assert_eq!(shed(VAIN_PAUSE + PAUSE / 2, &all), (true, 0));
        assert_eq!(shed(VAIN_PAUSE + PAUSE, &all), (false, 20), "they are told");
    }
}
