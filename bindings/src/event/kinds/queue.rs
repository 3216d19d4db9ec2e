//! `queue`: messages of a queue that the worker consumes
//! (<https://developers.cloudflare.com/queues/configuration/javascript-apis/>). What the worker says of
//! them is kept as it says it: that counts though its handler throws, or is ended by a limit.
//! Not here: what follows from that (the crate `queue`), nor sending (`env.Q`).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use ::queue::{Acks, Message, Metrics, Warning};
use deno_core::{OpState, ToV8, op2};
use deno_error::JsErrorBox;

use crate::event::Event;
use crate::event::console::{Console, WARN};
use crate::event::ops::find;

/// A delivery of a queue.
pub struct QueueBatch {
    /// The queue's name.
    pub queue: Arc<str>,
    /// What is delivered; never nothing.
    pub messages: Vec<Message>,
    /// How much the queue has.
    pub metrics: Metrics,
}

/// Bodies are not shown.
impl fmt::Debug for QueueBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueBatch")
            .field("queue", &self.queue)
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// What the event needs while it runs.
pub(in crate::event) struct State {
    batch: QueueBatch,
    /// `None` once the result is taken.
    acks: RefCell<Option<Acks>>,
    /// Whether the result is to be told before the event is over.
    is_owed: Cell<bool>,
}

impl State {
    pub(super) fn new(batch: QueueBatch) -> State {
        let acks = Acks::new(batch.messages.len());
        State { batch, acks: RefCell::new(Some(acks)), is_owed: Cell::new(false) }
    }

    pub(super) fn take_acks(&self) -> Acks {
        self.acks.take().unwrap_or_else(|| Acks::new(self.batch.messages.len()))
    }

    pub(super) fn owes_result(&self) -> bool {
        self.is_owed.take()
    }

    pub(super) fn conclude_early(&self) {
        self.is_owed.set(true);
    }

    fn message(&self, index: u32) -> Option<&Message> {
        self.batch.messages.get(index as usize)
    }
}

/// A delivery, as its script reads it (`kinds/queue.js`).
#[derive(ToV8)]
pub(in crate::event) struct Batch {
    queue: String,
    backlog_count: f64,
    backlog_bytes: f64,
    /// In milliseconds since the UNIX epoch; zero where there is none.
    oldest_ms: f64,
    messages: Vec<Head>,
}

/// A message without its body.
#[derive(ToV8)]
pub(in crate::event) struct Head {
    id: String,
    timestamp_ms: f64,
    attempts: u32,
    /// The name of its content type.
    kind: &'static str,
    /// The length of its body.
    bytes: u32,
}

impl Head {
    fn of(message: &Message) -> Head {
        Head {
            id: message.id.to_string(),
            timestamp_ms: message.timestamp_ms as f64,
            attempts: message.attempts,
            kind: message.content_type.as_str(),
            bytes: u32::try_from(message.body.len()).unwrap_or(u32::MAX),
        }
    }
}

fn state_of(event: &Event) -> Option<&State> {
    match &event.state {
        super::State::Queue(queue) => Some(queue),
        _ => None,
    }
}

fn over() -> JsErrorBox {
    JsErrorBox::generic("The batch is over.")
}

/// What is delivered, but for the bodies.
#[op2]
pub(in crate::event) fn op_event_queue_batch(
    state: &mut OpState,
    #[smi] id: u32,
) -> Result<Batch, JsErrorBox> {
    let event = find(state, id).ok_or_else(over)?;
    let QueueBatch { queue, messages, metrics } = &state_of(&event).ok_or_else(over)?.batch;
    Ok(Batch {
        queue: queue.to_string(),
        backlog_count: metrics.backlog_count as f64,
        backlog_bytes: metrics.backlog_bytes as f64,
        oldest_ms: metrics.oldest_message_timestamp_ms.unwrap_or_default() as f64,
        messages: messages.iter().map(Head::of).collect(),
    })
}

/// The body of a message whose content is a text, or JSON.
#[op2]
#[string]
pub(in crate::event) fn op_event_queue_text(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] index: u32,
) -> Result<String, JsErrorBox> {
    let event = find(state, id).ok_or_else(over)?;
    let message = state_of(&event).and_then(|state| state.message(index)).ok_or_else(over)?;
    Ok(String::from_utf8_lossy(&message.body).into_owned())
}

/// Copies the body of a message to where there is room for it: memory of the isolate, which is counted.
#[op2(fast)]
pub(in crate::event) fn op_event_queue_fill(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] index: u32,
    #[buffer] room: &mut [u8],
) {
    let Some(event) = find(state, id) else { return };
    if let Some(message) = state_of(&event).and_then(|state| state.message(index))
        && message.body.len() == room.len()
    {
        room.copy_from_slice(&message.body);
    }
}

/// The worker is done with a message.
#[op2(fast)]
pub(in crate::event) fn op_event_queue_ack(state: &mut OpState, #[smi] id: u32, #[smi] index: u32) {
    say(state, id, Some(index), |acks| acks.ack(index as usize));
}

/// The worker wants a message again, after so many seconds; below zero it does not say when.
#[op2(fast)]
pub(in crate::event) fn op_event_queue_retry(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] index: u32,
    #[smi] delay_s: i32,
) {
    let delay_s = u32::try_from(delay_s).ok();
    say(state, id, Some(index), |acks| acks.retry(index as usize, delay_s));
}

/// The worker is done with all messages of which it says nothing else.
#[op2(fast)]
pub(in crate::event) fn op_event_queue_ack_all(state: &mut OpState, #[smi] id: u32) {
    say(state, id, None, Acks::ack_all);
}

/// The worker wants all messages again of which it says nothing else. The delay is as above.
#[op2(fast)]
pub(in crate::event) fn op_event_queue_retry_all(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] delay_s: i32,
) {
    let delay_s = u32::try_from(delay_s).ok();
    say(state, id, None, |acks| acks.retry_all(delay_s));
}

/// Notes what the worker says, and tells it where that counts for nothing. After the event that is
/// always so.
fn say(
    state: &OpState,
    id: u32,
    index: Option<u32>,
    note: impl FnOnce(&mut Acks) -> Option<Warning>,
) {
    let Some(event) = find(state, id) else { return };
    let Some(queue) = state_of(&event) else { return };
    // Of a message that is not there nothing is noted.
    let warning = queue.acks.borrow_mut().as_mut().and_then(note);
    if let Some(warning) = warning
        && let Some(console) = state.try_borrow::<Console>()
    {
        let message = index.and_then(|index| queue.message(index));
        console.write(Some(&event), WARN, &warning.text(message.map(|message| message.id)));
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use ::queue::{ContentType, MessageId, Verdict};
    use bytes::Bytes;

    use super::*;
    use crate::event::{CallContext, EventId, Events, KindResult, Trigger};

    fn batch(messages: usize) -> Trigger {
        let message = |number: usize| Message {
            id: MessageId::new(number as u128),
            timestamp_ms: 5,
            attempts: 1,
            content_type: ContentType::Text,
            body: Bytes::from_static(b"text"),
        };
        Trigger::Queue(QueueBatch {
            queue: "orders".into(),
            messages: (0..messages).map(message).collect(),
            metrics: Metrics::default(),
        })
    }

    /// An isolate's state with a batch, and the lines that were written to its console.
    fn state(messages: usize) -> (OpState, Rc<Event>, Rc<RefCell<Vec<String>>>) {
        let mut state = OpState::new(None);
        let events = Events::default();
        let event = events.insert(batch(messages), CallContext::default(), 1);
        let lines = Rc::<RefCell<Vec<String>>>::default();
        let written = lines.clone();
        let write = move |_: Option<EventId>, level: i32, text: &str| {
            assert_eq!(level, WARN);
            written.borrow_mut().push(text.to_owned());
        };
        state.put(Console::new(false, write, |_| {}));
        state.put(events);
        (state, event, lines)
    }

    #[test]
    fn what_was_said_is_there_whatever_became_of_the_handler() {
        let (state, event, lines) = state(3);
        let id = event.id().get();
        say(&state, id, Some(0), |acks| acks.ack(0));
        say(&state, id, Some(1), |acks| acks.retry(1, Some(7)));
        say(&state, id, Some(9), |acks| acks.ack(9));
        let KindResult::Queue(acks) = event.take_result() else { panic!("it is a batch") };
        let verdicts = acks.resolve(false);
        let are_retried = verdicts.iter().map(|it| matches!(it, Verdict::Retry { .. }));
        assert_eq!(are_retried.collect::<Vec<_>>(), [false, true, true]);
        assert!(lines.borrow().is_empty());
    }

    #[test]
    fn what_counts_for_nothing_is_told_once_it_is_said() {
        let (state, event, lines) = state(1);
        let id = event.id().get();
        say(&state, id, None, Acks::ack_all);
        say(&state, id, Some(0), |acks| acks.retry(0, None));
        let expected = format!(
            "Received a call to retry() on message {} after ackAll() was already called. Calling \
             retry() on a message after calling ackAll() has no effect.",
            MessageId::new(0)
        );
        assert_eq!(*lines.borrow(), [expected]);
        event.take_result();
        say(&state, id, None, |acks| acks.retry_all(None));
        assert_eq!(lines.borrow().len(), 1, "nothing counts any more");
    }

    #[test]
    fn a_result_that_does_not_wait_is_owed_once() {
        let (_, event, _) = state(1);
        event.waiting.set(1);
        event.answered.set(true);
        assert!(!event.owes_result());
        event.state.conclude_early();
        assert!(event.owes_result());
        assert!(!event.owes_result());
    }
}
