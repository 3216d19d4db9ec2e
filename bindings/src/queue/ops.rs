//! What `queue.js` calls. A call answers with a token: `op_queue_wait` waits and `op_queue_take` then
//! gives the answer.
//!
//! An optional number is `NaN` when it is absent.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use queue::{Metrics, SendError};

use super::error::{Method, ProducerError};
use super::messages::{Listed, Lists, delay_of};
use super::state::{Producer, QueueState};
use crate::binding::Asker;
use crate::memory::{Charge, Meter};

/// From so many bytes on it is asked whether there is room for what is sent.
const LARGE_BYTES: usize = 64 << 10;

/// What a worker has called, where no event is running.
const CALLED: &str = "an operation of a queue";

/// Sends a message, or a batch of `count`. The lists have the same length: bodies that are strings or
/// views, the numbers of their content types, and their delays in seconds.
#[op2(nofast)]
#[smi]
#[allow(clippy::too_many_arguments, reason = "what a call is made of")]
pub(super) fn op_queue_send<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
    is_batch: bool,
    count: f64,
    bodies: v8::Local<'s, v8::Array>,
    content_types: v8::Local<'s, v8::Array>,
    delays: v8::Local<'s, v8::Array>,
    batch_delay: f64,
) -> Result<i32, ProducerError> {
    let (asker, producer) = asked(scope, &state, slot)?;
    let form = producer.form(if is_batch { Method::SendBatch } else { Method::Send });
    let failed = |error: SendError| form.failed(error);
    let batch_delay = delay_of(batch_delay, SendError::BATCH_DELAY).map_err(failed)?;
    let lists = Lists { bodies, content_types, delays };
    let listed = Listed::read(scope, form.method, count, &lists).map_err(failed)?;
    let charge = charged(scope, &state, listed.bytes())?;
    let messages = listed.copied(scope);
    let checked = match messages.as_slice() {
        [message] if !is_batch => queue::check_send(message),
        messages => queue::check_batch(messages, batch_delay),
    };
    checked.map_err(failed)?;
    let send = move || producer.send(messages, batch_delay);
    Ok(state.borrow_mut().borrow_mut::<QueueState>().ask(asker, form, charge, send))
}

/// Asks how much a queue has.
#[op2(nofast)]
#[smi]
pub(super) fn op_queue_metrics(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
) -> Result<i32, ProducerError> {
    let (asker, producer) = asked(scope, &state, slot)?;
    let form = producer.form(Method::Metrics);
    let ask = move || producer.metrics();
    Ok(state.borrow_mut().borrow_mut::<QueueState>().ask(asker, form, None, ask))
}

/// A structured clone as bytes. Objects of the runtime are refused: whoever reads them is another
/// isolate. `on_error` is called with the reason why something cannot be cloned, and throws.
#[op2(reentrant)]
pub(super) fn op_queue_serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    on_error: v8::Local<'s, v8::Function>,
) -> Result<Uint8Array, JsErrorBox> {
    let data = crate::clone::serialize_plain(scope, state, value, on_error)?;
    // Without data an exception is pending, and what is answered is not looked at.
    Ok(data.unwrap_or_default().into())
}

/// Waits until the call with this token has its answer.
#[op2]
pub(super) async fn op_queue_wait(state: Rc<RefCell<OpState>>, #[smi] token: i32) {
    let started = state.borrow_mut().borrow_mut::<QueueState>().start(token);
    if let Some(operation) = started {
        let outcome = operation.await;
        state.borrow_mut().borrow_mut::<QueueState>().finish(token, outcome);
    }
}

/// The answer to the call with this token: how many messages the queue has, their bytes, and when the
/// oldest came, in milliseconds since the UNIX epoch.
#[op2]
pub(super) fn op_queue_take<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] token: i32,
) -> Result<v8::Local<'s, v8::Value>, ProducerError> {
    let queues = state.try_borrow_mut::<QueueState>().ok_or(ProducerError::NotBound)?;
    let (form, outcome) = queues.take(token).ok_or(ProducerError::EventOver)?;
    let metrics = outcome.map_err(|error| form.failed(error))?;
    Ok(told(scope, metrics))
}

/// Who calls, and the queue in that slot.
fn asked(
    scope: &v8::PinScope<'_, '_>,
    state: &RefCell<OpState>,
    slot: u32,
) -> Result<(Asker, Producer), ProducerError> {
    let state = state.borrow();
    let asker = Asker::running(scope, &state, CALLED).map_err(ProducerError::NoEvent)?;
    let queues = state.try_borrow::<QueueState>().ok_or(ProducerError::NotBound)?;
    Ok((asker, queues.producer(slot)?))
}

/// Charges the isolate with what it sends, if it has room for it. That may collect garbage: nobody has
/// borrowed the isolate's state meanwhile.
fn charged(
    scope: &mut v8::PinScope<'_, '_>,
    state: &RefCell<OpState>,
    bytes: usize,
) -> Result<Option<Charge>, ProducerError> {
    let meter = state.borrow().try_borrow::<Meter>().cloned();
    let Some(meter) = meter else { return Ok(None) };
    if bytes > LARGE_BYTES && !meter.demand(scope, bytes) {
        return Err(ProducerError::NoMemory);
    }
    Ok(Some(Charge::new(bytes, meter.queued())))
}

fn told<'s>(scope: &mut v8::PinScope<'s, '_>, metrics: Metrics) -> v8::Local<'s, v8::Value> {
    let oldest_ms = metrics.oldest_message_timestamp_ms.filter(|ms| *ms > 0);
    let parts: [v8::Local<'s, v8::Value>; 3] = [
        v8::Number::new(scope, metrics.backlog_count as f64).into(),
        v8::Number::new(scope, metrics.backlog_bytes as f64).into(),
        match oldest_ms {
            Some(ms) => v8::Number::new(scope, ms as f64).into(),
            None => v8::undefined(scope).into(),
        },
    ];
    v8::Array::new_with_elements(scope, &parts).into()
}
