//! Accepts connections for what stands beside the front: the admin API, the inspector. Each is on
//! a thread of its own with few connections; the front's loop is in `front/listen.rs`.
//!
//! Who has a connection and has shown nothing yet gives way to who comes: silent clients cannot
//! keep an operator out. Who has shown something has places of their own: nobody waits for a
//! connection that another keeps. Where nothing has to be shown, everybody has the same places, and
//! who has moved nothing for longest gives way.

mod watched;

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::client_network;

pub(crate) use self::watched::Watched;

/// Connections of the operator; further ones are refused. As many are everybody's where nothing
/// says who the operator is.
const MAX_OF_OPERATOR: usize = 64;
/// Connections of each of those who may do less.
const MAX_OF_NAMED: usize = 8;
/// Connections of clients that have shown nothing yet; one of them gives way to a further one.
const MAX_STRANGERS: usize = 128;
/// How long accepting stops when the process has no file descriptor left.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// Whose a connection is, when that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// Theirs who may do everything.
    Operator,
    /// Anybody's, who may do everything because nothing has to be shown.
    Anybody,
    /// Somebody's of that name who may do less.
    Named(Arc<str>),
}

/// The connections of one listener that may have to give way.
#[derive(Default)]
struct Strangers(Mutex<Vec<Arc<Seat>>>);

/// The other connections, by their holder.
#[derive(Default)]
struct Kept(Mutex<HashMap<Holder, Vec<Arc<Seat>>>>);

struct Seat {
    /// Whom it is counted to while nothing was shown.
    network: IpAddr,
    /// `None` where nothing was shown yet.
    holder: Mutex<Option<Holder>>,
    /// When its client last sent or took something, as far as that is watched.
    moved: Mutex<Instant>,
    gives_way: CancellationToken,
}

/// A connection's place among those that are open.
#[derive(Clone)]
pub(crate) struct Place {
    seat: Arc<Seat>,
    strangers: Arc<Strangers>,
    kept: Arc<Kept>,
}

/// Gives a connection's place to others when it is dropped.
struct Leaves(Place);

impl Holder {
    /// How many connections they may have.
    pub(crate) fn most(&self) -> usize {
        match self {
            Self::Operator | Self::Anybody => MAX_OF_OPERATOR,
            Self::Named(_) => MAX_OF_NAMED,
        }
    }
}

impl Place {
    /// The connection is this holder's, and gives way to none of another any more. Answers whether
    /// they may have it: if not, they have as many as they may, and it is whose it was.
    pub(crate) fn keep(&self, holder: &Holder) -> bool {
        let mut present = self.seat.holder.lock();
        if present.as_ref() == Some(holder) {
            return true;
        }
        if !self.kept.take(holder, &self.seat) {
            return false;
        }
        // A proxy has requests of several follow each other on one connection.
        if let Some(before) = present.replace(holder.clone()) {
            self.kept.give_back(&before, &self.seat);
        }
        self.strangers.leave(&self.seat);
        true
    }

    /// The stream of the connection, watched: its client may take nothing for so long.
    pub(crate) fn watch<S>(&self, stream: S, patience: Duration) -> Watched<S> {
        Watched::new(stream, self.clone(), patience)
    }

    /// Its client has sent or taken something.
    fn moved(&self) {
        *self.seat.moved.lock() = Instant::now();
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        let Place { seat, strangers, kept } = &self.0;
        strangers.leave(seat);
        if let Some(holder) = seat.holder.lock().take() {
            kept.give_back(&holder, seat);
        }
    }
}

impl Kept {
    /// Takes one more, unless there are as many as there may be and none of them gives way.
    fn take(&self, holder: &Holder, seat: &Arc<Seat>) -> bool {
        let mut kept = self.0.lock();
        let seats = kept.entry(holder.clone()).or_default();
        if seats.len() >= holder.most() {
            if *holder != Holder::Anybody {
                return false;
            }
            // Whoever it is, an operator's next command is not refused for it.
            let longest = seats.iter().enumerate().min_by_key(|(_, seat)| *seat.moved.lock());
            if let Some(longest) = longest.map(|(at, _)| at) {
                seats.remove(longest).gives_way.cancel();
            }
        }
        seats.push(Arc::clone(seat));
        true
    }

    fn give_back(&self, holder: &Holder, seat: &Arc<Seat>) {
        if let Some(seats) = self.0.lock().get_mut(holder) {
            seats.retain(|it| !Arc::ptr_eq(it, seat));
        }
    }
}

impl Strangers {
    /// Takes in a connection. If there are too many, the oldest of the client that has most of them
    /// gives way: of the IPv4 address, or the IPv6 network.
    fn enter(&self, address: IpAddr) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            network: client_network::of(address),
            holder: Mutex::default(),
            moved: Mutex::new(Instant::now()),
            gives_way: CancellationToken::new(),
        });
        let mut seats = self.0.lock();
        if seats.len() >= MAX_STRANGERS {
            let mut counts: HashMap<IpAddr, usize> = HashMap::new();
            for seat in seats.iter() {
                *counts.entry(seat.network).or_default() += 1;
            }
            let most = counts.values().copied().max().unwrap_or(0);
            let oldest = seats.iter().position(|seat| counts.get(&seat.network) == Some(&most));
            if let Some(oldest) = oldest {
                seats.remove(oldest).gives_way.cancel();
            }
        }
        seats.push(Arc::clone(&seat));
        seat
    }

    fn leave(&self, seat: &Arc<Seat>) {
        self.0.lock().retain(|it| !Arc::ptr_eq(it, seat));
    }
}

/// Serves each connection in a task of its own, for ever. `what` is named in the log. Needs a tokio
/// runtime with I/O and time.
pub(crate) async fn each<Served>(
    listener: TcpListener,
    what: &str,
    serve: impl Fn(TcpStream, Place) -> Served,
) where
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "{what} cannot listen"),
    };
    let strangers = Arc::new(Strangers::default());
    let kept = Arc::new(Kept::default());
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // Not needed for a correct answer.
                let _ = stream.set_nodelay(true);
                let seat = strangers.enter(client.ip());
                let place = Place {
                    seat: Arc::clone(&seat),
                    strangers: Arc::clone(&strangers),
                    kept: Arc::clone(&kept),
                };
                let leaves = Leaves(place.clone());
                let served = serve(stream, place);
                tokio::spawn(async move {
                    let _leaves = leaves;
                    tokio::select! {
                        () = served => {}
                        () = seat.gives_way.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "{what} cannot accept a connection");
                sleep(NO_DESCRIPTOR_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn seats(strangers: &Strangers, address: [u8; 4], count: usize) -> Vec<Arc<Seat>> {
        (0..count).map(|_| strangers.enter(address.into())).collect()
    }

    /// A connection to a listener with those that are kept.
    fn place(strangers: &Arc<Strangers>, kept: &Arc<Kept>) -> Place {
        let seat = strangers.enter([10, 0, 0, 1].into());
        Place { seat, strangers: Arc::clone(strangers), kept: Arc::clone(kept) }
    }

    #[test]
    fn nobody_has_the_places_of_another() {
        let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
        let named = |name: &str| Holder::Named(name.into());
        let mut places: Vec<_> =
            (0..MAX_OF_NAMED).map(|_| Leaves(place(&strangers, &kept))).collect();
        assert!(places.iter().all(|it| it.0.keep(&named("shop"))));
        let further = place(&strangers, &kept);
        assert!(!further.keep(&named("shop")));
        // It may have to give way as before, and those do not.
        assert_eq!(strangers.0.lock().len(), 1);
        assert!(places[0].0.keep(&named("shop")), "it is theirs already");
        assert!(place(&strangers, &kept).keep(&named("blog")));
        assert!(place(&strangers, &kept).keep(&Holder::Operator));
        places.pop();
        assert!(further.keep(&named("shop")));
    }

    #[test]
    fn a_connection_counts_for_whom_it_serves_last() {
        let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
        let shared = place(&strangers, &kept);
        for name in ["shop", "blog", "shop", "blog"] {
            assert!(shared.keep(&Holder::Named(name.into())));
        }
        let count = |name: &str| kept.0.lock().get(&Holder::Named(name.into())).map(Vec::len);
        assert_eq!((count("shop"), count("blog")), (Some(0), Some(1)));
        drop(Leaves(shared));
        assert_eq!(count("blog"), Some(0));
    }

    #[test]
    fn where_nobody_is_known_who_has_moved_nothing_for_longest_gives_way() {
        let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
        let kept_by = |holder: &Holder| {
            let place = place(&strangers, &kept);
            (place.keep(holder), Leaves(place))
        };
        let places: Vec<_> = (0..MAX_OF_OPERATOR).map(|_| kept_by(&Holder::Anybody)).collect();
        for (at, (is_kept, leaves)) in places.iter().enumerate() {
            assert!(*is_kept, "{at}");
            if at != 3 {
                leaves.0.moved();
            }
        }
        let (is_kept, _further) = kept_by(&Holder::Anybody);
        assert!(is_kept);
        let seats: Vec<_> = places.iter().map(|(_, leaves)| Arc::clone(&leaves.0.seat)).collect();
        assert_eq!(gone(&seats), [3]);
        // Its end leaves the others theirs.
        drop(places);
        assert_eq!(kept.0.lock().get(&Holder::Anybody).map(Vec::len), Some(1));
        let operators: Vec<_> = (0..=MAX_OF_OPERATOR).map(|_| kept_by(&Holder::Operator)).collect();
        let refused = operators.iter().filter(|(is_kept, _)| !is_kept).count();
        assert_eq!(refused, 1, "who has shown a token has theirs");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let strangers = Strangers::default();
        let first = seats(&strangers, [10, 0, 0, 1], 2);
        let network: Vec<_> = (0..MAX_STRANGERS as u16 - 2)
            .map(|at| strangers.enter(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, at, 0, 0, 1).into()))
            .collect();
        let further = seats(&strangers, [10, 0, 0, 2], 1);
        assert_eq!((gone(&first), gone(&network), gone(&further)), (vec![], vec![0], vec![]));
    }

    fn gone(seats: &[Arc<Seat>]) -> Vec<usize> {
        let gone = seats.iter().enumerate().filter(|(_, seat)| seat.gives_way.is_cancelled());
        gone.map(|(index, _)| index).collect()
    }

    #[test]
    fn the_oldest_of_the_address_with_most_gives_way() {
        let strangers = Strangers::default();
        let first = seats(&strangers, [10, 0, 0, 1], 1);
        let flood = seats(&strangers, [10, 0, 0, 2], MAX_STRANGERS - 1);
        let more = seats(&strangers, [10, 0, 0, 3], 2);
        assert_eq!((gone(&first), gone(&flood), gone(&more)), (vec![], vec![0, 1], vec![]));
        strangers.leave(&flood[5]);
        assert_eq!(gone(&seats(&strangers, [10, 0, 0, 3], 1)), [0; 0]);
        assert_eq!(strangers.0.lock().len(), MAX_STRANGERS);
    }
}
