//! The body of a request on its way in: short ones are read before the worker is called, longer
//! ones stream, and none gets longer than the limit.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use runtime::{BodyError, RequestBody};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// A body that declares no more than this is read before the worker is called: a slow client
/// then occupies no isolate, and one that goes away is noticed, which hyper does only when
/// nothing of the body is left to read.
const READ_AHEAD_BYTES: u64 = 64 << 10;

/// The body of one request, and how to learn that it is too long.
pub(super) struct Upload {
    pub(super) body: RequestBody,
    /// There is one for bodies that stream.
    pub(super) overflow: Option<Arc<Overflow>>,
}

/// Takes the body of a request of which `declared` bytes were announced.
pub(super) async fn take(
    incoming: Incoming,
    declared: Option<u64>,
    limit_bytes: u64,
    time: Duration,
) -> Result<Upload, Refusal> {
    if incoming.is_end_stream() {
        return Ok(Upload { body: RequestBody::Empty, overflow: None });
    }
    match declared {
        Some(length) if length > limit_bytes => Err(Refusal::BodyTooLarge { limit_bytes }),
        Some(length) if length <= READ_AHEAD_BYTES => {
            let whole = timeout(time, incoming.collect()).await;
            let whole = whole.map_err(|_| Refusal::BodyTimeout)?;
            let bytes = whole.map_err(|_| Refusal::BodyBroken)?.to_bytes();
            let body = Full::new(bytes).map_err(|never| match never {});
            Ok(Upload { body: RequestBody::Stream(Box::pin(body)), overflow: None })
        }
        _ => {
            let overflow = Arc::new(Overflow::default());
            let body = Limited {
                incoming,
                limit_bytes,
                left_bytes: limit_bytes,
                overflow: Arc::clone(&overflow),
            };
            Ok(Upload { body: RequestBody::Stream(Box::pin(body)), overflow: Some(overflow) })
        }
    }
}

/// Set once by a body that is longer than the limit.
#[derive(Default)]
pub(super) struct Overflow {
    happened: AtomicBool,
    waker: AtomicWaker,
}

impl Overflow {
    /// Runs `work` to its end, or until the body turns out too long. The body wins, so that the
    /// worker's error for it does not hide the reason.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.happened.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            let done = work.as_mut().poll(cx);
            if done.is_ready() && self.happened.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            done.map(Some)
        })
        .await
    }

    fn set(&self) {
        self.happened.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A body that fails when it is longer than the limit.
struct Limited {
    incoming: Incoming,
    limit_bytes: u64,
    left_bytes: u64,
    overflow: Arc<Overflow>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.incoming).poll_frame(cx)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| BodyError::Disconnected(error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            match self.left_bytes.checked_sub(data.len() as u64) {
                Some(left) => self.left_bytes = left,
                None => {
                    self.overflow.set();
                    let limit_bytes = self.limit_bytes;
                    return Poll::Ready(Some(Err(BodyError::TooLarge { limit_bytes })));
                }
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
