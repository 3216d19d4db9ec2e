//! Connections that are closed because memory is short and no worker has most of it: those that hold
//! the most of the client address that does. What each connection has without asking is a reason only
//! where that is far more than of any office: behind an address may be many clients. Whether memory is
//! short is the runtime's to say, and how a connection closes `front/connection.rs`'s.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use super::Sockets;
use super::addresses::Client;
use super::ahead::Account;

/// What the connections of one address may hold however short memory is, beyond what each has without
/// asking, in bytes.
const SHARE_BYTES: usize = 8 << 20;
/// The same with what each has without asking: that of four thousand connections, which really take
/// three times as much and more.
const CROWD_SHARE_BYTES: usize = 32 << 20;
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

/// By what an address is chosen.
struct Measure {
    /// Whose connections are looked at.
    is_meant: fn(&Account) -> bool,
    /// What counts of a connection, in bytes.
    of: fn(&Account) -> usize,
    /// So much of it may an address hold.
    share_bytes: usize,
}

/// The first by which an address holds more than its share decides. Trusted proxies count for one; their
/// clients are many, so that they come last, and what each connection has without asking is no reason.
const MEASURES: [Measure; 3] = [
    Measure {
        is_meant: |account| account.client().is_some(),
        of: Account::bytes_of_note,
        share_bytes: SHARE_BYTES,
    },
    Measure {
        is_meant: |account| account.client().is_some(),
        of: Account::bytes,
        share_bytes: CROWD_SHARE_BYTES,
    },
    Measure {
        is_meant: |account| account.client().is_none(),
        of: Account::bytes_of_note,
        share_bytes: SHARE_BYTES,
    },
];

/// What the connections of one address hold that were not told to close.
struct Holder {
    bytes: usize,
    /// What of it they may hold.
    share_bytes: usize,
    /// Each with what it holds; at least one.
    accounts: Vec<(usize, Arc<Account>)>,
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
        if let Some(holder) = greediest {
            let (address, held_mb) = (holder.whose(), holder.bytes >> 20);
            let connections = holder.dismiss();
            self.closed.inc_by(connections);
            tracing::warn!(%address, connections, held_mb,
                "connections are closed: memory is short, and of what clients hold the address, or \
                 trusted proxies where no address has more than its share, has the most");
        }
        has_told
    }

    /// How many connections were told to close.
    pub(super) fn closed(&self) -> &Counter {
        &self.closed
    }
}

/// Who holds the most, if that is more than a share.
fn greediest(accounts: impl Iterator<Item = Arc<Account>>) -> Option<Holder> {
    let accounts: Vec<_> = accounts.filter(|account| !account.is_dismissed()).collect();
    MEASURES.iter().find_map(|measure| measure.greediest(&accounts))
}

impl Measure {
    /// Who holds the most by this measure, if that is more than a share.
    fn greediest(&self, accounts: &[Arc<Account>]) -> Option<Holder> {
        let mut holders: HashMap<Option<Client>, Holder> = HashMap::new();
        for account in accounts.iter().filter(|account| (self.is_meant)(account)) {
            let holder = holders.entry(account.client()).or_insert_with(|| Holder {
                bytes: 0,
                share_bytes: self.share_bytes,
                accounts: Vec::new(),
            });
            let bytes = (self.of)(account);
            holder.bytes += bytes;
            holder.accounts.push((bytes, Arc::clone(account)));
        }
        let greediest = holders.into_values().max_by_key(|holder| holder.bytes);
        greediest.filter(|holder| holder.bytes > holder.share_bytes)
    }
}

impl Holder {
    /// The address, for the log.
    fn whose(&self) -> String {
        self.accounts.first().map(|(_, account)| account.whose()).unwrap_or_default()
    }

    /// Tells those that hold the most to close, until the others hold no more than a share. Answers how
    /// many were told.
    fn dismiss(self) -> u64 {
        let (mut left, mut told) = (self.bytes, 0);
        let mut accounts = self.accounts;
        accounts.sort_by_key(|(bytes, _)| Reverse(*bytes));
        for (bytes, account) in accounts {
            if left <= self.share_bytes {
                break;
            }
            left = left.saturating_sub(bytes);
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
    use crate::front::ahead::{Ahead, Begun, Coming, Purse};
    use crate::front::connection::STREAM_WINDOW_BYTES;

    const HEAD_BYTES: usize = 1 << 20;
    /// No budget is asked for it.
    const BODY_BYTES: usize = 1 << 20;

    /// A connection on which requests run.
    struct Connection {
        purse: Rc<Purse>,
        _request: Begun,
        _bodies: Vec<Coming>,
    }

    impl Connection {
        /// With a head, or with bodies that so much has come of.
        fn of(ahead: &Arc<Ahead>, last: Option<u8>, body_bytes: usize) -> Self {
            let client = last.map(|last| Client::of(Ipv4Addr::new(10, 0, 0, last).into()));
            let purse = Purse::new(Account::new(ahead, client));
            let request = purse.begin(if body_bytes == 0 { HEAD_BYTES } else { 0 });
            let bodies = body_bytes.div_ceil(STREAM_WINDOW_BYTES as usize);
            let bodies = (0..bodies).map(|_| purse.account().body()).collect();
            purse.body_came(body_bytes);
            Self { purse, _request: request, _bodies: bodies }
        }

        fn is_dismissed(&self) -> bool {
            self.purse.account().is_dismissed()
        }
    }

    fn chosen(all: &[Connection]) -> Option<Holder> {
        greediest(all.iter().map(|connection| Arc::clone(connection.purse.account())))
    }

    #[test]
    fn the_connections_that_hold_the_most_close_until_the_address_has_its_share() {
        let ahead = Ahead::new(&Limits::default());
        let mut all = Vec::new();
        all.extend((0..3).map(|_| Connection::of(&ahead, Some(1), BODY_BYTES)));
        all.extend((0..20).map(|_| Connection::of(&ahead, Some(2), 1)));
        all.extend((0..10).map(|_| Connection::of(&ahead, Some(2), BODY_BYTES)));
        all.extend((0..8).map(|_| Connection::of(&ahead, None, BODY_BYTES)));
        let holder = chosen(&all).unwrap();
        assert_eq!(holder.whose(), "10.0.0.2");
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
    fn what_each_connection_has_without_asking_makes_nobody_greedy_who_is_no_great_crowd() {
        let ahead = Ahead::new(&Limits::default());
        let few = |last: u8, connections: usize| {
            let all = (0..connections).map(|_| Connection::of(&ahead, Some(last), 1));
            all.collect::<Vec<_>>()
        };
        let mut all = [few(1, 2000), few(2, 3000)].into_iter().flatten().collect::<Vec<_>>();
        assert!(chosen(&all).is_none());
        all.extend(few(2, 2000));
        let holder = chosen(&all).unwrap();
        assert_eq!(holder.whose(), "10.0.0.2");
        let told = holder.dismiss();
        assert!((800..1000).contains(&told), "{told} were told");
        assert!(all[..2000].iter().all(|connection| !connection.is_dismissed()));
        assert!(chosen(&all).is_none());
        // What is of note comes first.
        all.extend((0..9).map(|_| Connection::of(&ahead, Some(3), BODY_BYTES)));
        all.extend(few(2, 2000));
        assert_eq!(chosen(&all).unwrap().whose(), "10.0.0.3");
    }

    #[test]
    fn connections_of_proxies_close_where_no_client_has_more_than_its_share() {
        let ahead = Ahead::new(&Limits::default());
        let mut all: Vec<_> = (0..8).map(|_| Connection::of(&ahead, None, BODY_BYTES)).collect();
        assert!(chosen(&all).is_none(), "eight megabytes are a share");
        all.extend((0..2).map(|_| Connection::of(&ahead, None, BODY_BYTES)));
        all.extend((0..9).map(|_| Connection::of(&ahead, Some(1), BODY_BYTES)));
        let holder = chosen(&all).unwrap();
        assert_eq!(holder.whose(), "10.0.0.1");
        assert_eq!(holder.dismiss(), 1);
        let holder = chosen(&all).unwrap();
        assert_eq!(holder.whose(), "trusted proxies");
        assert_eq!(holder.dismiss(), 2);
        assert_eq!(all[..10].iter().filter(|connection| connection.is_dismissed()).count(), 2);
        assert!(chosen(&all).is_none());
    }

    #[test]
    fn proxies_lose_nothing_for_what_each_connection_has_without_asking() {
        let ahead = Ahead::new(&Limits::default());
        let all: Vec<_> = (0..5000).map(|_| Connection::of(&ahead, None, 1)).collect();
        assert!(chosen(&all).is_none());
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
