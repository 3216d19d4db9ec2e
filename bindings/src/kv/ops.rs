//! What `kv.js` calls. An operation is a synchronous op that answers at once when the store does,
//! else with a token: `op_kv_wait` waits and `op_kv_take` then gives the answer, so that no answer
//! passes through a promise that a worker could have changed.
//!
//! An optional number is `NaN` when it is absent. The script has checked keys with
//! `op_kv_check_key`.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{OpState, op2, v8};
use kv::{KeyError, ListRequest, Lookup, Put, Refused, UnixSeconds};

use super::error::{KvError, Method};
use super::operation::Operation;
use super::reply::{Form, Kind, Reply, present, present_answer};
use super::state::KvState;
use super::text;
use crate::binding::{Asker, copied, length_of};
use crate::memory::{Charge, Meter};

/// From so many bytes on it is asked whether there is room for a value that is put. What smaller ones
/// take is seen when the isolate's memory is looked at.
const LARGE_BYTES: usize = 64 << 10;

/// What a worker has called, where no event is running.
const CALLED: &str = "an operation of a KV namespace";

/// Throws when no key has this name.
#[op2(nofast)]
pub(super) fn op_kv_check_key<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: v8::Local<'s, v8::String>,
    #[smi] method: u32,
) -> Result<(), KvError> {
    let bad_key = |error| Method::from(method).bad_key(error);
    text::key(scope, key).map(drop).map_err(bad_key)
}

/// Throws that a value of a bulk get is no JSON.
#[op2(fast)]
pub(super) fn op_kv_not_json() -> Result<(), KvError> {
    let text = "At least one of the requested keys corresponds to a non-json value";
    Err(Method::GetBulk.refused(Refused::new(400, text)))
}

/// The second in which a key to be put expires, or `NaN`. Throws when the options are refused.
#[op2(nofast)]
pub(super) fn op_kv_expiration<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    expiration: f64,
    expiration_ttl: f64,
    metadata: v8::Local<'s, v8::Value>,
) -> Result<f64, KvError> {
    let now = bound(state)?.store().now();
    let at = kv::validate_expiration(optional(expiration), optional(expiration_ttl), now)
        .map_err(|refused| Method::Put.refused(refused))?;
    text::metadata(scope, metadata)?;
    Ok(at.map_or(f64::NAN, |at| at.0 as f64))
}

/// The value under a key, with its metadata if asked.
#[op2]
pub(super) fn op_kv_get<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] key: &str,
    #[smi] kind: u32,
    cache_ttl: f64,
    with_metadata: bool,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Get, kind: Kind::from(kind) };
    check_cache_ttl(form.method, cache_ttl)?;
    let key = key.into();
    let operation = if matches!(form.kind, Kind::Stream) {
        Operation::GetStream { key, with_metadata }
    } else if with_metadata {
        Operation::GetEntry(key)
    } else {
        Operation::Get(key)
    };
    ask(scope, state, form, namespace, operation, None)
}

/// What is under several keys, as one operation.
#[op2]
pub(super) fn op_kv_get_many<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    keys: v8::Local<'s, v8::Array>,
    kind: v8::Local<'s, v8::Value>,
    cache_ttl: f64,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::GetBulk, kind: Kind::Text };
    let refused = |refused| form.method.refused(refused);
    let kind = text::kind(scope, kind);
    kv::validate_bulk(kind.as_deref(), keys.length() as usize).map_err(refused)?;
    let mut names = Vec::with_capacity(keys.length() as usize);
    for index in 0..keys.length() {
        let key = keys.get_index(scope, index).and_then(|key| key.to_string(scope));
        let key = key.map_or(Err(KeyError::Empty), |key| text::key(scope, key));
        names.push(key.map_err(KeyError::into_refused).map_err(refused)?);
        check_cache_ttl(form.method, cache_ttl)?;
    }
    ask(scope, state, form, namespace, Operation::GetMany(names), None)
}

/// Stores a string or the bytes of a view. The expiration is that of `op_kv_expiration`.
#[op2]
pub(super) fn op_kv_put<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] namespace: u32,
    #[string] key: &str,
    value: v8::Local<'s, v8::Value>,
    expiration: f64,
    metadata: v8::Local<'s, v8::Value>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Put, kind: Kind::Text };
    let metadata = text::metadata(scope, metadata)?;
    let (value, charge) = taken(scope, &state, value)?;
    let put = Put { value, expiration: seconds(expiration), metadata };
    let operation = Operation::Put(key.into(), put);
    ask(scope, &mut state.borrow_mut(), form, namespace, operation, charge)
}

/// Begins to store a value that comes piece by piece; the number is for the ops below. The
/// expiration is that of `op_kv_expiration`.
#[op2(nofast)]
#[smi]
pub(super) fn op_kv_sink_open<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] key: &str,
    expiration: f64,
    metadata: v8::Local<'s, v8::Value>,
) -> Result<u32, KvError> {
    let asker = Asker::running(scope, state, CALLED).map_err(KvError::NoEvent)?;
    let metadata = text::metadata(scope, metadata)?;
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let sink = store
        .put_stream(namespace, key, seconds(expiration), metadata)
        .map_err(|error| kv.failed(Method::Put, error))?;
    kv.sinks
        .add(sink, asker)
        .ok_or_else(|| Method::Put.refused(Refused::new(429, "Too Many Requests")))
}

/// Adds the bytes of a view to a value.
#[op2]
pub(super) fn op_kv_sink_write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] sink: u32,
    piece: v8::Local<'s, v8::Value>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let (piece, charge) = taken(scope, &state, piece)?;
    let state = &mut state.borrow_mut();
    let (sink, asker) = bound(state)?.sinks.get(sink).ok_or(KvError::EventOver)?;
    let written = sink.borrow_mut().write(piece);
    put_answer(scope, state, asker, written, charge)
}

/// Stores a value that is complete.
#[op2]
pub(super) fn op_kv_sink_finish<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] sink: u32,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let (sink, asker) = bound(state)?.sinks.remove(sink).ok_or(KvError::EventOver)?;
    put_answer(scope, state, asker, sink.finish(), None)
}

/// Gives up a value that is not complete.
#[op2(fast)]
pub(super) fn op_kv_sink_drop(state: &mut OpState, #[smi] sink: u32) -> Result<(), KvError> {
    drop(bound(state)?.sinks.remove(sink));
    Ok(())
}

/// Removes a key.
#[op2]
pub(super) fn op_kv_delete<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] key: &str,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Delete, kind: Kind::Text };
    ask(scope, state, form, namespace, Operation::Delete(key.into()), None)
}

/// One page of keys. A limit that is not above zero means the default.
#[op2]
pub(super) fn op_kv_list<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    prefix: v8::Local<'s, v8::Value>,
    limit: f64,
    cursor: v8::Local<'s, v8::Value>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Get, kind: Kind::Text };
    let refused = |refused| form.method.refused(refused);
    let limit = kv::validate_list_limit(optional(limit).filter(|limit| *limit > 0));
    let limit = limit.map_err(refused)?;
    let prefix = text::prefix(scope, prefix).map_err(refused)?;
    let start_after = text::cursor(scope, cursor).map_err(refused)?;
    let request = ListRequest { prefix, limit, start_after };
    ask(scope, state, form, namespace, Operation::List(request), None)
}

/// Waits until the operation with this token has its answer.
#[op2]
pub(super) async fn op_kv_wait(state: Rc<RefCell<OpState>>, #[smi] token: i32) {
    let started = state.borrow_mut().borrow_mut::<KvState>().start(token);
    if let Some(operation) = started {
        let outcome = operation.await;
        state.borrow_mut().borrow_mut::<KvState>().finish(token, outcome);
    }
}

/// The answer to the operation with this token.
#[op2]
pub(super) fn op_kv_take<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] token: i32,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let (form, asker, outcome) = bound(state)?.take(token).ok_or(KvError::EventOver)?;
    present(scope, state, form, &asker, outcome)
}

/// Copies the value whose length was the answer before into a buffer of that length.
#[op2(fast)]
pub(super) fn op_kv_fill(state: &mut OpState, #[buffer] buffer: &mut [u8]) -> Result<(), KvError> {
    let value = bound(state)?.to_fill.take().unwrap_or_default();
    if value.len() == buffer.len() {
        buffer.copy_from_slice(&value);
    }
    Ok(())
}

fn bound(state: &mut OpState) -> Result<&mut KvState, KvError> {
    state.try_borrow_mut::<KvState>().ok_or(KvError::NotBound)
}

/// Asks the store on behalf of the event that calls. `charge` is held until it has answered.
fn ask<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    form: Form,
    namespace: u32,
    operation: Operation<'_>,
    charge: Option<Charge>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let asker = Asker::running(scope, state, CALLED).map_err(KvError::NoEvent)?;
    let answer = bound(state)?.ask(asker.clone(), form, namespace, operation, charge)?;
    present_answer(scope, state, form, &asker, answer)
}

/// The answer to a part of a value.
fn put_answer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    asker: Asker,
    lookup: Lookup<()>,
    charge: Option<Charge>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Put, kind: Kind::Text };
    let lookup = lookup.map(|()| Reply::Done);
    let answer = bound(state)?.answer(asker.clone(), form, lookup, charge);
    present_answer(scope, state, form, &asker, answer)
}

fn optional(number: f64) -> Option<i64> {
    (!number.is_nan()).then_some(number as i64)
}

fn seconds(expiration: f64) -> Option<UnixSeconds> {
    optional(expiration).and_then(|at| u64::try_from(at).ok()).map(UnixSeconds)
}

fn check_cache_ttl(method: Method, cache_ttl: f64) -> Result<(), KvError> {
    match optional(cache_ttl) {
        Some(cache_ttl) => {
            kv::validate_cache_ttl(cache_ttl).map_err(|refused| method.refused(refused))
        }
        None => Ok(()),
    }
}

/// A copy of the value's bytes, made only if the store takes that many and the isolate has room for
/// them, and what charges the isolate with them.
fn taken(
    scope: &mut v8::PinScope<'_, '_>,
    state: &RefCell<OpState>,
    value: v8::Local<'_, v8::Value>,
) -> Result<(Bytes, Option<Charge>), KvError> {
    let value_bytes = length_of(scope, value);
    kv::validate_value_bytes(value_bytes).map_err(|refused| Method::Put.refused(refused))?;
    let meter = state.borrow().try_borrow::<Meter>().cloned();
    if let Some(meter) = &meter
        && value_bytes > LARGE_BYTES
        && !meter.demand(scope, value_bytes)
    {
        return Err(KvError::NoMemory);
    }
    let charge = meter.map(|meter| Charge::new(value_bytes, meter.queued()));
    Ok((copied(scope, value), charge))
}
