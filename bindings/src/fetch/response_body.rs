//! The body of a response as JavaScript reads it: piece by piece, decoded on the way, and
//! cancelled when it is closed. Not here: how the pieces come (`client.rs`).

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use deno_core::{
    AsyncRefCell, AsyncResult, BufMutView, BufView, CancelHandle, CancelTryFuture, RcRef, Resource,
};
use deno_error::JsErrorBox;
use futures_util::{Stream, TryStreamExt};
use tokio::io::AsyncReadExt;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connections::Connection;
use super::content::Decoded;
use super::pieces::PieceReader;
use super::service::WorkerPieces;
use crate::memory::{Charge, Meter};

/// Bytes that are decoded at a time.
const DECODE_BYTES: usize = 32 * 1024;

/// Where the bytes come from.
pub(crate) enum Source {
    /// From the network, as they are; what is left of the last piece is read first.
    Raw { pieces: PieceReader, left: Bytes },
    /// From another worker, likewise.
    Worker { pieces: WorkerPieces, left: Bytes },
    /// From either through decoders.
    Decoded(Box<Decoded>),
    /// From memory.
    Whole(Bytes),
    /// Nothing comes any more.
    Ended,
    /// Nothing comes any more, and something is missing.
    Failed(String),
}

/// The resource that the worker's `Response` reads.
pub(crate) struct ResponseBody {
    /// The host of the URL, or the other worker, for messages.
    host: String,
    source: AsyncRefCell<Source>,
    closed: CancelHandle,
    length_bytes: Option<u64>,
    request: CancellationToken,
    /// Nothing where the body does not come from the network.
    connection: Option<Arc<Connection>>,
    meter: Option<Meter>,
    /// What one call of JavaScript has collected so far, in Rust's memory.
    collected: RefCell<Option<Charge>>,
    _end_with_this: DropGuard,
}

impl ResponseBody {
    /// `request` is cancelled with the resource; `length_bytes` is that of the body as it
    /// will be read, if it is known; `meter` counts what is collected of it.
    pub(crate) fn new(
        host: String,
        source: Source,
        length_bytes: Option<u64>,
        request: CancellationToken,
        connection: Option<Arc<Connection>>,
        meter: Option<Meter>,
    ) -> Self {
        Self {
            host,
            source: AsyncRefCell::new(source),
            closed: CancelHandle::new(),
            length_bytes,
            connection,
            meter,
            collected: RefCell::default(),
            _end_with_this: request.clone().drop_guard(),
            request,
        }
    }

    /// Counts a buffer of Rust's, in which all of the body is collected for one call: V8 sees it at
    /// the end. Where the worker reads piece by piece, the buffer is its own.
    fn count_collected(&self, mut room: BufMutView) -> Result<BufMutView, JsErrorBox> {
        let Some(meter) = &self.meter else { return Ok(room) };
        let start = room.reset_cursor();
        let (mut room, length) = match room.maybe_unwrap_bytes() {
            Ok(bytes) => {
                let length = bytes.len();
                (BufMutView::from(bytes), length)
            }
            Err(room) => (room, 0),
        };
        room.advance_cursor(start);
        if length == 0 {
            return Ok(room);
        }
        let mut collected = self.collected.borrow_mut();
        collected.get_or_insert_with(|| Charge::new(0, meter.queued())).set(length);
        match meter.limit_bytes() {
            Some(limit) if meter.queued_bytes() > limit => Err(JsErrorBox::type_error(format!(
                "{}: the body of the response has {start} bytes so far, and the worker has no \
                 memory for more: read it as a stream, or see limits.memory_mb",
                self.host
            ))),
            _ => Ok(room),
        }
    }
}

impl Source {
    /// Up to `limit` bytes; none at the end. Lets go of what it reads from as soon as nothing comes
    /// any more, however long the response is kept.
    async fn read(&mut self, limit: usize) -> io::Result<Bytes> {
        if limit == 0 {
            return Ok(Bytes::new());
        }
        let read = self.read_some(limit).await;
        match &read {
            Ok(bytes) if bytes.is_empty() => *self = Source::Ended,
            Ok(_) => {}
            Err(error) => *self = Source::Failed(error.to_string()),
        }
        read
    }

    async fn read_some(&mut self, limit: usize) -> io::Result<Bytes> {
        match self {
            Source::Raw { pieces, left } => read_piece(pieces, left, limit).await,
            Source::Worker { pieces, left } => read_piece(pieces, left, limit).await,
            Source::Decoded(reader) => {
                let mut room = BytesMut::new().limit(limit.min(DECODE_BYTES));
                room.get_mut().reserve(limit.min(DECODE_BYTES));
                reader.read_buf(&mut room).await?;
                Ok(room.into_inner().freeze())
            }
            Source::Whole(left) => Ok(left.split_to(left.len().min(limit))),
            Source::Ended => Ok(Bytes::new()),
            Source::Failed(reason) => Err(io::Error::other(reason.clone())),
        }
    }
}

/// Up to `limit` bytes of a piece, of which the rest is left.
async fn read_piece(
    pieces: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin),
    left: &mut Bytes,
    limit: usize,
) -> io::Result<Bytes> {
    if left.is_empty() {
        *left = pieces.try_next().await?.unwrap_or_default();
    }
    Ok(left.split_to(left.len().min(limit)))
}

impl Resource for ResponseBody {
    fn name(&self) -> Cow<'_, str> {
        "fetchResponse".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(async move {
            let closed = RcRef::map(&self, |this| &this.closed);
            let read = async {
                let mut source = RcRef::map(&self, |this| &this.source).borrow_mut().await;
                let _busy = self.connection.as_ref().map(Connection::busy);
                source.read(limit).await.map_err(|error| {
                    let host = &self.host;
                    let given_up = self.connection.as_ref().and_then(|it| it.reason_given_up());
                    let reason = given_up.unwrap_or_else(|| error.to_string());
                    JsErrorBox::type_error(format!(
                        "{host}: the body of the response broke off ({reason})"
                    ))
                })
            };
            read.try_or_cancel(closed).await.map(BufView::from)
        })
    }

    fn read_byob(self: Rc<Self>, room: BufMutView) -> AsyncResult<(usize, BufMutView)> {
        Box::pin(async move {
            let mut room = self.count_collected(room)?;
            let bytes = Resource::read(self.clone(), room.len()).await?;
            if bytes.is_empty() {
                *self.collected.borrow_mut() = None;
            }
            room[..bytes.len()].copy_from_slice(&bytes);
            Ok((bytes.len(), room))
        })
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        (self.length_bytes.unwrap_or(0), self.length_bytes)
    }

    fn close(self: Rc<Self>) {
        self.closed.cancel();
        self.request.cancel();
    }
}
