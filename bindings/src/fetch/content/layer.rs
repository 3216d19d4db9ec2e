//! A body with some of its codings off, as the next decoder reads it: a portion in each turn of the
//! thread, and charged to the isolate with what the last decoder holds. Not here: the codings
//! (`content.rs`), who begins a new portion (`decoded.rs`).

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::memory::Charge;

/// Bytes that all layers of a body together pass on in one turn. So few take some milliseconds,
/// whatever they are: members of gzip and blocks of brotli may be empty, and small before they are
/// decoded.
pub(super) const PORTION_BYTES: usize = 64 * 1024;

/// What is left of the portion of this turn. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Portion(Rc<Cell<usize>>);

impl Portion {
    /// A whole one.
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new(PORTION_BYTES)))
    }

    /// Whether nothing is left.
    pub(super) fn is_used_up(&self) -> bool {
        self.0.get() == 0
    }

    /// It is another turn.
    pub(super) fn begin(&self) {
        self.0.set(PORTION_BYTES);
    }
}

/// A layer. Where the portion is used up it is pending, and has woken whoever reads.
pub(super) struct Layer<R> {
    inner: R,
    portion: Portion,
    _held: Option<Charge>,
}

impl<R> Layer<R> {
    /// A layer of what a decoder gives, which holds so much.
    pub(super) fn new(inner: R, portion: Portion, held: Option<Charge>) -> Self {
        Self { inner, portion, _held: held }
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Layer<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.portion.is_used_up() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        Poll::Ready(Ok(&bytes[..bytes.len().min(this.portion.0.get())]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        let left = &this.portion.0;
        left.set(left.get().saturating_sub(amount));
        Pin::new(&mut this.inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Layer<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = bytes.len().min(room.remaining());
        room.put_slice(&bytes[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}
