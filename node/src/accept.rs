//! Accepts connections for what stands beside the front: the admin API, the inspector. Each is on
//! a thread of its own with few connections; the front's loop is in `front/listen.rs`.
//!
//! Who has a connection and has shown nothing yet gives way to who comes: silent clients cannot
//! keep an operator out. Who has shown something has places of their own: nobody waits for a
//! connection that another keeps. Where nothing has to be shown, everybody has the same places, and
//! who has moved nothing for longest gives way; but nobody for whom the node works, and who is silent
//! for that.

#[cfg(test)]
mod tests;
mod watched;
mod work;

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::client_network;

use self::work::Work;

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
    work: Work,
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
            // Whoever it is, an operator's next command is not refused for it. One on which the node
            // works is not cut off for it either.
            let waited_for = seats.iter().enumerate().filter(|(_, seat)| !seat.work.goes_on());
            let longest = waited_for.min_by_key(|(_, seat)| *seat.moved.lock());
            let Some(longest) = longest.map(|(at, _)| at) else { return false };
            seats.remove(longest).gives_way.cancel();
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
            work: Work::default(),
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
                        // Nothing is begun for a client that has given way.
                        biased;
                        () = seat.gives_way.cancelled() => {}
                        () = served => {}
                    }
                });
                // What a client has sent is looked at before others can have it give way: a flood of
                // connections is not faster than that.
                yield_now().await;
            }
            Err(error) => {
                tracing::warn!(%error, "{what} cannot accept a connection");
                sleep(NO_DESCRIPTOR_PAUSE).await;
            }
        }
    }
}
