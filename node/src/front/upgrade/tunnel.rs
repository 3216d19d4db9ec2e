//! The bytes that go between a client and the worker that has its connection. The socket stays on its
//! shard: where that is lost it is closed from elsewhere (`front/sockets.rs`), and the worker may run on any.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use runtime::Socket;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::io::poll_read_buf;

use crate::front::pulse::Pulse;

/// What may wait in each direction, in bytes.
const PIPE_BYTES: usize = 16 << 10;
/// So much is read at once.
const PIECE_BYTES: usize = 8 << 10;

/// A client's connection, and the near end of what the worker takes for it.
pub(in crate::front) struct Tunnel<S> {
    client: S,
    worker: DuplexStream,
    inward: Way,
    outward: Way,
}

/// One direction.
#[derive(Default)]
struct Way {
    /// What was read and is not written.
    bytes: BytesMut,
    /// Nothing more comes.
    has_ended: bool,
    is_over: bool,
    /// Nobody takes what comes.
    discards: bool,
    is_flushed: bool,
    /// Whoever it leads to had no room at the last try.
    is_blocked: bool,
    /// What it has taken since somebody asked.
    moved: usize,
}

/// Which end of a way has gone.
enum Broken {
    Source,
    Sink,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tunnel<S> {
    /// A tunnel in which these bytes are on their way to the worker, and the far end of it.
    pub(in crate::front) fn new(client: S, early: BytesMut) -> (Self, Box<dyn Socket>) {
        let (worker, far) = duplex(PIPE_BYTES);
        let inward = Way { bytes: early, ..Way::default() };
        (Self { client, worker, inward, outward: Way::default() }, Box::new(far))
    }

    /// Carries bytes until both have ended, or one has gone. Where the client has ended it may have gone, so
    /// that it has to take something in each span of `half_close`. It may go on for the time of a `farewell`
    /// when its worker has ended.
    pub(in crate::front) async fn run(
        mut self,
        pulse: &Pulse,
        half_close: Duration,
        farewell: Duration,
    ) {
        let mut alone = pin!(None);
        let is_ended = poll_fn(|cx| {
            match self.poll_inward(cx) {
                Poll::Pending => {}
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Ready(Ok(())) if alone.is_none() => alone.set(Some(sleep(half_close))),
                Poll::Ready(Ok(())) => {}
            }
            let outward = self.outward.poll(cx, &mut self.worker, &mut self.client);
            let moved = std::mem::take(&mut self.outward.moved);
            if moved > 0 {
                pulse.bytes_went(Some(moved));
            }
            if self.outward.is_blocked {
                pulse.bytes_went(None);
            }
            if let Poll::Ready(ended) = outward {
                return Poll::Ready(ended.is_ok());
            }
            if let Some(mut timer) = alone.as_mut().as_pin_mut() {
                if moved > 0 {
                    timer.as_mut().reset(Instant::now() + half_close);
                }
                ready!(timer.poll(cx));
                return Poll::Ready(false);
            }
            Poll::Pending
        });
        if is_ended.await {
            // Closed before, it could lose what is on its way to the client.
            let _ = timeout(farewell, poll_fn(|cx| self.poll_inward(cx))).await;
        }
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let inward = self.inward.poll(cx, &mut self.client, &mut self.worker);
        if let Poll::Ready(Err(Broken::Sink)) = inward {
            // What the worker has sent before it went goes on.
            self.inward.discards = true;
            return self.inward.poll(cx, &mut self.client, &mut self.worker);
        }
        inward
    }
}

impl Way {
    /// Ready when all that came has been taken, and nothing more comes.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), Broken>> {
        let mut to = Pin::new(to);
        while !self.is_over {
            if self.discards {
                self.bytes.clear();
            }
            // Until it turns out that there was room.
            self.is_blocked = true;
            while !self.bytes.is_empty() {
                match ready!(to.as_mut().poll_write(cx, &self.bytes)) {
                    Ok(written @ 1..) => {
                        self.bytes.advance(written);
                        self.moved += written;
                        self.is_flushed = false;
                    }
                    _ => return Poll::Ready(Err(Broken::Sink)),
                }
            }
            if self.has_ended {
                if !self.discards {
                    ready!(to.as_mut().poll_shutdown(cx)).map_err(|_| Broken::Sink)?;
                }
                self.is_over = true;
                break;
            }
            self.bytes.reserve(PIECE_BYTES);
            match poll_read_buf(Pin::new(&mut *from), cx, &mut self.bytes) {
                Poll::Ready(Ok(0)) => self.has_ended = true,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Source)),
                Poll::Pending => {
                    // Most are silent most of the time, and need no room.
                    self.bytes = BytesMut::new();
                    if !self.is_flushed && !self.discards {
                        ready!(to.as_mut().poll_flush(cx)).map_err(|_| Broken::Sink)?;
                        self.is_flushed = true;
                    }
                    self.is_blocked = false;
                    return Poll::Pending;
                }
            }
        }
        self.is_blocked = false;
        Poll::Ready(Ok(()))
    }
}
