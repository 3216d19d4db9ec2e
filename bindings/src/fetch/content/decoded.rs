//! A body without its codings. They are taken off while the worker reads, on its own shard: what
//! that takes is its event's, in memory and in CPU time, and others come in between. deno_core polls
//! what is not there at once outside of the isolate's slices, so that the CPU time of decoding is
//! charged here. Not here: the codings (`content.rs`).

use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use deno_core::CancelHandle;
use tokio::io::{AsyncBufRead, AsyncRead, BufReader, ReadBuf};

use super::layer::{Layer, Portion};
use super::{BoxRead, Coding, decoder, held_bytes, is_zlib};
use crate::crypto::{CpuAccount, thread_cpu};
use crate::event::EventId;
use crate::memory::{Charge, Meter};

/// The event that pays for decoding.
pub(crate) struct Payer {
    pub(crate) account: CpuAccount,
    pub(crate) event: EventId,
    /// Cancelled when it is over.
    pub(crate) over: Rc<CancelHandle>,
}

impl Payer {
    /// Does a piece of work of the isolate's thread. Fails where the event is over, or has used all
    /// its CPU time and so ends.
    fn pay<T>(&self, work: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.over.is_canceled() {
            return Poll::Ready(Err(io::Error::other("the request is over")));
        }
        // A slice is charged with all that the thread takes.
        if self.account.is_running() {
            return work();
        }
        let before = thread_cpu();
        let done = work();
        let time = thread_cpu().saturating_sub(before);
        if self.account.charge(Some(self.event), time) {
            let reason = "the event has used up its CPU time: see limits.cpu_ms";
            return Poll::Ready(Err(io::Error::other(reason)));
        }
        done
    }
}

/// The body.
pub(crate) struct Decoded {
    layers: Layers,
    payer: Option<Payer>,
    /// What polls next does so in another turn of the thread.
    has_waited: bool,
}

struct Layers {
    body: BoxRead,
    /// Those that are still on; the last one comes off first.
    codings: Vec<Coding>,
    portion: Portion,
    meter: Option<Meter>,
}

impl Decoded {
    /// A body with these codings, the one applied first at the front. What decoders hold is counted
    /// with the meter from the first byte on until this is dropped.
    pub(crate) fn new(
        body: BoxRead,
        codings: Vec<Coding>,
        meter: Option<Meter>,
        payer: Option<Payer>,
    ) -> Self {
        let portion = Portion::new();
        let body = Box::new(Layer::new(body, portion.clone(), None));
        Self { layers: Layers { body, codings, portion, meter }, payer, has_waited: false }
    }
}

impl Layers {
    /// Makes the decoders. Each waits for the first bytes: a body that turns out to be empty is
    /// empty, whatever coding it claims.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(coding) = self.codings.last().copied() {
            let start = ready!(Pin::new(&mut self.body).poll_fill_buf(cx))?;
            let Some(&first) = start.first() else {
                self.codings.clear();
                break;
            };
            let is_zlib = is_zlib(start);
            let held_bytes = held_bytes(coding, first)?;
            let held = self.meter.as_ref().map(|meter| Charge::new(held_bytes, meter.queued()));
            let body = mem::replace(&mut self.body, Box::new(tokio::io::empty()));
            let decoded = BufReader::new(decoder(coding, is_zlib, body));
            self.body = Box::new(Layer::new(decoded, self.portion.clone(), held));
            self.codings.pop();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_begin(cx))?;
        Pin::new(&mut self.body).poll_read(cx, room)
    }
}

impl AsyncRead for Decoded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.layers.portion.is_used_up() {
            if !this.has_waited {
                this.has_waited = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.layers.portion.begin();
        }
        let layers = &mut this.layers;
        let polled = match &this.payer {
            Some(payer) => payer.pay(|| layers.poll_read(cx, room)),
            None => layers.poll_read(cx, room),
        };
        this.has_waited = polled.is_pending();
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use async_compression::tokio::bufread::GzipEncoder;
    use tokio::io::AsyncReadExt;

    use super::super::layer::PORTION_BYTES;
    use super::*;

    async fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut coded = Vec::new();
        GzipEncoder::new(bytes).read_to_end(&mut coded).await.unwrap();
        coded
    }

    /// Reads to the end; answers how much there was, and how many turns it took.
    fn read(mut body: Decoded) -> (usize, usize) {
        let (mut bytes, mut turns) = (0, 1);
        let mut cx = Context::from_waker(Waker::noop());
        let mut room = vec![0; PORTION_BYTES];
        loop {
            let mut room = ReadBuf::new(&mut room);
            match Pin::new(&mut body).poll_read(&mut cx, &mut room) {
                Poll::Pending => turns += 1,
                Poll::Ready(Ok(())) if room.filled().is_empty() => return (bytes, turns),
                Poll::Ready(Ok(())) => bytes += room.filled().len(),
                Poll::Ready(Err(error)) => panic!("{error}"),
            }
        }
    }

    fn body(coded: Vec<u8>, codings: usize) -> Decoded {
        Decoded::new(Box::new(io::Cursor::new(coded)), vec![Coding::Gzip; codings], None, None)
    }

    #[tokio::test]
    async fn what_comes_out_comes_in_portions() {
        const BYTES: usize = 4 << 20;
        let (bytes, turns) = read(body(gzip(&vec![0; BYTES]).await, 1));
        assert_eq!(bytes, BYTES);
        assert!(turns >= BYTES / PORTION_BYTES, "{turns} turns");
    }

    #[tokio::test]
    async fn what_nothing_comes_out_of_goes_in_in_portions() {
        let nothing = gzip(&[]).await.repeat(200_000);
        let least = nothing.len() / PORTION_BYTES;
        let (bytes, turns) = read(body(gzip(&nothing).await, 2));
        assert_eq!(bytes, 0);
        assert!(turns >= least && least > 50, "{turns} turns, not {least}");
    }

    #[tokio::test]
    async fn what_decoders_hold_counts_from_the_first_byte_until_the_body_is_dropped() {
        let meter = Meter::default();
        let coded = gzip(&gzip(b"text").await).await;
        let source = Box::new(io::Cursor::new(coded));
        let mut body = Decoded::new(source, vec![Coding::Gzip; 2], Some(meter.clone()), None);
        assert_eq!(meter.queued_bytes(), 0);
        assert_eq!(body.read_u8().await.unwrap(), b't');
        assert_eq!(meter.queued_bytes(), 2 * super::super::DEFLATE_BYTES);
        drop(body);
        assert_eq!(meter.queued_bytes(), 0);
    }
}
