//! Bodies between two workers of one process. What the caller has to do with them belongs to its event
//! and is given up with that: then the other worker learns that nobody reads what it sends.

use std::cell::RefCell;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use deno_core::futures::future::LocalBoxFuture;
use deno_core::{CancelFuture, CancelHandle};
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};

use crate::binding::{Asker, Owned};
use crate::event::body::{BodyError, RequestBody, ResponseBody as Answered};
use crate::fetch::pieces::PieceWriter;
use crate::fetch::request::Content;
use crate::fetch::upload::{Upload, UploadSource};

/// The body of a request, as the other worker reads it.
struct Sent {
    upload: Upload,
    /// What is still to come, if that is known.
    left_bytes: Option<u64>,
}

/// The body of a response, as the caller reads it.
pub(crate) struct WorkerPieces {
    body: Owned<RefCell<Answered>>,
    /// Resolves when the event is over that asked; nothing once it has.
    over: Option<LocalBoxFuture<'static, ()>>,
}

/// What the caller's stream is read by.
type Pump = (UploadSource, PieceWriter);

/// A body as the other worker reads it, its length if that is known, and what reads the caller's
/// stream for it.
pub(super) fn sent(content: Content) -> (RequestBody, Option<u64>, Option<Pump>) {
    let stream = |upload, left_bytes| RequestBody::Stream(Box::pin(Sent { upload, left_bytes }));
    match content {
        Content::None => (RequestBody::Empty, None, None),
        Content::Bytes(bytes) => {
            let length_bytes = Some(bytes.len() as u64);
            (stream(Upload::full(bytes), length_bytes), length_bytes, None)
        }
        Content::Stream(source) => {
            let length_bytes = source.length_bytes();
            let (writer, upload) = source.open();
            (stream(upload, length_bytes), length_bytes, Some((source, writer)))
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.upload).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&frame, &mut self.left_bytes) {
            let length = frame.data_ref().map_or(0, Bytes::len);
            *left = left.saturating_sub(length as u64);
        }
        frame.map(|frame| {
            frame.map(|frame| frame.map_err(|broken| BodyError::Worker(broken.to_string())))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.upload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left_bytes.map_or_else(|| self.upload.size_hint(), SizeHint::with_exact)
    }
}

impl WorkerPieces {
    /// Reads a body on behalf of an event, whose end `event` is cancelled at.
    pub(super) fn new(body: Answered, asker: &Asker, event: Rc<CancelHandle>) -> Self {
        let over = async move {
            // It resolves in no other way.
            let _ = pending::<()>().or_cancel(event).await;
        };
        Self { body: Owned::new(RefCell::new(body), asker), over: Some(Box::pin(over)) }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let is_over = self.over.as_mut().is_none_or(|over| over.as_mut().poll(cx).is_ready());
        if is_over {
            self.over = None;
        }
        is_over
    }
}

impl Stream for WorkerPieces {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let ended = || Poll::Ready(Some(Err(io::Error::other("the event that asked has ended"))));
        loop {
            let Some(body) = self.body.get() else { return ended() };
            let frame = Pin::new(&mut *body.borrow_mut()).poll_frame(cx);
            match frame {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Pending if self.is_over(cx) => return ended(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use deno_core::futures::FutureExt as _;
    use futures_util::StreamExt as _;

    use super::*;
    use crate::event::body::Chunks;
    use crate::event::{CallContext, Event, Events, Scheduled, Trigger};

    fn event(events: &Events) -> Rc<Event> {
        let scheduled = Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 };
        events.insert(Trigger::Scheduled(scheduled), CallContext::default(), 1)
    }

    fn next(pieces: &mut WorkerPieces) -> Option<Result<Option<Bytes>, String>> {
        let piece = pieces.next().now_or_never()?;
        Some(piece.transpose().map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn a_body_is_let_go_with_the_event_that_asked_though_somebody_keeps_it() {
        let events = Events::default();
        let event = event(&events);
        let (sender, chunks) = Chunks::channel(2);
        let mut pieces =
            WorkerPieces::new(Answered::Stream(chunks), &Asker::of(&event), event.cancel_handle());
        assert_eq!(next(&mut pieces), None);
        assert!(sender.send(Ok(Bytes::from_static(b"piece"))).await);
        assert_eq!(next(&mut pieces), Some(Ok(Some(Bytes::from_static(b"piece")))));
        events.remove(event.id());
        sender.closed().await;
        let ended = Some(Err("the event that asked has ended".to_owned()));
        assert_eq!(next(&mut pieces), ended);
    }

    #[tokio::test]
    async fn who_waits_for_a_piece_is_told_of_the_end_of_the_event() {
        let events = Events::default();
        let event = event(&events);
        let (_sender, chunks) = Chunks::channel(2);
        let mut pieces =
            WorkerPieces::new(Answered::Stream(chunks), &Asker::of(&event), event.cancel_handle());
        let mut waits = pieces.next();
        assert!((&mut waits).now_or_never().is_none());
        events.remove(event.id());
        let piece = waits.await.expect("it does not end in silence");
        assert_eq!(piece.unwrap_err().to_string(), "the event that asked has ended");
    }

    #[test]
    fn what_is_left_of_a_body_is_counted_down() {
        let (body, length_bytes, pump) = sent(Content::Bytes(Bytes::from_static(b"abc")));
        let RequestBody::Stream(mut body) = body else { panic!("there is one") };
        assert_eq!((length_bytes, pump.is_none()), (Some(3), true));
        assert_eq!(body.size_hint().exact(), Some(3));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let frame = body.as_mut().poll_frame(&mut cx);
        assert!(matches!(frame, Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some()));
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}
