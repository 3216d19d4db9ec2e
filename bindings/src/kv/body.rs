//! A value on its way out as a stream: a resource that `06_streams.js` reads piece by piece, so
//! that the value is never in the isolate, nor in the process, as a whole. It belongs to the event that
//! asked for it, and is given up with that: one that was replaced takes disk until nobody reads it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{AsyncResult, BufView, Resource};
use deno_error::JsErrorBox;
use kv::{StreamedEntry, ValueSource};

use super::error::{KvError, Method};
use crate::binding::{Asker, Owned};

pub(super) struct ValueBody {
    open: Owned<RefCell<Open>>,
    left_bytes: Cell<u64>,
}

/// A value that is read.
struct Open {
    /// Absent while a piece is being waited for.
    source: Option<Box<dyn ValueSource>>,
    /// What of the last piece has not been taken.
    rest: Bytes,
}

impl ValueBody {
    /// `asker` is the one that reads.
    pub(super) fn new(entry: StreamedEntry, asker: &Asker) -> Self {
        let open = Open { source: Some(entry.value), rest: Bytes::new() };
        Self {
            open: Owned::new(RefCell::new(open), asker),
            left_bytes: Cell::new(entry.value_bytes),
        }
    }

    fn open(&self) -> Result<Rc<RefCell<Open>>, JsErrorBox> {
        self.open.get().ok_or_else(|| JsErrorBox::from_err(KvError::EventOver))
    }

    async fn read_piece(self: Rc<Self>, limit: usize) -> Result<BufView, JsErrorBox> {
        if self.open()?.borrow().rest.is_empty() {
            let busy = || JsErrorBox::type_error("the value is being read already");
            let mut source = self.open()?.borrow_mut().source.take().ok_or_else(busy)?;
            let piece = source.read().await;
            // Where the event has ended meanwhile, so does the source, with this.
            let open = self.open()?;
            open.borrow_mut().source = Some(source);
            let piece = piece.map_err(|error| JsErrorBox::from_err(Method::Get.failed(error)))?;
            open.borrow_mut().rest = piece.unwrap_or_default();
        }
        let open = self.open()?;
        let mut open = open.borrow_mut();
        let piece_bytes = open.rest.len().min(limit);
        self.left_bytes.set(self.left_bytes.get().saturating_sub(piece_bytes as u64));
        Ok(BufView::from(open.rest.split_to(piece_bytes)))
    }
}

impl Resource for ValueBody {
    fn name(&self) -> Cow<'_, str> {
        "kvValue".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(self.read_piece(limit))
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        let left = self.left_bytes.get();
        (left, Some(left))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use deno_core::futures::FutureExt as _;
    use kv::Lookup;
    use tokio::sync::Notify;

    use super::*;
    use crate::event::{CallContext, Event, Events, Scheduled, Trigger};

    /// A value without an end, whose pieces are to be waited for where there is a `gate`.
    struct Endless {
        gate: Option<Arc<Notify>>,
        _counted: Arc<()>,
    }

    impl ValueSource for Endless {
        fn read(&mut self) -> Lookup<Option<Bytes>> {
            let piece = Some(Bytes::from_static(b"piece"));
            match self.gate.clone() {
                None => Lookup::done(piece),
                Some(gate) => Lookup::Pending(Box::pin(async move {
                    gate.notified().await;
                    Ok(piece)
                })),
            }
        }
    }

    fn event(events: &Events) -> Rc<Event> {
        let scheduled = Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 };
        events.insert(Trigger::Scheduled(scheduled), CallContext::default(), 1)
    }

    fn body(shared: &Arc<()>, gate: Option<&Arc<Notify>>, asker: &Asker) -> Rc<ValueBody> {
        let source = Endless { gate: gate.cloned(), _counted: Arc::clone(shared) };
        let entry = StreamedEntry {
            value_bytes: 1 << 20,
            expiration: None,
            metadata: None,
            value: Box::new(source),
        };
        Rc::new(ValueBody::new(entry, asker))
    }

    fn read(body: &Rc<ValueBody>, limit: usize) -> Result<Vec<u8>, String> {
        let piece = Rc::clone(body).read_piece(limit).now_or_never().expect("it is at hand");
        piece.map(|piece| piece.to_vec()).map_err(|error| error.to_string())
    }

    const OVER: &str = "The event that asked the KV namespace is over.";

    #[test]
    fn a_value_is_given_up_with_its_event_though_the_worker_keeps_it() {
        let (events, shared) = (Events::default(), Arc::new(()));
        let (one, other) = (event(&events), event(&events));
        let first = body(&shared, None, &Asker::of(&one));
        let second = body(&shared, None, &Asker::of(&other));
        assert_eq!(read(&first, 3).unwrap(), b"pie");
        assert_eq!(Arc::strong_count(&shared), 3);
        events.remove(one.id());
        assert_eq!(Arc::strong_count(&shared), 2);
        assert_eq!(read(&first, 3).unwrap_err(), OVER);
        assert_eq!(read(&second, 9).unwrap(), b"piece");
        drop(second);
        assert_eq!(Arc::strong_count(&shared), 1, "the event has it no more");
    }

    #[test]
    fn a_value_that_is_being_read_is_given_up_when_its_piece_is_there() {
        let (events, shared, gate) = (Events::default(), Arc::new(()), Arc::new(Notify::new()));
        let event = event(&events);
        let body = body(&shared, Some(&gate), &Asker::of(&event));
        let mut reading = Box::pin(Rc::clone(&body).read_piece(9));
        assert!((&mut reading).now_or_never().is_none());
        events.remove(event.id());
        gate.notify_one();
        let piece = (&mut reading).now_or_never().expect("the piece is there");
        assert_eq!(piece.err().map(|error| error.to_string()).as_deref(), Some(OVER));
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn a_value_that_comes_after_its_event_is_not_kept() {
        let (events, shared) = (Events::default(), Arc::new(()));
        let event = event(&events);
        let asker = Asker::of(&event);
        events.remove(event.id());
        drop(event);
        let body = body(&shared, None, &asker);
        assert_eq!(Arc::strong_count(&shared), 1);
        assert_eq!(read(&body, 9).unwrap_err(), OVER);
    }
}
