//! The body of a response as JavaScript reads it: piece by piece, decoded on the way, and
//! cancelled when it is closed. Not here: how the pieces come (`client.rs`).

use std::borrow::Cow;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use deno_core::{
    AsyncRefCell, AsyncResult, BufView, CancelHandle, CancelTryFuture, RcRef, Resource,
};
use deno_error::JsErrorBox;
use futures_util::TryStreamExt;
use tokio::io::AsyncReadExt;
use tokio_util::io::StreamReader;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connections::Connection;
use super::content::{BoxRead, Coding, decoded};
use super::pieces::PieceReader;

/// Bytes that are decoded at a time.
const DECODE_BYTES: usize = 32 * 1024;

/// Where the bytes come from.
pub(crate) enum Source {
    /// From the network, as they are; what is left of the last piece is read first.
    Raw { pieces: PieceReader, left: Bytes },
    /// From the network with codings that nobody has looked at yet.
    Coded { pieces: PieceReader, codings: Vec<Coding> },
    /// Through decoders.
    Decoded(BoxRead),
    /// Nothing comes any more.
    Ended,
}

/// The resource that the worker's `Response` reads.
pub(crate) struct ResponseBody {
    host: String,
    source: AsyncRefCell<Source>,
    closed: CancelHandle,
    length_bytes: Option<u64>,
    request: CancellationToken,
    /// Nothing where the body does not come from the network.
    connection: Option<Arc<Connection>>,
    _end_with_this: DropGuard,
}

impl ResponseBody {
    /// `request` is cancelled with the resource; `length_bytes` is that of the body as it
    /// will be read, if it is known.
    pub(crate) fn new(
        host: String,
        source: Source,
        length_bytes: Option<u64>,
        request: CancellationToken,
        connection: Option<Arc<Connection>>,
    ) -> Self {
        Self {
            host,
            source: AsyncRefCell::new(source),
            closed: CancelHandle::new(),
            length_bytes,
            connection,
            _end_with_this: request.clone().drop_guard(),
            request,
        }
    }
}

impl Source {
    /// All of a body that is there already.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Source::Decoded(Box::new(io::Cursor::new(bytes)))
    }

    /// Up to `limit` bytes; none at the end.
    async fn read(&mut self, limit: usize) -> io::Result<Bytes> {
        if let Source::Coded { .. } = self
            && let Source::Coded { pieces, codings } = std::mem::replace(self, Source::Ended)
        {
            let reader: BoxRead = Box::new(StreamReader::new(pieces));
            *self = Source::Decoded(decoded(reader, &codings).await?);
        }
        match self {
            Source::Raw { pieces, left } => {
                if left.is_empty() {
                    *left = pieces.try_next().await?.unwrap_or_default();
                }
                Ok(left.split_to(left.len().min(limit)))
            }
            Source::Decoded(reader) => {
                let mut room = BytesMut::new().limit(limit.min(DECODE_BYTES));
                room.get_mut().reserve(limit.min(DECODE_BYTES));
                reader.read_buf(&mut room).await?;
                Ok(room.into_inner().freeze())
            }
            Source::Coded { .. } | Source::Ended => Ok(Bytes::new()),
        }
    }
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

    fn size_hint(&self) -> (u64, Option<u64>) {
        (self.length_bytes.unwrap_or(0), self.length_bytes)
    }

    fn close(self: Rc<Self>) {
        self.closed.cancel();
        self.request.cancel();
    }
}
