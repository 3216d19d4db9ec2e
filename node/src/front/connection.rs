//! One connection from its first byte to its end: hyper serves it, until a worker may take it over, and
//! this file decides when it has to end. What happens with a request is in `front/service.rs`, and how bytes
//! come to such a worker in `front/upgrade/tunnel.rs`.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use runtime::{Socket, Upgrade};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::ahead::{Account, Purse};
use super::client::{Connected, Secured};
use super::monitored::Monitored;
use super::pulse::{Deadline, Pulse};
use super::service::{self, Peer};
use super::sockets::Place;
use super::upgrade::Tunnel;
use super::{Front, Handler};
use crate::tls::Tls;

/// How long a client may take to notice that the connection closes.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the first request of a new connection may take to arrive when the front is stopping:
/// it was sent before the client could know. Where the front hands over to another process, the
/// next request of any connection.
const LAST_CALL: Duration = Duration::from_millis(500);
/// How long a connection that has to close because memory is short may take for it.
const DISMISSAL: Duration = Duration::from_secs(1);
/// Whose client has said nothing for so long is not about to say something: it is told to close at
/// once where the front hands over.
const LONG_IDLE: Duration = Duration::from_secs(1);
/// How often it is looked whether a request is still on its way on a connection that closes.
const ARRIVAL_TICK: Duration = Duration::from_millis(5);
/// An HTTP/2 client that answers no ping for so long is gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests that one HTTP/2 connection may have running.
const MAX_STREAMS: u32 = 200;
/// What HTTP/2 takes of an answer before the client does, in bytes.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// What a client may send of the bodies of its requests before their workers take it, in bytes: of
/// one, and of all on a connection. All of it may have to be kept in memory, for each connection. In
/// 50 ms, the time to a client that is far and back, one moves 5 MB a second, and all 20. Of frames of
/// less than 256 bytes that come one after another h2 keeps no more unread than fill half of the
/// connection's window, each taken for 256 bytes. Larger ones in between make room for more of them, so
/// that small ones are counted, too, see `front/ahead/pieces.rs`.
pub(super) const STREAM_WINDOW_BYTES: u32 = 256 << 10;
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// The same of all on a connection of a trusted proxy, whose clients are many: four bodies that a worker
/// does not take are no reason for those of others to wait. Not more than a few such connections have
/// it, see `front/ahead.rs`.
pub(super) const WIDE_WINDOW_BYTES: u32 = 16 << 20;
/// The head of a request may be so much longer than its limits before hyper cuts it off with an
/// answer that has no page; within it the front gives its own.
const HEAD_SLACK_BYTES: usize = 64 << 10;

/// What the connections of one listener on one shard share.
pub(super) struct Shard<H> {
    front: Arc<Front<H>>,
    tls: Option<Arc<Tls>>,
    builder: auto::Builder<LocalExecutor>,
    /// The same with the wide window.
    wide_builder: auto::Builder<LocalExecutor>,
    /// Children of the front's tokens: connections register here, so that shards do not meet at
    /// one lock.
    stopping: CancellationToken,
    killed: CancellationToken,
}

impl<H: Handler> Shard<H> {
    pub(super) fn new(front: Arc<Front<H>>, tls: Option<Arc<Tls>>) -> Rc<Self> {
        let head_bytes = front.limits.url_bytes + front.limits.headers_bytes + HEAD_SLACK_BYTES;
        let mut builder = auto::Builder::new(LocalExecutor);
        // `pipeline_flush` stays off: it sends nothing while unread bytes wait, so that an answer
        // to a malformed head would never leave, nor a stream's chunks while a further request
        // waits. Time-outs of HTTP/1 are this file's: hyper's own takes a timer per request.
        builder.http1().header_read_timeout(None).max_buf_size(head_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX));
        let mut wide_builder = builder.clone();
        wide_builder.http2().initial_connection_window_size(WIDE_WINDOW_BYTES);
        let stopping = front.stopping.child_token();
        let killed = front.killed.child_token();
        Rc::new(Self { front, tls, builder, wide_builder, stopping, killed })
    }

    pub(super) fn front(&self) -> &Arc<Front<H>> {
        &self.front
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Who has connected, and how.
    pub(super) fn connected(
        &self,
        client: SocketAddr,
        secured: Option<Secured>,
        place: Place,
    ) -> Connected {
        Connected::new(client, secured, place, Arc::clone(&self.front.cf))
    }

    /// Serves a connection to its end. `asked` is there while a request may come or waits for its
    /// answer.
    pub(super) async fn serve<S>(
        &self,
        stream: S,
        connected: Connected,
        asked: TaskTrackerToken,
        account: Arc<Account>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let pulse = Pulse::new();
        let client = connected.address();
        let purse = Purse::new(Arc::clone(&account));
        let stream = Rc::new(RefCell::new(stream));
        let is_done =
            self.serve_http(Rc::clone(&stream), connected, asked, &account, &pulse, &purse).await;
        if is_done
            && let Some((upgrade, early)) = pulse.upgrading().take()
            && let Some(stream) = Rc::into_inner(stream)
        {
            // What waited is the tunnel's, and there are no further heads.
            purse.wait_early(0);
            let tunnel = Tunnel::new(stream.into_inner(), early);
            // By itself, so that no other connection has room for it.
            Box::pin(self.carry(tunnel, *upgrade, &pulse, &account)).await;
        }
        if let Some(why) = pulse.why_cut_off() {
            self.front.tally.cut_off(why, client);
        }
    }

    /// Carries the bytes of a connection that a worker takes over, to its end. It may be silent for as long as
    /// it likes, but its client not leave what it is sent; where the front stops, it is cut off when all others
    /// are.
    async fn carry<S>(
        &self,
        (tunnel, far): (Tunnel<S>, Box<dyn Socket>),
        upgrade: Upgrade,
        pulse: &Pulse,
        account: &Account,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let limits = &self.front.limits;
        let lost = upgrade.lost().cloned().unwrap_or_default();
        if upgrade.taker.send(far).is_err() {
            return;
        }
        let dismissed = poll_fn(|cx| {
            account.wake_when_dismissed(cx.waker());
            if account.is_dismissed() { Poll::Ready(()) } else { Poll::Pending }
        });
        let stalled = async {
            loop {
                sleep(limits.progress_timeout).await;
                if pulse.is_stalled(limits.progress_bytes) {
                    break;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.killed.cancelled() => {}
            () = lost.cancelled() => {}
            () = dismissed => {}
            () = stalled => {}
            () = tunnel.run(pulse, limits.half_close_timeout, FAREWELL) => {}
        }
    }

    /// Has hyper serve requests. Answers whether it has come to an end by itself: then the connection may be
    /// a worker's.
    async fn serve_http<S>(
        &self,
        stream: Rc<RefCell<S>>,
        connected: Connected,
        asked: TaskTrackerToken,
        account: &Arc<Account>,
        pulse: &Rc<Pulse>,
        purse: &Rc<Purse>,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let mut asked = Some(asked);
        let client = connected.address();
        let may_be_http2 = connected.secured().is_none_or(|secured| secured.is_http2);
        let io = TokioIo::new(Monitored::new(
            stream,
            Rc::clone(pulse),
            Rc::clone(purse),
            self.front.limits.half_close_timeout,
        ));
        let peer = Rc::new(Peer::new(connected, Rc::clone(pulse), Rc::clone(purse)));
        let front = Arc::clone(&self.front);
        let service = service_fn(move |request| {
            service::answer(Arc::clone(&front), Rc::clone(&peer), request)
        });
        let is_wide = may_be_http2 && account.widen();
        let builder = if is_wide { &self.wide_builder } else { &self.builder };
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut stopping = pin!(self.stopping.cancelled());
        let mut killed = pin!(self.killed.cancelled());
        // It rings for progress, too.
        let first = self.front.limits.idle_timeout.min(self.front.limits.progress_timeout);
        let mut clock = pin!(sleep_until(Instant::now() + first));
        let mut phase = Phase::Open;
        // Once: it is one task that polls the connection, as often as there is something to do.
        poll_fn(|cx| {
            account.wake_when_dismissed(cx.waker());
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                    if let Err(error) = &result {
                        tracing::debug!(%client, error, "connection ended early");
                    }
                    return Poll::Ready(result.is_ok());
                }
                purse.settle_streams();
                if killed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(false);
                }
                if phase == Phase::Open && stopping.as_mut().poll(cx).is_ready() {
                    phase = Phase::LastCall;
                    clock.as_mut().reset(Instant::now() + LAST_CALL);
                }
                match phase {
                    Phase::Dismissed => return clock.as_mut().poll(cx).map(|()| false),
                    _ if account.is_dismissed() => phase = Phase::Dismissed,
                    Phase::LastCall if self.has_had_last_call(pulse) => phase = Phase::Closing,
                    Phase::LastCall => {
                        if clock.as_mut().poll(cx).is_pending() {
                            return Poll::Pending;
                        }
                        if self.front.is_handing_over() && self.is_in_time(pulse) {
                            clock.as_mut().reset(Instant::now() + LAST_CALL);
                            continue;
                        }
                        phase = Phase::Closing;
                    }
                    Phase::Open | Phase::Closing => {
                        let closing = phase == Phase::Closing;
                        match self.due(cx, pulse, clock.as_mut(), closing) {
                            Due::Later => return Poll::Pending,
                            Due::Now => return Poll::Ready(false),
                            Due::Farewell => phase = Phase::Closing,
                        }
                    }
                }
                if let Some(asked) = asked.take() {
                    let last_call = if pulse.is_http2() { LAST_CALL } else { Duration::ZERO };
                    tokio::task::spawn_local(until_arrived(asked, Rc::downgrade(pulse), last_call));
                }
                if !pulse.upgrading().is_granted() {
                    // Of a response that says so already hyper would leave what is not sent.
                    connection.as_mut().graceful_shutdown();
                }
                let patience = if phase == Phase::Dismissed { DISMISSAL } else { FAREWELL };
                clock.as_mut().reset(Instant::now() + patience);
                // Polled again, so that an idle connection closes now.
            }
        })
        .await
    }

    /// Whether a request that may have been on its way when the front began to stop has come.
    fn has_had_last_call(&self, pulse: &Pulse) -> bool {
        match self.front.is_handing_over() {
            false => pulse.has_begun(),
            // In HTTP/2 no request is lost by being told.
            true => {
                let is_told_safely = pulse.is_http2() && pulse.has_begun();
                pulse.is_running() || is_told_safely || pulse.is_idle_for(LONG_IDLE)
            }
        }
    }

    /// Whether the head of a request is coming.
    fn is_in_time(&self, pulse: &Pulse) -> bool {
        let limits = &self.front.limits;
        match pulse.deadline(limits.header_timeout, limits.idle_timeout) {
            Some(Deadline::Head(at)) => Instant::now() < at,
            _ => false,
        }
    }

    /// Looks at the connection's clock. It is set for the nearest deadline and only read when it
    /// rings, so that a request on a busy connection costs no timer.
    fn due(
        &self,
        cx: &mut Context<'_>,
        pulse: &Pulse,
        mut clock: std::pin::Pin<&mut tokio::time::Sleep>,
        closing: bool,
    ) -> Due {
        let limits = &self.front.limits;
        let idle_timeout = if closing { FAREWELL } else { limits.idle_timeout };
        let deadline = pulse.deadline(limits.header_timeout, idle_timeout);
        if let Some(Deadline::Head(at)) = deadline
            && at < clock.deadline()
        {
            clock.as_mut().reset(at);
        }
        while clock.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let next_look = now + limits.progress_timeout;
            let next = match deadline {
                None if pulse.is_stalled(limits.progress_bytes) => return Due::Now,
                None => next_look,
                Some(deadline) if deadline.at() > now => deadline.at().min(next_look),
                Some(Deadline::Idle(_)) if !closing => return Due::Farewell,
                Some(deadline) => {
                    pulse.is_over(deadline);
                    return Due::Now;
                }
            };
            clock.as_mut().reset(next);
        }
        Due::Later
    }
}

/// Keeps `asked` until all that a connection which closes was asked has come to its worker, also
/// what was asked before the client could know.
async fn until_arrived(asked: TaskTrackerToken, pulse: Weak<Pulse>, last_call: Duration) {
    let _asked = asked;
    let end = Instant::now() + last_call;
    while pulse.upgrade().is_some_and(|pulse| pulse.is_asked() || Instant::now() < end) {
        sleep(ARRIVAL_TICK).await;
    }
}

/// How far a connection is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The front is stopping, but the connection's first request may be on its way.
    LastCall,
    /// The client is told that no further request is served.
    Closing,
    /// The same, and what runs is cut off soon: memory is short.
    Dismissed,
}

/// What a connection's clock says.
enum Due {
    Later,
    /// The connection is told to close, and given a moment for it.
    Farewell,
    /// The connection is dropped.
    Now,
}

/// Runs the streams of HTTP/2 connections on the shard's thread.
#[derive(Clone, Copy)]
pub(super) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
