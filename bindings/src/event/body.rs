//! Bodies that cross the edge of an isolate, in both directions. They are plain Rust and
//! `Send`, so that the socket may live on another thread than the isolate.
//! Not here: how JavaScript reads and writes them (`resource.rs`).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Why a body broke off.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BodyError {
    /// The peer of the request or of a subrequest went away or broke the protocol.
    #[error("the body broke off: {0}")]
    Disconnected(String),
    /// The peer sent what is no body.
    #[error("the body is malformed: {0}")]
    Malformed(String),
    /// The client was waited for in vain.
    #[error("the body does not go on")]
    Stalled,
    /// The request's body is longer than the node allows.
    #[error("the body is longer than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// The worker's own stream failed, or its isolate is gone.
    #[error("the worker ended the body: {0}")]
    Worker(String),
}

/// A body whose chunks come from outside the isolate.
pub type BoxBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;

/// The body of a request on its way into an isolate.
#[derive(Default)]
pub enum RequestBody {
    /// The request has no body.
    #[default]
    Empty,
    /// Chunks that are read when JavaScript asks for them (backpressure reaches the client).
    Stream(BoxBody),
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestBody::Empty => "Empty",
            RequestBody::Stream(_) => "Stream",
        })
    }
}

/// The body of a response on its way out of an isolate. Dropping it before its end cancels
/// the worker's stream.
#[derive(Debug, Default)]
pub enum ResponseBody {
    /// No body.
    #[default]
    Empty,
    /// All of it at once.
    Full(Bytes),
    /// Chunks as the worker's stream yields them.
    Stream(Chunks),
}

/// The chunks of a worker's stream; the channel is short, so that a slow client slows the
/// stream.
pub struct Chunks {
    receiver: mpsc::Receiver<Result<Bytes, BodyError>>,
    /// `None` where the sender does not count.
    waiting: Option<WaitingBytes>,
    /// Ends the body where the thread that sends it will never do so.
    lost: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Chunks {
    /// Chunks that come from this channel.
    pub fn new(receiver: mpsc::Receiver<Result<Bytes, BodyError>>) -> Chunks {
        Chunks { receiver, waiting: None, lost: None }
    }

    /// A channel for so many chunks, which counts their bytes.
    pub fn channel(chunks: usize) -> (ChunkSender, Chunks) {
        let (sender, receiver) = mpsc::channel(chunks);
        let waiting = WaitingBytes::default();
        let sender = ChunkSender { sender, waiting: waiting.clone() };
        (sender, Chunks { receiver, waiting: Some(waiting), lost: None })
    }

    /// What of them was sent and is not taken, where that is counted.
    pub fn waiting(&self) -> Option<&WaitingBytes> {
        self.waiting.as_ref()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let chunk = self.receiver.poll_recv(cx);
        if let (Poll::Ready(Some(Ok(chunk))), Some(waiting)) = (&chunk, &self.waiting) {
            waiting.0.fetch_sub(chunk.len() as u64, Ordering::Relaxed);
        }
        if chunk.is_pending()
            && let Some(lost) = &mut self.lost
            && lost.as_mut().poll(cx).is_ready()
        {
            self.lost = None;
            self.receiver.close();
            let error = BodyError::Worker("the isolate is gone".to_owned());
            return Poll::Ready(Some(Err(error)));
        }
        chunk
    }
}

/// Bytes of chunks that were sent and are not taken. Clones count the same ones.
#[derive(Debug, Clone, Default)]
pub struct WaitingBytes(Arc<AtomicU64>);

impl WaitingBytes {
    /// How many there are now.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where the chunks of a stream come from.
#[derive(Debug)]
pub struct ChunkSender {
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
    waiting: WaitingBytes,
}

impl ChunkSender {
    /// Sends a chunk, or the error that ends the body, as soon as there is room in the channel.
    /// Answers whether anybody reads the body.
    pub async fn send(&self, chunk: Result<Bytes, BodyError>) -> bool {
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.waiting.0.fetch_add(bytes, Ordering::Relaxed);
        self.sender.send(chunk).await.is_ok()
    }

    /// Whether all that was sent has been taken.
    pub fn are_taken(&self) -> bool {
        self.waiting.bytes() == 0
    }

    /// Waits until nobody reads the body any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chunks")
    }
}

impl ResponseBody {
    /// The same body, which breaks off when the token is cancelled.
    #[must_use]
    pub fn lost_with(mut self, token: &CancellationToken) -> ResponseBody {
        if let ResponseBody::Stream(chunks) = &mut self {
            chunks.lost = Some(Box::pin(token.clone().cancelled_owned()));
        }
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            ResponseBody::Empty => Poll::Ready(None),
            ResponseBody::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = ResponseBody::Empty;
                if bytes.is_empty() {
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            ResponseBody::Stream(chunks) => {
                chunks.poll_next(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Empty => true,
            ResponseBody::Full(bytes) => bytes.is_empty(),
            ResponseBody::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Empty => SizeHint::with_exact(0),
            ResponseBody::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ResponseBody::Stream(_) => SizeHint::default(),
        }
    }
}
