//! Accepts connections for what stands beside the front: the admin API, the inspector. Each is on
//! a thread of its own with few connections; the front's loop is in `front/listen.rs`.
//!
//! Who has a connection and has shown nothing yet gives way to who comes: silent clients cannot
//! keep an operator out.

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Connections of clients that are known; further ones wait.
const MAX_KNOWN: usize = 64;
/// Connections of clients that have shown nothing yet; one of them gives way to a further one.
const MAX_STRANGERS: usize = 128;
/// How long accepting stops when the process has no file descriptor left.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// The connections of one listener that may have to give way.
#[derive(Default)]
struct Strangers(Mutex<Vec<Arc<Seat>>>);

struct Seat {
    address: IpAddr,
    known: AtomicBool,
    gives_way: CancellationToken,
}

/// A connection's place among those that are open.
#[derive(Clone)]
pub(crate) struct Place {
    seat: Arc<Seat>,
    strangers: Arc<Strangers>,
    slots: Arc<Semaphore>,
}

impl Place {
    /// The client may be here: its connection gives way to no other any more. Waits while there
    /// are as many of these as there may be.
    pub(crate) async fn keep(&self) {
        if self.seat.known.load(Ordering::Relaxed) {
            return;
        }
        // Closed never: the listener has it, too.
        if let Ok(slot) = self.slots.acquire().await {
            slot.forget();
            if self.seat.known.swap(true, Ordering::Relaxed) {
                self.slots.add_permits(1);
            }
        }
        self.strangers.leave(&self.seat);
    }
}

impl Strangers {
    /// Takes in a connection. If there are too many, the oldest of the address that has most of
    /// them gives way.
    fn enter(&self, address: IpAddr) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            address,
            known: AtomicBool::new(false),
            gives_way: CancellationToken::new(),
        });
        let mut seats = self.0.lock();
        if seats.len() >= MAX_STRANGERS {
            let mut counts: HashMap<IpAddr, usize> = HashMap::new();
            for seat in seats.iter() {
                *counts.entry(seat.address).or_default() += 1;
            }
            let most = counts.values().copied().max().unwrap_or(0);
            let oldest = seats.iter().position(|seat| counts.get(&seat.address) == Some(&most));
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
    let slots = Arc::new(Semaphore::new(MAX_KNOWN));
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // Not needed for a correct answer.
                let _ = stream.set_nodelay(true);
                let seat = strangers.enter(client.ip().to_canonical());
                let place = Place {
                    seat: Arc::clone(&seat),
                    strangers: Arc::clone(&strangers),
                    slots: Arc::clone(&slots),
                };
                let left = place.clone();
                let served = serve(stream, place);
                tokio::spawn(async move {
                    tokio::select! {
                        () = served => {}
                        () = seat.gives_way.cancelled() => {}
                    }
                    left.strangers.leave(&seat);
                    if seat.known.load(Ordering::Relaxed) {
                        left.slots.add_permits(1);
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
    use super::*;

    fn seats(strangers: &Strangers, address: [u8; 4], count: usize) -> Vec<Arc<Seat>> {
        (0..count).map(|_| strangers.enter(address.into())).collect()
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
