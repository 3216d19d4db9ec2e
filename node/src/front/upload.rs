//! The body of a request on its way in: short ones are read before the worker is called, longer
//! ones stream, none gets longer than the limit, and none is waited for without end.

mod inbound;

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use runtime::{BodyError, RequestBody};
use tokio::time::timeout;

use super::ahead::Purse;
use super::pulse::Pulse;
use crate::refusal::Refusal;

pub(super) use inbound::Inbound;

/// A body that declares no more than this is read before the worker is called: a slow client
/// then occupies no isolate, and one that goes away is noticed, which hyper does only when
/// nothing of the body is left to read. Where too much is kept so already it streams, and the worker
/// waits for it.
const READ_AHEAD_BYTES: u64 = 64 << 10;

/// The body of one request, and how to learn why it is not read to its end.
pub(super) struct Upload {
    pub(super) body: RequestBody,
    /// There is one for bodies that stream.
    pub(super) flow: Option<Arc<Flow>>,
}

/// Takes the body of a request, if it has one, whose head declares that length in bytes.
pub(super) async fn take(
    inbound: Inbound,
    length: Option<u64>,
    limit_bytes: u64,
    time: Duration,
    pulse: &Pulse,
    purse: &Rc<Purse>,
) -> Result<Upload, Refusal> {
    if inbound.is_end_stream() {
        return Ok(Upload { body: RequestBody::Empty, flow: None });
    }
    if length.is_some_and(|length| length > limit_bytes) {
        return Err(Refusal::BodyTooLarge { limit_bytes });
    }
    let short = length.filter(|length| *length <= READ_AHEAD_BYTES).map(|length| length as usize);
    match short.and_then(|length| purse.keep(length).map(|kept| (length, kept))) {
        Some((length, _kept)) => {
            let whole = timeout(time, whole(inbound, length)).await;
            let whole = whole.map_err(|_| Refusal::BodyTimeout)?;
            let bytes = whole.map_err(|_| Refusal::BodyBroken)?;
            pulse.read_ahead_is_over();
            let body = Full::new(bytes).map_err(|never| match never {});
            Ok(Upload { body: RequestBody::Stream(Box::pin(body)), flow: None })
        }
        None => {
            let flow = Arc::new(Flow::default());
            pulse.watch(&flow);
            pulse.read_ahead_is_over();
            let body =
                Limited { inbound, limit_bytes, left_bytes: limit_bytes, flow: Arc::clone(&flow) };
            Ok(Upload { body: RequestBody::Stream(Box::pin(body)), flow: Some(flow) })
        }
    }
}

/// Reads a body to its end that has so many bytes. Where it comes in pieces they are copied: each would
/// keep the buffer that it was read into.
async fn whole(mut inbound: Inbound, length: usize) -> hyper::Result<Bytes> {
    let (mut whole, mut pieces) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = inbound.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if piece.len() == length {
            whole = piece;
        } else if !piece.is_empty() {
            pieces.reserve(length.saturating_sub(pieces.len()));
            pieces.extend_from_slice(&piece);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// How a body that streams goes on. The body is read on the worker's thread; this is what the
/// connection's knows of it.
#[derive(Default)]
pub(super) struct Flow {
    /// See [`Fault`]; 0 for none.
    fault: AtomicU8,
    /// Who waits for the answer.
    waker: AtomicWaker,
    /// Who waits for the body.
    reader: AtomicWaker,
    bytes: AtomicU64,
    /// The worker has asked for more than there is.
    awaited: AtomicBool,
    ended: AtomicBool,
}

/// Why the front ends a body that streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fault {
    TooLong = 1,
    Stalled = 2,
}

impl Flow {
    /// Runs `work` to its end, or until the body has a fault. The body wins, so that the
    /// worker's error for it does not hide the reason.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if let Some(fault) = self.fault() {
                return Poll::Ready(Err(fault));
            }
            let done = work.as_mut().poll(cx);
            match self.fault() {
                Some(fault) if done.is_ready() => Poll::Ready(Err(fault)),
                _ => done.map(Ok),
            }
        })
        .await
    }

    /// How many bytes have come, while more are waited for.
    pub(super) fn awaited_bytes(&self) -> Option<u64> {
        let awaited = self.awaited.load(Ordering::Relaxed) && !self.has_ended();
        awaited.then(|| self.bytes.load(Ordering::Relaxed))
    }

    /// Whether nothing more is read of it.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The client does not go on with the body.
    pub(super) fn stall(&self) {
        self.set(Fault::Stalled);
        self.reader.wake();
    }

    fn fault(&self) -> Option<Fault> {
        match self.fault.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Fault::TooLong),
            _ => Some(Fault::Stalled),
        }
    }

    fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::Release);
        self.waker.wake();
    }
}

/// A body that fails when it is longer than the limit, or does not go on.
struct Limited {
    inbound: Inbound,
    limit_bytes: u64,
    left_bytes: u64,
    flow: Arc<Flow>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.flow.reader.register(cx.waker());
        if self.flow.fault() == Some(Fault::Stalled) {
            return Poll::Ready(Some(Err(BodyError::Stalled)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inbound).poll_frame(cx) else {
            self.flow.awaited.store(true, Ordering::Relaxed);
            return Poll::Pending;
        };
        self.flow.awaited.store(false, Ordering::Relaxed);
        let frame = match frame {
            None => {
                self.flow.ended.store(true, Ordering::Release);
                return Poll::Ready(None);
            }
            Some(Err(error)) => return Poll::Ready(Some(Err(broken(&error)))),
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            self.flow.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
            match self.left_bytes.checked_sub(data.len() as u64) {
                Some(left) => self.left_bytes = left,
                None => {
                    self.flow.set(Fault::TooLong);
                    let limit_bytes = self.limit_bytes;
                    return Poll::Ready(Some(Err(BodyError::TooLarge { limit_bytes })));
                }
            }
        }
        if self.inbound.is_end_stream() {
            self.flow.ended.store(true, Ordering::Release);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inbound.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inbound.size_hint()
    }
}

/// What a body broke off with: the client's end, or bytes that are no body.
fn broken(error: &hyper::Error) -> BodyError {
    let cause = error.source();
    let kind = cause.and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match (kind, cause) {
        (Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData), Some(cause)) => {
            BodyError::Malformed(cause.to_string())
        }
        _ => BodyError::Disconnected(error.to_string()),
    }
}
