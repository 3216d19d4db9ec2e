//! The body of a request on its way out: what the client sends, and the task on the isolate's
//! thread that reads a worker's stream for it. Not here: where the bodies come from (`ops.rs`).

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use deno_core::Resource;
use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

use super::connections::Connection;
use super::pieces::{Broken, PieceReader, PieceWriter, pieces};

/// Bytes that are asked of a worker's stream at a time.
const READ_BYTES: usize = 64 * 1024;

/// A body as the client sends it.
pub(crate) struct Upload {
    what: What,
    released: CancellationToken,
}

enum What {
    Empty,
    Full(Bytes),
    Stream(PieceReader),
}

/// A worker's stream, before it is read. Closed when it is dropped, so that the worker's
/// stream learns that nobody reads it.
pub(crate) struct UploadSource {
    resource: Rc<dyn Resource>,
}

impl UploadSource {
    pub(crate) fn new(resource: Rc<dyn Resource>) -> Self {
        Self { resource }
    }

    /// The body for the client, and the writer to give to [`UploadSource::pump`].
    pub(crate) fn open(&self) -> (PieceWriter, Upload) {
        let (writer, reader) = pieces();
        (writer, Upload::new(What::Stream(reader)))
    }

    /// The length of the stream, if it was said beforehand.
    pub(crate) fn length_bytes(&self) -> Option<u64> {
        match self.resource.size_hint() {
            (least, Some(most)) if least == most => Some(most),
            _ => None,
        }
    }

    /// Reads the worker's stream as fast as it is sent, until its end, until the client
    /// wants no more of it, or until the request is cancelled. There is no connection where another
    /// worker reads it.
    pub(crate) async fn pump(
        self,
        writer: PieceWriter,
        cancelled: CancellationToken,
        connection: Option<Arc<Connection>>,
    ) {
        loop {
            let read = tokio::select! {
                biased;
                () = cancelled.cancelled() => return,
                () = writer.unwanted() => return,
                read = self.resource.clone().read(READ_BYTES) => read,
            };
            match read {
                Ok(data) if data.is_empty() => return writer.end().await,
                // A copy: the worker's memory may not be seen from another thread.
                Ok(data) => {
                    let data = Bytes::copy_from_slice(&data);
                    let _busy = connection.as_ref().map(Connection::busy);
                    let written = tokio::select! {
                        biased;
                        () = cancelled.cancelled() => return,
                        written = writer.write(data) => written,
                    };
                    if written.is_err() {
                        return;
                    }
                }
                Err(error) => return writer.break_off(error.to_string()).await,
            }
        }
    }
}

impl Drop for UploadSource {
    fn drop(&mut self) {
        self.resource.clone().close();
    }
}

impl Upload {
    pub(crate) fn empty() -> Self {
        Self::new(What::Empty)
    }

    pub(crate) fn full(bytes: Bytes) -> Self {
        Self::new(What::Full(bytes))
    }

    fn new(what: What) -> Self {
        Self { what, released: CancellationToken::new() }
    }

    /// The same body once more, if it can be had.
    pub(crate) fn again(&self) -> Option<Upload> {
        match &self.what {
            What::Empty => Some(Upload::empty()),
            What::Full(bytes) => Some(Upload::full(bytes.clone())),
            What::Stream(_) => None,
        }
    }

    /// Cancelled when the connection has let go of the body: it was sent, or never will be.
    pub(crate) fn released(&self) -> CancellationToken {
        self.released.clone()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.released.cancel();
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.what {
            What::Empty => Poll::Ready(None),
            What::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            What::Stream(pieces) => {
                pieces.poll_piece(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.what {
            What::Empty => true,
            What::Full(bytes) => bytes.is_empty(),
            What::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.what {
            What::Empty => SizeHint::with_exact(0),
            What::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            // The header `content-length` says it; a hint would have to be counted down.
            What::Stream(_) => SizeHint::default(),
        }
    }
}
