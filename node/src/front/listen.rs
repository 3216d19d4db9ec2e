//! Listening sockets and the loop that accepts from them. What a connection does is in
//! `front/connection.rs`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::addresses::Counted;
use super::ahead::Account;
use super::client::Secured;
use super::connection::Shard;
use super::tally::CutOff;
use super::{Front, Handler, Sockets};
use crate::tls::Tls;

/// Connections that wait in the kernel; the kernel's own bound (`somaxconn`) holds, too.
const BACKLOG: i32 = 4096;
/// What the kernel may hold of an answer that is not yet sent, in bytes.
const UNSENT_BYTES: u32 = 128 << 10;
/// How long accepting stops when the process has no file descriptor left.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);
/// After so long without a sign of life the kernel asks whether the client is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Sockets that listen at the address, one for each shard: the kernel spreads connections over
/// them (SO_REUSEPORT). Nobody else has a socket there, so that no other process, such as a second
/// node of the same user, takes a part of the connections.
///
/// # Errors
/// What the operating system says, such as that somebody listens at the address.
pub fn bind(address: SocketAddr, sockets: usize) -> io::Result<Vec<TcpListener>> {
    let first = listening(address, false)?;
    // Port 0 becomes a port with the first socket; the others share it.
    let address = first.local_addr()?;
    // From now on the address can be shared, and by then the first socket was there alone.
    SockRef::from(&first).set_reuse_port(true)?;
    let others = (1..sockets).map(|_| listening(address, true));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// So many sockets at the address of those that were left there by another process, and those
/// among them. Fewer where the system gives no further ones: each is served all the same. The
/// further ones are to [`begin`] when they are served: the other process may still serve its own for
/// long, or for ever.
pub(crate) fn adopt(left: Vec<TcpListener>, sockets: usize) -> Vec<TcpListener> {
    let mut adopted = left;
    let address = adopted.first().and_then(|first| first.local_addr().ok());
    while let Some(address) = address.filter(|_| adopted.len() < sockets) {
        match bound(address, true) {
            Ok(listener) => adopted.push(listener),
            Err(error) => {
                tracing::warn!(%error, %address, "a shard has no socket of its own");
                break;
            }
        }
    }
    adopted
}

/// Begins to listen, where the socket does not.
///
/// # Errors
/// What the operating system says.
pub(crate) fn begin(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).listen(BACKLOG)
}

fn listening(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let listener = bound(address, shared)?;
    begin(&listener)?;
    Ok(listener)
}

/// A socket that has the address and does not listen.
fn bound(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` are two listeners, whatever the system's default.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Of an answer the kernel takes no more than is on its way and this; accepted sockets inherit
    // it. So a slow client holds little memory, and what it takes is seen as it is taken.
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    Ok(socket.into())
}

/// Accepts until told to stop.
pub(super) async fn accept<H: Handler>(
    front: Arc<Front<H>>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    closed: CancellationToken,
    sockets: Sockets,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "cannot listen");
            return;
        }
    };
    let shard = Shard::new(Arc::clone(&front), tls);
    loop {
        let accepted = tokio::select! {
            biased;
            () = front.stopping.cancelled() => break,
            () = closed.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let Some(counted) = admit(&front, client) else { continue };
                let slot = Arc::clone(&front.slots).acquire_owned();
                // At the limit the shard holds this one connection and leaves the others in the
                // kernel's queue.
                tokio::select! {
                    biased;
                    () = front.killed.cancelled() => return,
                    Ok(slot) = slot => start(&shard, &sockets, stream, client, counted, slot),
                    () = front.stopping.cancelled() => {
                        let late = Late { stream, client, counted };
                        late.spawn(Rc::clone(&shard), sockets.clone());
                        break;
                    }
                }
            }
            Err(error) => pause_after(&error).await,
        }
    }
    if front.is_handing_over() {
        // They wait for the next process, which has the socket, too.
        return;
    }
    // Connections that the kernel has accepted already are not reset.
    while let Some(Ok((stream, client))) = listener.accept().now_or_never() {
        let Some(counted) = admit(&front, client) else { continue };
        let Ok(slot) = Arc::clone(&front.slots).try_acquire_owned() else { break };
        start(&shard, &sockets, stream, client, counted, slot);
    }
}

/// Counts a connection; `None` if it is to be closed at once: who has too many would else keep
/// others waiting.
fn admit<H>(front: &Front<H>, client: SocketAddr) -> Option<Counted> {
    front.addresses.admit(client, front.slots.available_permits())
}

/// A connection that was held when the front began to stop.
struct Late {
    stream: TcpStream,
    client: SocketAddr,
    counted: Counted,
}

impl Late {
    /// Serves it as soon as there is a slot for it. No listener waits for that, and another process
    /// that is to take over no longer than for other connections that may ask for something.
    fn spawn<H: Handler>(self, shard: Rc<Shard<H>>, sockets: Sockets) {
        let front = Arc::clone(shard.front());
        let tracked = (front.connections.token(), front.asked.token());
        tokio::task::spawn_local(async move {
            let _tracked = tracked;
            let Self { stream, client, counted } = self;
            tokio::select! {
                biased;
                () = front.killed.cancelled() => {}
                Ok(slot) = Arc::clone(&front.slots).acquire_owned() => {
                    start(&shard, &sockets, stream, client, counted, slot);
                }
            }
        });
    }
}

/// Starts serving a connection.
fn start<H: Handler>(
    shard: &Rc<Shard<H>>,
    sockets: &Sockets,
    stream: TcpStream,
    client: SocketAddr,
    counted: Counted,
    slot: OwnedSemaphorePermit,
) {
    let socket = SockRef::from(&stream);
    // Neither is needed for a correct answer, so a failure is none of the client's business.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    let account = Account::new(&shard.front().ahead, shard.front().addresses.client(client));
    let held = (slot, shard.front().connections.token(), counted);
    let stream = sockets.add(stream, Arc::clone(&account), held);
    let place = stream.place();
    let asked = shard.front().asked.token();
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(async move {
        match shard.tls() {
            None => {
                let connected = shard.connected(client, None, place);
                shard.serve(stream, connected, asked, account).await;
            }
            Some(tls) => {
                let limit = shard.front().limits.tls_timeout;
                let handshake = tls.accept(stream, client.ip(), &*shard.front().handler);
                let killed = shard.front().killed.cancelled();
                let secured = tokio::select! {
                    secured = timeout(limit, handshake) => secured,
                    () = killed => return,
                };
                match secured {
                    Ok(Ok((stream, sni))) => {
                        let secured = Secured::new(sni, stream.get_ref().1);
                        let connected = shard.connected(client, Some(secured), place);
                        shard.serve(stream, connected, asked, account).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%client, %error, "TLS handshake failed"),
                    Err(_) => shard.front().tally.cut_off(CutOff::Handshake, client),
                }
            }
        }
    });
}

async fn pause_after(error: &io::Error) {
    match error.kind() {
        // The client has gone before it was accepted.
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {}
        _ => {
            tracing::warn!(%error, "cannot accept connections");
            sleep(NO_DESCRIPTOR_PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_sockets_get_no_connections_before_they_are_served() {
        let left = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let address = left[0].local_addr().unwrap();
        let adopted = adopt(left, 4);
        let listens = |socket: &TcpListener| SockRef::from(socket).is_listener().unwrap();
        assert_eq!(adopted.iter().map(listens).collect::<Vec<_>>(), [true, false, false, false]);
        let connect = |_| std::net::TcpStream::connect(address).unwrap();
        let clients: Vec<_> = (0..32).map(connect).collect();
        let accepted = std::iter::from_fn(|| adopted[0].accept().ok());
        assert_eq!(accepted.count(), clients.len());
        adopted.iter().for_each(|socket| begin(socket).unwrap());
        assert!(adopted.iter().all(listens));
    }
}
