//! What Web Crypto takes of the processor outside the isolate's own thread. Each call of deno_crypto
//! goes through `op_crypto_call`, which bounds it by what is really passed, reserves what it will
//! about take with its event, makes it on a lane (`lanes.rs`) and charges what the lane's thread
//! then took. Some calls are answered without deno_crypto (`own.rs`), others are refused although it
//! would not (`import.rs`). Not here: what a call may be asked (`request.rs`) and costs (`cost.rs`), the arguments
//! (`global/crypto_arguments.js`), what `node:crypto` derives (`compat/passwords.rs`).

mod calls;
mod cost;
mod import;
mod lanes;
mod own;
mod request;
mod rsa;
mod values;
mod work;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use deno_core::{CancelFuture, CancelHandle, OpState, ToJsBuffer, op2, v8};
use deno_error::JsErrorBox;
use tokio::task::JoinHandle;

use crate::event::{EventId, Events, running_id};
use crate::fetch::WorkerOutbound;
use crate::memory::Meter;
use calls::End;
use lanes::Place;
use request::Request;

pub use calls::{Calls, CpuAccount, CpuPayer, Ended, Measured, watch};
pub use lanes::prepare_threads;
pub(crate) use lanes::used as thread_cpu;
pub(crate) use rsa::op_crypto_rsa_key;
pub(crate) use work::{Job, afford, on_lane};

/// How long a call waits for a place at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a place is kept for JavaScript to take it: it comes in the isolate's next turn.
const KEPT: Duration = Duration::from_secs(5);

/// A call with so many bytes asks whether the isolate has room for the copy that it is made with.
const LARGE_BYTES: f64 = (1 << 20) as f64;

/// What an isolate knows of its calls. Lives in its `OpState`.
#[derive(Default)]
pub(crate) struct Crypto {
    /// Whether deno_core's task for asynchronous ops runs: it must not begin on a lane.
    ready: Cell<bool>,
    /// Places that calls have waited for, until JavaScript takes them.
    kept: RefCell<HashMap<u32, Place>>,
    /// Calls whose end JavaScript has not seen.
    open: RefCell<HashMap<u32, Arc<End>>>,
    /// What calls give that are not deno_crypto's.
    outcomes: RefCell<HashMap<u32, JoinHandle<Outcome>>>,
    keys: RefCell<own::Keys>,
    /// Events that end because they had too little CPU time for what another thread was to do. The
    /// isolate goes with the first of them.
    used_up: RefCell<HashSet<EventId>>,
    next: Cell<u32>,
}

type Outcome = Result<Vec<u8>, JsErrorBox>;

impl Crypto {
    fn number(&self) -> u32 {
        let number = self.next.get().max(1);
        self.next.set(if number >= 0x3fff_fff0 { 1 } else { number + 1 });
        number
    }

    fn keep(&self, place: Place) -> u32 {
        let ticket = self.number();
        self.kept.borrow_mut().insert(ticket, place);
        ticket
    }

    fn claim(&self, ticket: u32) -> Option<Place> {
        self.kept.borrow_mut().remove(&ticket)
    }
}

fn crypto(state: &RefCell<OpState>) -> Rc<Crypto> {
    state.borrow().borrow::<Rc<Crypto>>().clone()
}

/// The worker whose share of places the isolate uses.
fn worker(state: &RefCell<OpState>) -> Arc<str> {
    let state = state.borrow();
    state.try_borrow::<WorkerOutbound>().map_or_else(|| "".into(), |it| it.worker().clone())
}

/// Resolves in the next turn of the isolate's loop. Has deno_core begin its task for asynchronous
/// ops, which `op_crypto_call` must find.
#[op2(async(deferred), fast)]
pub(crate) async fn op_crypto_soon(state: Rc<RefCell<OpState>>) {
    crypto(&state).ready.set(true);
}

/// Makes a call of deno_crypto: `function` is called with `this` and `arguments`, which are plain
/// values that no code of the worker's can change on the way. `what` says which call that is, what
/// its cost depends on of its key, and the ticket that it has; its member `number` is set to the
/// one that `op_crypto_end` knows the call by; `isOwn` where `op_crypto_own` has the outcome, and
/// `fault` where it is to fail although deno_crypto says nothing. Answers nothing where the worker has
/// as many calls under way as it may: then `op_crypto_turn` gives a ticket, with which it is tried
/// again.
#[op2(reentrant)]
pub(crate) fn op_crypto_call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    what: v8::Local<'s, v8::Object>,
    function: v8::Local<'s, v8::Function>,
    this: v8::Local<'s, v8::Value>,
    arguments: v8::Local<'s, v8::Array>,
) -> Result<Option<v8::Local<'s, v8::Value>>, JsErrorBox> {
    let own = crypto(&state);
    let place = own.claim(values::ticket(scope, what));
    let mut request = Request::read(scope, what, arguments)?;
    request.bound()?;
    let key = own.keys.borrow_mut().find(scope, what, &request);
    let input = key.as_ref().and_then(|_| own::Input::read(scope, what, &request, arguments));
    request.is_own = input.is_some();
    let price = request.price()?;
    let mut values = Vec::with_capacity(8);
    for index in 0..arguments.length().min(8) {
        values
            .push(arguments.get_index(scope, index).unwrap_or_else(|| v8::undefined(scope).into()));
    }
    if request.call == "importKey"
        && let Err(fault) = import::check(scope, &request, arguments)
    {
        values::set_fault(scope, what, &fault);
    }
    if request.is_inline() {
        // On this thread, where the slice is charged with it.
        return Ok(function.call(scope, this, &values));
    }
    let place = match place {
        Some(place) => place,
        None => match lanes::try_take(&worker(&state))? {
            Some(place) => place,
            None => return Ok(None),
        },
    };
    if !own.ready.get() {
        return Err(JsErrorBox::generic("Web Crypto is not ready"));
    }
    let meter = state.borrow().borrow::<Meter>().clone();
    if request.bytes() > LARGE_BYTES && !meter.demand(scope, request.bytes() as usize) {
        return Err(JsErrorBox::generic("there is no memory left for the call"));
    }
    let event = running_id(scope);
    let account = state.borrow().try_borrow::<CpuAccount>().cloned();
    if account.as_ref().is_some_and(|account| account.charge(event, price)) {
        scope.terminate_execution();
        return Ok(None);
    }
    place.begin().map_err(refused)?;
    let number = own.number();
    let result = match (key, input) {
        (Some(key), Some(input)) => {
            let outcome = place.runtime().spawn_blocking(move || key.work(&input));
            own.outcomes.borrow_mut().insert(number, outcome);
            values::set_own(scope, what);
            Some(v8::undefined(scope).into())
        }
        _ => {
            let _entered = place.enter();
            function.call(scope, this, &values)
        }
    };
    let measured =
        Measured { call: request.call.clone(), algorithm: request.what(), price, took: price };
    let end = calls::end(place, event, measured, account.as_ref());
    own.open.borrow_mut().insert(number, end);
    values::set_number(scope, what, number);
    Ok(result)
}

/// What a call has given that is not deno_crypto's: bytes, of which there are some where a signature
/// is one.
#[op2]
#[serde]
pub(crate) async fn op_crypto_own(
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
) -> Result<ToJsBuffer, JsErrorBox> {
    let outcome = crypto(&state).outcomes.borrow_mut().remove(&number);
    let outcome = outcome.ok_or_else(|| JsErrorBox::generic("there is no such call"))?;
    Ok(outcome.await.map_err(refused)??.into())
}

/// To be called when a call is settled: the event pays what it took, and ends where that is more
/// than it has. Answers whether that is known; it is a moment after the call is settled, and
/// `op_crypto_ended` waits for it.
#[op2(nofast)]
pub(crate) fn op_crypto_end(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
) -> bool {
    let own = crypto(&state);
    let is_there = own.open.borrow().get(&number).is_none_or(|end| end.is_there());
    if is_there {
        own.open.borrow_mut().remove(&number);
        check(scope, &state);
    }
    is_there
}

/// Whether an event ends because it had too little CPU time for what another thread was to do: then
/// its code is not to hear of it.
#[op2(fast)]
pub(crate) fn op_crypto_used_up(state: &mut OpState, #[smi] event: u32) -> bool {
    let used_up = &state.borrow::<Rc<Crypto>>().used_up;
    EventId::new(event).is_some_and(|event| used_up.borrow().contains(&event))
}

/// Waits for what a call took.
#[op2]
pub(crate) async fn op_crypto_ended(state: Rc<RefCell<OpState>>, #[smi] number: u32) {
    let end = crypto(&state).open.borrow().get(&number).cloned();
    if let Some(end) = end {
        end.wait().await;
    }
}

/// Ends the event where it has used more than its limit.
fn check(scope: &mut v8::PinScope<'_, '_>, state: &RefCell<OpState>) {
    let event = running_id(scope);
    let account = state.borrow().try_borrow::<CpuAccount>().cloned();
    if account.is_some_and(|account| account.charge(event, Duration::ZERO)) {
        scope.terminate_execution();
    }
}

/// Waits until the worker may make one more call; answers the ticket for it.
#[op2]
#[smi]
pub(crate) async fn op_crypto_turn(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
) -> Result<u32, JsErrorBox> {
    let cancel = cancel_handle(&state, EventId::new(event));
    let worker = worker(&state);
    let waiting = lanes::take(&worker, PATIENCE).or_cancel(cancel.clone());
    let place = waiting.await.map_err(|_| over())??;
    let own = crypto(&state);
    let ticket = own.keep(place);
    // An event that ends now never takes it.
    deno_core::unsync::spawn(async move {
        let _ = tokio::time::sleep(KEPT).or_cancel(cancel).await;
        drop(own.claim(ticket));
    });
    Ok(ticket)
}

/// Cancelled when the event is over.
fn cancel_handle(state: &RefCell<OpState>, event: Option<EventId>) -> Rc<CancelHandle> {
    let found = event.and_then(|event| state.borrow().borrow::<Events>().get(event));
    found.map_or_else(CancelHandle::new_rc, |event| event.cancel_handle())
}

fn over() -> JsErrorBox {
    JsErrorBox::generic("The request is over.")
}

fn refused(error: impl std::fmt::Display) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionOperationError", error.to_string())
}
