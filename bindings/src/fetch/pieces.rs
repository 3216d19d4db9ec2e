//! A short channel for the pieces of a body between an isolate's thread and the client's. It
//! holds one piece, so that a slow reader slows the writer, and it says how a body ended: a
//! writer that disappears is not taken for the end.
//! Not here: what the pieces are made from or for (`upload.rs`, `response_body.rs`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

/// The body ended before its end, in the words of whoever broke it off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

/// The reader has gone: nothing more is wanted.
#[derive(Debug)]
pub(crate) struct Unwanted;

enum Piece {
    Data(Bytes),
    End,
    Broken(Broken),
}

/// The writing side.
pub(crate) struct PieceWriter(mpsc::Sender<Piece>);

/// The reading side, a stream of pieces that are not empty.
pub(crate) struct PieceReader {
    pieces: mpsc::Receiver<Piece>,
    ended: bool,
}

/// A new channel.
pub(crate) fn pieces() -> (PieceWriter, PieceReader) {
    let (sender, pieces) = mpsc::channel(1);
    (PieceWriter(sender), PieceReader { pieces, ended: false })
}

impl PieceWriter {
    /// Waits until there is room for the piece.
    pub(crate) async fn write(&self, data: Bytes) -> Result<(), Unwanted> {
        self.0.send(Piece::Data(data)).await.map_err(|_| Unwanted)
    }

    /// Says that the body is complete.
    pub(crate) async fn end(self) {
        // A reader that has gone does not need to know.
        let _ = self.0.send(Piece::End).await;
    }

    /// Says that the rest of the body will not come.
    pub(crate) async fn break_off(self, why: String) {
        let _ = self.0.send(Piece::Broken(Broken(why))).await;
    }

    /// Resolves when the reader has gone.
    pub(crate) async fn unwanted(&self) {
        self.0.closed().await;
    }
}

impl PieceReader {
    /// The next piece; nothing once the body has ended.
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let piece = std::task::ready!(self.pieces.poll_recv(cx));
            if let Some(Piece::Data(data)) = piece {
                if !data.is_empty() {
                    return Poll::Ready(Some(Ok(data)));
                }
                continue;
            }
            self.ended = true;
            return Poll::Ready(match piece {
                Some(Piece::Broken(broken)) => Some(Err(broken)),
                Some(_) => None,
                None => Some(Err(Broken("the request was cancelled".to_owned()))),
            });
        }
    }
}

impl Stream for PieceReader {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        self.poll_piece(cx).map(|piece| piece.map(|piece| piece.map_err(io::Error::other)))
    }
}
