//! The sockets of the connections on one front shard, so that others can close them when the shard
//! is lost: its thread, which has them, does nothing any more. With each is what it takes of the node,
//! which is given back then. Costs something per connection, and
//! nothing per request.

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};
use nix::unistd::close;
use parking_lot::Mutex;
use slab::Slab;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::addresses::Counted;
use super::ahead::Account;

/// The sockets of one front shard.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<Slab<Entry>>>);

/// A connection, and what it takes of the node.
struct Entry {
    place: Place,
    account: Arc<Account>,
    _held: Held,
}

/// The place of a connection among all, its token among those that are open, and its place among those
/// of its address.
pub(super) type Held = (OwnedSemaphorePermit, TaskTrackerToken, Counted);

/// What stands in a place that has been left: the number of no descriptor.
const LEFT: RawFd = -1;

/// Where the kernel has a connection. It is left before the descriptor is closed, whose number may be
/// another connection's then.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<AtomicI32>);

impl Place {
    /// The time that a packet takes to the client and back, as the kernel has measured it; `None` once
    /// the connection is closed.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        // Without a lock: who asks is a thread that runs a tenant's code, maybe at a low priority. If it
        // did not get on while it had the lock, the front shard could take and close no connection.
        let fd = self.descriptor()?;
        let round_trip = runtime::round_trip(fd);
        // Where the place has not been left by now, the kernel has told of this connection.
        self.descriptor().and(round_trip)
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.0.load(Ordering::SeqCst)).filter(|fd| *fd != LEFT)
    }

    /// Answers the descriptor, which nobody is told any more.
    fn leave(&self) -> RawFd {
        self.0.swap(LEFT, Ordering::SeqCst)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Takes the connection's entry away when it is dropped.
struct Listed {
    sockets: Sockets,
    key: usize,
    place: Place,
}

/// A connection's stream, which the sockets of its shard know.
pub(super) struct Socket {
    // Dropped before the stream closes its descriptor.
    listed: Listed,
    stream: TcpStream,
}

impl Sockets {
    /// Adds a connection with what it takes of the node.
    pub(super) fn add(&self, stream: TcpStream, account: Arc<Account>, held: Held) -> Socket {
        let place = Place(Arc::new(AtomicI32::new(stream.as_raw_fd())));
        let entry = Entry { place: place.clone(), account, _held: held };
        let key = self.0.lock().insert(entry);
        Socket { listed: Listed { sockets: self.clone(), key, place }, stream }
    }

    /// The accounts of all connections.
    pub(super) fn accounts(&self) -> Vec<Arc<Account>> {
        self.0.lock().iter().map(|(_, entry)| Arc::clone(&entry.account)).collect()
    }

    /// Ends all connections, whose clients see that at once, and gives what they have of the node to
    /// others. Answers how many there were. Their descriptors are closed if the thread that has them
    /// `is_stopped` and so never uses them again; else they stay with it.
    pub(crate) fn shut_down(&self, is_stopped: bool) -> usize {
        // Under the lock: no descriptor is closed by its owner meanwhile.
        let mut entries = self.0.lock();
        for (_, entry) in entries.iter() {
            let fd = entry.place.leave();
            // One that the client has closed is no longer connected.
            let _ = shutdown(fd, Shutdown::Both);
            if is_stopped {
                let _ = close(fd);
            }
            // Its thread does not come to give anything back.
            entry.account.close();
        }
        let count = entries.len();
        entries.clear();
        count
    }
}

impl Socket {
    pub(super) fn place(&self) -> Place {
        self.listed.place.clone()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut entries = self.sockets.0.lock();
        self.place.leave();
        // The key is another's where all were shut down and one has come since.
        if entries.get(self.key).is_some_and(|entry| entry.place.is(&self.place)) {
            entries.remove(self.key);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::SocketAddr;

    use tokio::sync::Semaphore;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::config::Limits;
    use crate::front::addresses::Addresses;
    use crate::front::ahead::{Ahead, Purse};

    /// The account and the places of a connection. Its address may have two.
    async fn taken(slots: &Arc<Semaphore>, tracker: &TaskTracker) -> (Arc<Account>, Held) {
        let limits = Limits { connections_per_address: 2, ..Limits::default() };
        let addresses = Addresses::new(&limits);
        let counted = addresses.admit(([10, 0, 0, 1], 5000).into(), limits.connections).unwrap();
        let slot = Arc::clone(slots).acquire_owned().await.unwrap();
        (Account::new(&Ahead::new(&limits), None), (slot, tracker.token(), counted))
    }

    async fn connected() -> (std::net::TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_connection_that_nobody_serves_is_closed_and_gives_its_place_back() {
        let (slots, tracker) = (Arc::new(Semaphore::new(1)), TaskTracker::new());
        let sockets = Sockets::default();
        let (mut client, stream) = connected().await;
        let (account, held) = taken(&slots, &tracker).await;
        let socket = sockets.add(stream, account, held);
        assert_eq!((slots.available_permits(), tracker.len()), (0, 1));
        assert_eq!(sockets.shut_down(false), 1);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!((slots.available_permits(), tracker.len()), (1, 0));
        drop(socket);
        assert_eq!(sockets.shut_down(false), 0);
    }

    #[tokio::test]
    async fn what_a_lost_connection_had_of_its_address_and_of_memory_is_others() {
        const BODY_BYTES: usize = 64 << 10;
        let (slots, tracker) = (Arc::new(Semaphore::new(1)), TaskTracker::new());
        let limits = Limits { connections_per_address: 1, ..Limits::default() };
        let (addresses, ahead) = (Addresses::new(&limits), Ahead::new(&limits));
        let address = SocketAddr::from(([10, 0, 0, 1], 5000));
        let bodies = || {
            let purse = || Purse::new(Account::new(&ahead, addresses.client(address)));
            std::iter::from_fn(|| purse().keep(BODY_BYTES)).collect::<Vec<_>>().len()
        };
        let most = bodies();
        let (_client, stream) = connected().await;
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let counted = addresses.admit(address, 1000).unwrap();
        let account = Account::new(&ahead, addresses.client(address));
        let purse = Purse::new(Arc::clone(&account));
        let sockets = Sockets::default();
        let socket = sockets.add(stream, account, (slot, tracker.token(), counted));
        let request = purse.begin(BODY_BYTES);
        assert!(addresses.admit(address, 1000).is_none() && request.has_room());
        assert_eq!(sockets.shut_down(false), 1);
        // Its thread never drops what it had.
        std::mem::forget((socket, purse, request));
        assert!(addresses.admit(address, 1000).is_some());
        assert_eq!(bodies(), most);
    }

    /// Two connections that are served, with their clients.
    async fn two_of(
        sockets: &Sockets,
        slots: &Arc<Semaphore>,
        tracker: &TaskTracker,
    ) -> Vec<(std::net::TcpStream, Socket)> {
        let mut kept = Vec::new();
        for _ in 0..2 {
            let (client, stream) = connected().await;
            let (account, held) = taken(slots, tracker).await;
            kept.push((client, sockets.add(stream, account, held)));
        }
        kept
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_forgotten() {
        let (slots, tracker) = (Arc::new(Semaphore::new(2)), TaskTracker::new());
        let sockets = Sockets::default();
        let mut kept = two_of(&sockets, &slots, &tracker).await;
        drop(kept.remove(0));
        assert_eq!((slots.available_permits(), tracker.len()), (1, 1));
        assert_eq!(sockets.shut_down(false), 1);
    }

    #[tokio::test]
    async fn a_connection_is_asked_about_while_the_shards_sockets_are_locked() {
        let (slots, tracker) = (Arc::new(Semaphore::new(2)), TaskTracker::new());
        let sockets = Sockets::default();
        let mut kept = two_of(&sockets, &slots, &tracker).await;
        let places = [kept[0].1.place(), kept[1].1.place()];
        let locked = sockets.0.lock();
        let (sender, receiver) = std::sync::mpsc::channel();
        let asked = places[0].clone();
        std::thread::spawn(move || sender.send(asked.round_trip()));
        let told = receiver.recv_timeout(Duration::from_secs(60));
        drop(locked);
        assert!(matches!(told, Ok(Some(_))), "{told:?}");
        // Nothing is told of one that is closed, nor of one that is about to be.
        drop(kept.remove(0));
        assert_eq!(places[0].round_trip(), None);
        assert!(places[1].round_trip().is_some());
        sockets.shut_down(false);
        assert_eq!(places[1].round_trip(), None);
    }
}
