//! The body of a response that is a stream, on its way out of the isolate: its first chunk may still
//! decide the response; the others go through a short channel, whose length is the back pressure.
//! Polled outside of the isolate: plain Rust.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use deno_core::{CancelFuture, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method};

use super::answer::head;
use super::body::{BodyError, ChunkSender, Chunks, ResponseBody};
use super::outgoing::Outgoing;
use super::{Event, EventId, Events, Thrown};
use crate::streams::{Pipe, PipeEnd};

/// Chunks on their way to the socket.
const CHANNEL_CHUNKS: usize = 2;
/// Bytes asked of a source at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// The same where too much waits for clients, and nothing of this stream does.
const LITTLE_BYTES: usize = 4 * 1024;
/// How long a stream of which the client has all that was promised may take to end.
const TO_END: Duration = Duration::from_secs(5);

type Read = Pin<Box<dyn Future<Output = Result<Bytes, Thrown>>>>;

/// Answers with a stream, which is a resource.
#[op2]
pub(super) fn op_event_respond_stream(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Vec<String>,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let resource = state.resource_table.take_any(rid).map_err(JsErrorBox::from_err)?;
    let events = state.borrow::<Events>().clone();
    let outgoing = state.try_borrow::<Outgoing>().cloned();
    let (mut unsent, chunks) = Unsent::new(resource, events.clone(), outgoing);
    let response = head(status, &headers, ResponseBody::Stream(chunks))?;
    let event = EventId::new(id).and_then(|id| events.get(id));
    let Some(event) = event.filter(|event| !event.is_answered()) else { return Ok(()) };
    let Some(fetch) = event.fetch() else { return Ok(()) };
    unsent.expected = Expected {
        length_bytes: declared_length(response.headers()),
        is_wanted: fetch.request.borrow().head.method != Method::HEAD,
    };
    *fetch.unsent.borrow_mut() = Some(unsent);
    fetch.streaming.set(true);
    event.answer_with(Ok(response));
    events.changed(&event);
    Ok(())
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What is read. It learns when nobody does any more.
struct Source {
    resource: Rc<dyn Resource>,
    /// The worker's own stream, of which it is known what it throws.
    pipe: Option<Rc<Pipe>>,
}

impl Source {
    fn new(resource: Rc<dyn Resource>) -> Source {
        let pipe = resource.downcast_rc::<PipeEnd>().map(|end| end.pipe.clone());
        Source { resource, pipe }
    }

    /// The next chunk, when the worker's clients have taken enough of others; a little of it at once
    /// where nothing of this stream waits.
    fn read_with_room(&self, event: &Event, outgoing: Option<&Outgoing>, is_taken: bool) -> Read {
        let Some(outgoing) = outgoing.filter(|it| !it.has_room()).cloned() else {
            return self.read(event, CHUNK_BYTES);
        };
        if is_taken {
            return self.read(event, LITTLE_BYTES);
        }
        let read = self.read(event, CHUNK_BYTES);
        let cancel = event.cancel.clone();
        Box::pin(async move {
            // Where the event is over, reading says so.
            let _ = outgoing.room().or_cancel(cancel).await;
            read.await
        })
    }

    /// The next chunk, of so many bytes at most; an empty one is the end.
    fn read(&self, event: &Event, limit_bytes: usize) -> Read {
        let cancel = event.cancel.clone();
        let over = || thrown("the event is over".to_owned());
        match self.pipe.clone() {
            Some(pipe) => Box::pin(async move {
                let read = pipe.next(limit_bytes).or_cancel(cancel);
                read.await.unwrap_or_else(|_| Err(over()))
            }),
            None => {
                let read = self.resource.clone().read(limit_bytes).or_cancel(cancel);
                Box::pin(async move {
                    match read.await {
                        // A copy: what is read may be the isolate's memory.
                        Ok(Ok(chunk)) => Ok(Bytes::from(chunk.to_vec())),
                        Ok(Err(error)) => Err(thrown(error.to_string())),
                        Err(_) => Err(over()),
                    }
                })
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.resource.clone().close();
    }
}

fn thrown(message: String) -> Thrown {
    Thrown { message, stack: String::new() }
}

/// A body that nothing has been read of.
pub(super) struct Unsent {
    source: Source,
    chunks: ChunkSender,
    expected: Expected,
    events: Events,
    /// Where its chunks are charged; nowhere in an isolate without a worker.
    outgoing: Option<Outgoing>,
}

/// What is expected of a body.
#[derive(Debug, Clone, Copy)]
struct Expected {
    /// The length that its head declares.
    length_bytes: Option<u64>,
    /// Whether the client wants it: not where it asks for the head.
    is_wanted: bool,
}

impl Unsent {
    /// The body, and what its client reads.
    fn new(
        resource: Rc<dyn Resource>,
        events: Events,
        outgoing: Option<Outgoing>,
    ) -> (Unsent, Chunks) {
        let (sender, chunks) = Chunks::channel(CHANNEL_CHUNKS);
        let source = Source::new(resource);
        let expected = Expected { length_bytes: None, is_wanted: true };
        (Unsent { source, chunks: sender, expected, events, outgoing }, chunks)
    }

    /// Begins to send the body, unless it fails with what is there of it already: then nothing has
    /// been said to the client yet. What comes later is not waited for.
    ///
    /// # Errors
    /// What the stream failed with.
    pub(super) fn begin(self, event: &Rc<Event>) -> Result<(), Thrown> {
        let has_room = self.outgoing.as_ref().is_none_or(Outgoing::has_room);
        let first_bytes = if has_room { CHUNK_BYTES } else { LITTLE_BYTES };
        let mut first = self.source.read(event, first_bytes);
        let first: Read = match first.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(thrown)) => {
                set_streaming(event, false);
                event.report(thrown.clone());
                return Err(thrown);
            }
            Poll::Ready(chunk) => Box::pin(std::future::ready(chunk)),
            Poll::Pending => first,
        };
        deno_core::unsync::spawn(self.send(event.clone(), first));
        Ok(())
    }

    /// Sends chunks until the stream ends, fails, or nobody reads it any more.
    async fn send(self, event: Rc<Event>, mut next: Read) {
        let Unsent { source, chunks, expected, events, outgoing } = self;
        let mut sent_bytes = 0;
        loop {
            let chunk = tokio::select! {
                biased;
                () = chunks.closed() => {
                    if expected.is_kept(sent_bytes) {
                        let _ = tokio::time::timeout(TO_END, next).await;
                    } else {
                        expected.break_off(&event);
                    }
                    break;
                }
                chunk = &mut next => chunk,
            };
            match chunk {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    sent_bytes += chunk.len() as u64;
                    let chunk = match &outgoing {
                        Some(outgoing) => outgoing.chunk(chunk),
                        None => chunk,
                    };
                    if !chunks.send(Ok(chunk)).await {
                        if !expected.is_kept(sent_bytes) {
                            expected.break_off(&event);
                        }
                        break;
                    }
                }
                Err(thrown) => {
                    break_off(&event);
                    let error = BodyError::Worker(thrown.message.clone());
                    if source.pipe.is_some() {
                        event.report(thrown);
                    }
                    let _ = chunks.send(Err(error)).await;
                    break;
                }
            }
            next = source.read_with_room(&event, outgoing.as_ref(), chunks.are_taken());
        }
        drop(source);
        set_streaming(&event, false);
        events.changed_outside(&event);
    }
}

impl Expected {
    /// Whether the client has all that it was promised: it asks for no more then.
    fn is_kept(self, sent_bytes: u64) -> bool {
        self.length_bytes.is_some_and(|length| sent_bytes >= length)
    }

    /// The client does not take what there is.
    fn break_off(self, event: &Event) {
        if self.is_wanted {
            break_off(event);
            event.aborted.set(true);
        }
    }
}

fn set_streaming(event: &Event, is_streaming: bool) {
    if let Some(fetch) = event.fetch() {
        fetch.streaming.set(is_streaming);
    }
}

/// Not all that was promised of the body is sent.
fn break_off(event: &Event) {
    if let Some(fetch) = event.fetch() {
        fetch.broken.set(true);
    }
}
