//! The stream below hyper: it tells the pulse what moves, has heads looked at before hyper reads
//! them, gives clients that send nothing more the time for their answer, and reads on after an early
//! one. What a connection's silence means is decided in `front/connection.rs`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::heads::Heads;
use super::pulse::Pulse;

/// How long a connection is read on after an early answer, so that the client, which still
/// sends, gets to read the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(3);
/// How often it is looked whether a client that sends nothing more is still there.
const ROLL_CALL: Duration = Duration::from_secs(1);
/// A client that sends nothing more, cannot be asked and has nothing to read for so many roll
/// calls has gone.
const SILENT_ROLL_CALLS: u32 = 5;
/// What a client that has closed its socket answers with a reset, and one that waits passes over.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A stream that tells the pulse what comes in and goes out.
pub(super) struct Monitored<S> {
    stream: S,
    pulse: Rc<Pulse>,
    heads: Heads,
    /// Whether the end of what comes says nothing about the other direction. Not so in TLS, where
    /// clients say that they close.
    has_halves: bool,
    half_closed: Option<Box<HalfClosed>>,
    lingering: Option<Pin<Box<Sleep>>>,
}

/// A client that sends nothing more. It may have closed its socket, which looks the same until
/// something is sent to it.
struct HalfClosed {
    next: Pin<Box<Sleep>>,
    asked: bool,
    silent: u32,
    taken: Option<u64>,
}

impl<S> Monitored<S> {
    pub(super) fn new(stream: S, pulse: Rc<Pulse>, has_halves: bool) -> Self {
        let heads = Heads::default();
        Self { stream, pulse, heads, has_halves, half_closed: None, lingering: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Monitored<S> {
    /// The end of what comes: at once, unless an answer is owed and somebody may be there to read
    /// it.
    fn poll_end(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.pulse.is_owed_an_answer() {
                return Poll::Ready(Ok(()));
            }
            self.pulse.wake_at_end(cx.waker());
            let taken = self.pulse.taken();
            let state = self.half_closed.get_or_insert_with(|| {
                let next = Box::pin(sleep(ROLL_CALL));
                Box::new(HalfClosed { next, asked: false, silent: 0, taken })
            });
            ready!(state.next.as_mut().poll(cx));
            state.next.as_mut().reset(Instant::now() + ROLL_CALL);
            // A reset is an error here.
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            if self.pulse.takes_interim() {
                if !std::mem::replace(&mut state.asked, true) {
                    let asked = ready!(Pin::new(&mut self.stream).poll_write(cx, INTERIM))?;
                    if asked < INTERIM.len() {
                        // Nothing could follow half an interim response.
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                }
                continue;
            }
            let moves = taken.is_none() || taken != state.taken;
            state.taken = taken;
            state.silent = if moves { 0 } else { state.silent + 1 };
            if state.silent >= SILENT_ROLL_CALLS {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Monitored<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.half_closed.is_some() {
            return this.poll_end(cx, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        if let Some(came @ [_, ..]) = buffer.filled_mut().get_mut(before..) {
            this.pulse.bytes_came();
            this.heads.look_at(came);
            return Poll::Ready(Ok(()));
        }
        if this.has_halves && buffer.remaining() > 0 {
            return this.poll_end(cx, buffer);
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
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written);
        written
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
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
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
