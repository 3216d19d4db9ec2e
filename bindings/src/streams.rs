//! Streams of a worker that Rust reads, such as the body of a response: JavaScript (`streams/pipe.js`)
//! copies chunks into a pipe, and stops where nobody takes them; the other end is a resource. In the
//! place of deno_web's pipe, which takes views alone and shows Rust memory that the worker can change.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use deno_core::{AsyncResult, BufView, OpState, Resource, ResourceId, op2, v8};
use deno_error::JsErrorBox;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::event::{Thrown, describe};
use crate::memory::Meter;

/// Bytes that may wait in a pipe. A text may exceed that by its own length.
const ROOM_BYTES: usize = 64 * 1024;

/// What JavaScript is told of a pipe that nobody reads any more.
const GONE: i32 = -1;

/// A worker's stream on its way out of the isolate.
#[derive(Default)]
pub(crate) struct Pipe {
    waiting: RefCell<Waiting>,
    end: RefCell<Option<End>>,
    closed: Cell<bool>,
    /// There is something to read.
    readable: Notify,
    /// There is room, or there will never be any.
    room: Notify,
    /// Nobody reads any more.
    closing: Notify,
}

/// Bytes that wait to be read, which the isolate is charged with meanwhile.
#[derive(Default)]
struct Waiting {
    bytes: BytesMut,
    /// What waits in all queues of the isolate.
    queued: Arc<AtomicUsize>,
}

impl Waiting {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.queued.fetch_add(bytes.len(), Ordering::Relaxed);
    }

    /// Some bytes, up to a limit.
    fn take(&mut self, limit: usize) -> Option<Bytes> {
        let length = self.bytes.len().min(limit);
        self.queued.fetch_sub(length, Ordering::Relaxed);
        (length > 0).then(|| self.bytes.split_to(length).freeze())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queued.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// How the worker's stream ended.
enum End {
    Whole,
    Failed(Thrown),
}

impl Pipe {
    /// A pipe of an isolate in whose queues so much waits.
    fn new(queued: Arc<AtomicUsize>) -> Pipe {
        let waiting = Waiting { bytes: BytesMut::new(), queued };
        Pipe { waiting: RefCell::new(waiting), ..Pipe::default() }
    }

    /// What has been written, up to a limit; nothing at the end. May be dropped and called again.
    ///
    /// # Errors
    /// What the worker's stream failed with.
    pub(crate) async fn next(&self, limit: usize) -> Result<Bytes, Thrown> {
        loop {
            let taken = self.waiting.borrow_mut().take(limit);
            if let Some(bytes) = taken {
                self.room.notify_one();
                return Ok(bytes);
            }
            match &*self.end.borrow() {
                Some(End::Failed(thrown)) => return Err(thrown.clone()),
                Some(End::Whole) => return Ok(Bytes::new()),
                None if self.closed.get() => return Ok(Bytes::new()),
                None => {}
            }
            self.readable.notified().await;
        }
    }

    /// Takes as many of the bytes as there is room for.
    fn write(&self, bytes: &[u8]) -> usize {
        let mut waiting = self.waiting.borrow_mut();
        let room = ROOM_BYTES.saturating_sub(waiting.bytes.len());
        let taken = &bytes[..bytes.len().min(room)];
        waiting.push(taken);
        self.readable.notify_one();
        taken.len()
    }

    fn has_room(&self) -> bool {
        self.waiting.borrow().bytes.len() < ROOM_BYTES
    }

    fn end(&self, end: End) {
        self.end.borrow_mut().get_or_insert(end);
        self.readable.notify_one();
    }

    /// Nobody reads any more.
    fn close(&self) {
        self.closed.set(true);
        self.readable.notify_one();
        self.room.notify_one();
        self.closing.notify_one();
    }
}

/// The end of a pipe that Rust reads.
pub(crate) struct PipeEnd {
    pub(crate) pipe: Rc<Pipe>,
    length_bytes: Option<u64>,
}

impl Resource for PipeEnd {
    fn name(&self) -> Cow<'_, str> {
        "workerStream".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(async move {
            let bytes = self.pipe.next(limit).await;
            bytes.map(BufView::from).map_err(|thrown| JsErrorBox::type_error(thrown.message))
        })
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        (self.length_bytes.unwrap_or(0), self.length_bytes)
    }

    fn close(self: Rc<Self>) {
        self.pipe.close();
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

/// The pipes of an isolate that are open, by the resource that is their other end.
#[derive(Default)]
pub(crate) struct Pipes(FxHashMap<ResourceId, Rc<Pipe>>);

impl Pipes {
    fn of(state: &OpState, rid: ResourceId) -> Option<Rc<Pipe>> {
        let pipe = state.borrow::<Pipes>().0.get(&rid)?;
        (!pipe.closed.get()).then(|| pipe.clone())
    }
}

/// Opens a pipe for a stream of so many bytes; a negative number stands for a length that is not
/// known. Answers the resource to read it from.
#[op2(fast)]
#[smi]
pub(crate) fn op_stream_open(state: &mut OpState, length_bytes: f64) -> ResourceId {
    let pipe = Rc::new(Pipe::new(state.borrow::<Meter>().queued().clone()));
    let length_bytes = (length_bytes >= 0.0).then_some(length_bytes as u64);
    let rid = state.resource_table.add(PipeEnd { pipe: pipe.clone(), length_bytes });
    state.borrow_mut::<Pipes>().0.insert(rid, pipe);
    rid
}

/// Writes bytes. Answers how many were taken, or that nobody reads any more.
#[op2(fast)]
#[smi]
pub(crate) fn op_stream_write(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] bytes: &[u8],
) -> i32 {
    // No more than there is room for is taken, which fits.
    Pipes::of(state, rid).map_or(GONE, |pipe| pipe.write(bytes) as i32)
}

/// Writes a text in UTF-8. Answers 1 where it was taken, 0 where there is no room for it, or that
/// nobody reads any more.
#[op2(fast)]
#[smi]
pub(crate) fn op_stream_write_text(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] text: &str,
) -> i32 {
    let Some(pipe) = Pipes::of(state, rid) else { return GONE };
    if !pipe.has_room() {
        return 0;
    }
    pipe.waiting.borrow_mut().push(text.as_bytes());
    pipe.readable.notify_one();
    1
}

/// Waits until there is room. Answers whether somebody still reads.
#[op2]
pub(crate) async fn op_stream_room(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> bool {
    let Some(pipe) = Pipes::of(&state.borrow(), rid) else { return false };
    while !pipe.has_room() && !pipe.closed.get() {
        pipe.room.notified().await;
    }
    !pipe.closed.get()
}

/// Waits until nobody reads any more.
#[op2]
pub(crate) async fn op_stream_closed(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) {
    let pipe = state.borrow().borrow::<Pipes>().0.get(&rid).cloned();
    let Some(pipe) = pipe else { return };
    while !pipe.closed.get() {
        pipe.closing.notified().await;
    }
    state.borrow_mut().borrow_mut::<Pipes>().0.remove(&rid);
}

/// The stream has ended.
#[op2(fast)]
pub(crate) fn op_stream_end(state: &mut OpState, #[smi] rid: ResourceId) {
    if let Some(pipe) = Pipes::of(state, rid) {
        pipe.end(End::Whole);
    }
}

/// The stream has failed with what the worker threw.
#[op2(nofast)]
pub(crate) fn op_stream_fail<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    error: v8::Local<'s, v8::Value>,
) {
    let pipe = Pipes::of(&state.borrow(), rid);
    if let Some(pipe) = pipe {
        let thrown = describe(scope, error);
        pipe.end(End::Failed(thrown));
    }
}

/// Gives a resource another number: whoever closes it by the old one, when a stream is forgotten, does
/// not mean it any more.
#[op2(fast)]
#[smi]
pub(crate) fn op_stream_move(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<ResourceId, JsErrorBox> {
    let resource = state.resource_table.take_any(rid).map_err(JsErrorBox::from_err)?;
    Ok(state.resource_table.add_rc_dyn(resource))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_pipe_takes_what_it_has_room_for_and_gives_it_in_order() {
        let pipe = Pipe::default();
        assert!(pipe.next(10).now_or_never().is_none());
        assert_eq!(pipe.write(b"abc"), 3);
        assert_eq!(pipe.write(&vec![b'd'; ROOM_BYTES]), ROOM_BYTES - 3);
        assert_eq!(pipe.write(b"e"), 0);
        assert!(!pipe.has_room());
        assert_eq!(pipe.next(4).now_or_never().unwrap().unwrap(), "abcd");
        assert_eq!(pipe.write(b"efghij"), 4);
        let rest = pipe.next(usize::MAX).now_or_never().unwrap().unwrap();
        assert!(rest.ends_with(b"defgh") && rest.len() == ROOM_BYTES);
    }

    #[test]
    fn what_waits_is_counted_until_it_is_read_or_the_pipe_is_gone() {
        let queued = Arc::<AtomicUsize>::default();
        let pipes = [Pipe::new(queued.clone()), Pipe::new(queued.clone())];
        let count = || queued.load(Ordering::Relaxed);
        for pipe in &pipes {
            pipe.write(b"abcd");
        }
        assert_eq!(count(), 8);
        pipes[0].next(3).now_or_never().unwrap().unwrap();
        assert_eq!(count(), 5);
        drop(pipes);
        assert_eq!(count(), 0);
    }

    #[test]
    fn an_end_comes_after_what_was_written() {
        let thrown = Thrown { message: "broken".to_owned(), stack: String::new() };
        for (end, expected) in
            [(End::Whole, Ok(Bytes::new())), (End::Failed(thrown.clone()), Err(thrown))]
        {
            let pipe = Pipe::default();
            pipe.write(b"abc");
            pipe.end(end);
            assert_eq!(pipe.next(9).now_or_never().unwrap().unwrap(), "abc");
            assert_eq!(pipe.next(9).now_or_never().unwrap(), expected);
            assert_eq!(pipe.next(9).now_or_never().unwrap(), expected);
        }
    }
}
