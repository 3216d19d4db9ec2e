//! Whether a connection is idle, in the head of a request, or at work, and since when; and the
//! stream wrapper that notices. What follows from it is decided in `front/connection.rs`.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection is read on after an early answer, so that the client, which still
/// sends, gets to read the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(3);

/// What is known about a connection's activity. Shared by its stream, its driver and the
/// requests on it, all on one thread.
pub(super) struct Pulse {
    running: Cell<usize>,
    has_begun: Cell<bool>,
    idle_since: Cell<Instant>,
    /// When the first byte came after the connection was idle; of no meaning in HTTP/2, whose
    /// frames come at any time.
    head_since: Cell<Option<Instant>>,
    http2: Cell<bool>,
    lingers: Cell<bool>,
}

/// Why a connection has to end, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// The head of a request is not complete.
    Head(Instant),
    /// There was no request for so long.
    Idle(Instant),
}

impl Pulse {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            running: Cell::new(0),
            has_begun: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            http2: Cell::new(false),
            lingers: Cell::new(false),
        })
    }

    /// A request has begun; it runs until the guard is dropped.
    pub(super) fn begin(self: &Rc<Self>, http2: bool) -> Running {
        self.running.set(self.running.get() + 1);
        self.has_begun.set(true);
        self.head_since.set(None);
        self.http2.set(http2);
        Running(Rc::clone(self))
    }

    /// The client is answered before all of its request's body was read.
    pub(super) fn linger(&self) {
        self.lingers.set(true);
    }

    /// Whether there was a request at all.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    fn is_running(&self) -> bool {
        self.running.get() > 0
    }

    /// When the connection has to end if nothing happens; `None` while a request runs.
    pub(super) fn deadline(&self, head: Duration, idle: Duration) -> Option<Deadline> {
        if self.is_running() {
            return None;
        }
        let idle = self.idle_since.get() + idle;
        match self.head_since.get() {
            Some(since) if !self.http2.get() => Some(Deadline::Head(since + head)),
            _ => Some(Deadline::Idle(idle)),
        }
    }

    /// Whether the client may be sending what nobody reads: the rest of a body, or what follows
    /// the point at which a head turned out malformed.
    fn may_still_send(&self) -> bool {
        let in_head = self.head_since.get().is_some() && !self.http2.get();
        self.lingers.get() || (in_head && !self.is_running())
    }

    fn bytes_came(&self) {
        if !self.is_running() && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// A response may be over for its request and still on its way to a slow client.
    fn bytes_went(&self) {
        if !self.is_running() {
            self.idle_since.set(Instant::now());
        }
    }
}

impl Deadline {
    pub(super) fn at(self) -> Instant {
        match self {
            Self::Head(at) | Self::Idle(at) => at,
        }
    }
}

/// A request that runs on a connection.
pub(super) struct Running(Rc<Pulse>);

impl Running {
    pub(super) fn pulse(&self) -> &Pulse {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let running = self.0.running.get() - 1;
        self.0.running.set(running);
        if running == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

/// A stream that tells the pulse what comes in.
pub(super) struct Monitored<S> {
    stream: S,
    pulse: Rc<Pulse>,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> Monitored<S> {
    pub(super) fn new(stream: S, pulse: Rc<Pulse>) -> Self {
        Self { stream, pulse, lingering: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Monitored<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Monitored<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.pulse.bytes_went();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.pulse.may_still_send() {
                return Poll::Ready(Ok(()));
            }
        }
        let timer = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut scratch = [0; 4096];
        while timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.pulse.bytes_went();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
