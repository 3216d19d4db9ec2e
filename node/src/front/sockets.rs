//! The sockets of the connections on one front shard, so that others can close them when the shard
//! is lost: its thread, which has them, does nothing any more. Costs something per connection, and
//! nothing per request.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::sync::Arc;
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

/// The sockets of one front shard.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    entries: Slab<Entry>,
    /// How many there have been.
    count: u64,
}

/// A connection, and what it takes of the node.
struct Entry {
    /// No other has it.
    number: u64,
    /// Open as long as the entry is there: whoever closes it takes the entry away first.
    fd: RawFd,
    _slot: OwnedSemaphorePermit,
    _tracked: TaskTrackerToken,
}

/// Where the sockets of a shard have a connection, as long as it is open.
#[derive(Clone)]
pub(super) struct Place {
    sockets: Sockets,
    key: usize,
    number: u64,
}

impl Place {
    /// The time that a packet takes to the client and back, as the kernel has measured it; `None` once
    /// the connection is closed.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        // Under the lock the descriptor stays this connection's.
        let table = self.sockets.0.lock();
        let entry = table.entries.get(self.key).filter(|entry| entry.number == self.number)?;
        runtime::round_trip(entry.fd)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Takes the connection's entry away when it is dropped.
struct Listed(Place);

/// A connection's stream, which the sockets of its shard know.
pub(super) struct Socket {
    // Dropped before the stream closes its descriptor, whose number may be another's then.
    listed: Listed,
    stream: TcpStream,
}

impl Sockets {
    /// Adds a connection with its place among those that the node may have.
    pub(super) fn add(
        &self,
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
        tracked: TaskTrackerToken,
    ) -> Socket {
        let mut table = self.0.lock();
        table.count += 1;
        let number = table.count;
        let entry = Entry { number, fd: stream.as_raw_fd(), _slot: slot, _tracked: tracked };
        let key = table.entries.insert(entry);
        drop(table);
        Socket { listed: Listed(Place { sockets: self.clone(), key, number }), stream }
    }

    /// Ends all connections, whose clients see that at once, and gives their places to others.
    /// Answers how many there were. Their descriptors are closed if the thread that has them
    /// `is_stopped` and so never uses them again; else they stay with it.
    pub(crate) fn shut_down(&self, is_stopped: bool) -> usize {
        // Under the lock: no descriptor is closed by its owner meanwhile.
        let mut table = self.0.lock();
        let entries = &mut table.entries;
        for (_, entry) in entries.iter() {
            // One that the client has closed is no longer connected.
            let _ = shutdown(entry.fd, Shutdown::Both);
            if is_stopped {
                let _ = close(entry.fd);
            }
        }
        let count = entries.len();
        entries.clear();
        count
    }
}

impl Socket {
    pub(super) fn place(&self) -> Place {
        self.listed.0.clone()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let Place { sockets, key, number } = &self.0;
        let mut table = sockets.0.lock();
        let entries = &mut table.entries;
        if entries.get(*key).is_some_and(|entry| entry.number == *number) {
            entries.remove(*key);
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

    use tokio::sync::Semaphore;
    use tokio_util::task::TaskTracker;

    use super::*;

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
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let socket = sockets.add(stream, slot, tracker.token());
        assert_eq!((slots.available_permits(), tracker.len()), (0, 1));
        assert_eq!(sockets.shut_down(false), 1);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!((slots.available_permits(), tracker.len()), (1, 0));
        drop(socket);
        assert_eq!(sockets.shut_down(false), 0);
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_forgotten() {
        let (slots, tracker) = (Arc::new(Semaphore::new(2)), TaskTracker::new());
        let sockets = Sockets::default();
        let mut kept = Vec::new();
        for _ in 0..2 {
            let (client, stream) = connected().await;
            let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
            kept.push((client, sockets.add(stream, slot, tracker.token())));
        }
        drop(kept.remove(0));
        assert_eq!((slots.available_permits(), tracker.len()), (1, 1));
        assert_eq!(sockets.shut_down(false), 1);
    }
}
