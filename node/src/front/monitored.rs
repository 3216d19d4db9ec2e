//! The stream below hyper: it tells the pulse what moves, has heads looked at before hyper reads
//! them and counted until they are begun, keeps the end of what the client sends from hyper while an
//! answer is made, and all that follows a request for an upgrade, and reads on after an early answer.
//! What a connection's silence means is decided in `front/connection.rs`.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::ahead::Purse;
use super::heads::Heads;
use super::pulse::Pulse;
use super::tally::CutOff;

/// How long a connection is read on after an early answer, so that the client, which still
/// sends, gets to read the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(3);

/// When it is first looked whether a request lacks something: what has come is by then where it is
/// waited for.
const SETTLE: Duration = Duration::from_millis(50);

/// Why a connection ends in a head, or with one that waits.
const NO_ROOM: &str = "its address, or the node, has as many bytes of requests as it may";
/// Why one ends that was told to close, and goes on, or that sends far more heads than it may.
const TOO_MANY: &str = "more small pieces of bodies, or heads, come than it may hold";

/// A stream that tells the pulse what comes in and goes out.
pub(super) struct Monitored<S> {
    /// Its connection's, which may go on with it when hyper does not.
    stream: Rc<RefCell<S>>,
    pulse: Rc<Pulse>,
    heads: Heads,
    purse: Rc<Purse>,
    lingering: Option<Pin<Box<Sleep>>>,
    half_close_timeout: Duration,
    half_closed: Option<HalfClosed>,
}

/// The client sends nothing more.
struct HalfClosed {
    /// Hyper learns of it when this rings, or before.
    timer: Pin<Box<Sleep>>,
    /// What it had taken when the timer was set again, in bytes.
    taken: Option<u64>,
}

impl<S> Monitored<S> {
    pub(super) fn new(
        stream: Rc<RefCell<S>>,
        pulse: Rc<Pulse>,
        purse: Rc<Purse>,
        half_close_timeout: Duration,
    ) -> Self {
        let heads = Heads::default();
        let (lingering, half_closed) = (None, None);
        Self { stream, pulse, heads, purse, lingering, half_close_timeout, half_closed }
    }

    /// Counts what has come of bodies, of heads that wait behind a request, and of one that is not
    /// complete.
    ///
    /// # Errors
    /// There is no room for the heads: the connection ends, as nothing can be answered to them yet. Or
    /// far too many small pieces have come, or heads at once in HTTP/2.
    fn keep(&mut self, came_bytes: usize) -> io::Result<()> {
        let of_bodies = self.heads.take_of_bodies();
        if !self.purse.bodies_came(came_bytes, &of_bodies) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, TOO_MANY));
        }
        let unfinished = self.heads.unfinished_bytes(self.purse.head_bytes());
        let early = self.pulse.upgrading().early_bytes();
        self.within_room(self.purse.came(self.heads.complete(), unfinished + early))
    }

    fn within_room(&self, has_room: bool) -> io::Result<()> {
        if has_room {
            return Ok(());
        }
        self.pulse.is_cut_off(CutOff::Room);
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, NO_ROOM))
    }

    /// The client sends nothing more, and hyper would take it for gone. Ready when it may: where
    /// nobody waits for an answer, what was asked is not complete, or it was long enough.
    fn poll_half_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.pulse.is_running() || self.pulse.is_http2() {
            return Poll::Ready(());
        }
        let half_closed = self
            .half_closed
            .get_or_insert_with(|| HalfClosed { timer: Box::pin(sleep(SETTLE)), taken: None });
        while half_closed.timer.as_mut().poll(cx).is_ready() {
            let taken = Some(self.pulse.taken());
            let has_waited = std::mem::replace(&mut half_closed.taken, taken) == taken;
            if has_waited || self.pulse.lacks_some_of_a_body() {
                return Poll::Ready(());
            }
            half_closed.timer.as_mut().reset(Instant::now() + self.half_close_timeout);
        }
        self.pulse.wake_when_answered(cx.waker());
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Monitored<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let is_full = buffer.remaining() == 0;
        // Whether a request for an upgrade waits for its answer.
        let is_early = this.heads.are_behind_ask() && this.pulse.is_running();
        let upgrading = this.pulse.upgrading();
        match is_early {
            true if upgrading.early_bytes() > 0 => {
                this.pulse.wake_when_answered(cx.waker());
                return Poll::Pending;
            }
            true => {}
            false => upgrading.release(buffer),
        }
        if this.half_closed.is_none() && buffer.filled().len() == before {
            let read = Pin::new(&mut *this.stream.borrow_mut()).poll_read(cx, buffer);
            if read.is_pending() {
                this.purse.all_is_read();
            }
            ready!(read)?;
        }
        match buffer.filled_mut().get_mut(before..) {
            Some(came @ [_, ..]) if is_early => {
                upgrading.hold(came);
                buffer.set_filled(before);
                this.within_room(this.purse.wait_early(upgrading.early_bytes()))?;
                this.pulse.wake_when_answered(cx.waker());
                Poll::Pending
            }
            Some(came @ [_, ..]) => {
                this.pulse.bytes_came();
                let seen = this.heads.look_at(came);
                upgrading.hold(came.get(seen..).unwrap_or_default());
                buffer.set_filled(before + seen);
                Poll::Ready(this.keep(seen))
            }
            _ if is_full => Poll::Ready(Ok(())),
            _ => this.poll_half_closed(cx).map(Ok),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Monitored<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream.borrow_mut()).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut *this.stream.borrow_mut()).poll_shutdown(cx))?;
            if !this.pulse.may_still_send() {
                return Poll::Ready(Ok(()));
            }
        }
        let timer = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut scratch = [0; 4096];
        while timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            let mut stream = this.stream.borrow_mut();
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream.borrow_mut()).poll_write_vectored(cx, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.borrow().is_write_vectored()
    }
}

impl<S> Monitored<S> {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.pulse.bytes_went(Some(*bytes)),
            Poll::Pending => self.pulse.bytes_went(None),
            Poll::Ready(Err(_)) => {}
        }
    }
}
