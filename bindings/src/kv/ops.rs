//! What `kv.js` calls. An operation is a synchronous op that answers at once when the store does,
//! else with a token: `op_kv_wait` waits and `op_kv_take` then gives the answer, so that no answer
//! passes through a promise that a worker could have changed.
//!
//! An optional number is `NaN` when it is absent. The script has checked keys with
//! `op_kv_check_key`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::{OpState, op2, v8};
use kv::{KeyError, ListRequest, Put, Refused, UnixSeconds};

use super::error::{KvError, Method};
use super::reply::{Form, Kind, Reply, present, present_answer};
use super::state::KvState;

/// Throws when no key has this name.
#[op2(fast)]
pub(super) fn op_kv_check_key(#[string] key: &str, #[smi] method: u32) -> Result<(), KvError> {
    kv::validate_key(key).map_err(|error| Method::from(method).bad_key(error))
}

/// Throws that a value of a bulk get is no JSON.
#[op2(fast)]
pub(super) fn op_kv_not_json() -> Result<(), KvError> {
    let text = "At least one of the requested keys corresponds to a non-json value";
    Err(Method::GetBulk.refused(Refused::new(400, text)))
}

/// The second in which a key to be put expires, or `NaN`. Throws when the options are refused.
#[op2]
pub(super) fn op_kv_expiration(
    state: &mut OpState,
    expiration: f64,
    expiration_ttl: f64,
    #[string] metadata: Option<String>,
) -> Result<f64, KvError> {
    let refused = |refused| Method::Put.refused(refused);
    let now = bound(state)?.store().now();
    let at = kv::validate_expiration(optional(expiration), optional(expiration_ttl), now)
        .map_err(refused)?;
    kv::validate_metadata(metadata.as_deref().unwrap_or_default()).map_err(refused)?;
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
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let lookup = if matches!(form.kind, Kind::Stream) {
        store.get_stream(namespace, key).map(move |entry| Reply::Stream(entry, with_metadata))
    } else if with_metadata {
        store.get_entry(namespace, key).map(Reply::Entry)
    } else {
        store.get(namespace, key).map(Reply::Value)
    };
    let answer = kv.answer(form, lookup);
    present_answer(scope, state, form, answer)
}

/// What is under several keys, as one operation.
#[op2]
pub(super) fn op_kv_get_many<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    keys: v8::Local<'s, v8::Array>,
    #[string] kind: Option<String>,
    cache_ttl: f64,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::GetBulk, kind: Kind::Text };
    let refused = |refused| form.method.refused(refused);
    kv::validate_bulk(kind.as_deref(), keys.length() as usize).map_err(refused)?;
    let mut names = Vec::with_capacity(keys.length() as usize);
    for index in 0..keys.length() {
        let key = keys.get_index(scope, index).and_then(|key| key.to_string(scope));
        let key = key.map_or_else(String::new, |key| key.to_rust_string_lossy(scope));
        kv::validate_key(&key).map_err(KeyError::into_refused).map_err(refused)?;
        check_cache_ttl(form.method, cache_ttl)?;
        names.push(key);
    }
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let lookup = store.get_many(namespace, &names).map(Reply::Entries);
    let answer = kv.answer(form, lookup);
    present_answer(scope, state, form, answer)
}

/// Stores a string or the bytes of a view. The expiration is that of `op_kv_expiration`.
#[op2]
pub(super) fn op_kv_put<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] key: &str,
    value: v8::Local<'s, v8::Value>,
    expiration: f64,
    #[string] metadata: Option<String>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Put, kind: Kind::Text };
    let value = bytes_of(scope, value).map_err(|refused| form.method.refused(refused))?;
    let put = Put { value, expiration: seconds(expiration), metadata: metadata.map(Arc::from) };
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let lookup = store.put(namespace, key, put).map(|()| Reply::Done);
    let answer = kv.answer(form, lookup);
    present_answer(scope, state, form, answer)
}

/// Begins to store a value that comes piece by piece; the number is for the ops below. The
/// expiration is that of `op_kv_expiration`.
#[op2]
#[smi]
pub(super) fn op_kv_sink_open(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] key: &str,
    expiration: f64,
    #[string] metadata: Option<String>,
) -> Result<u32, KvError> {
    let event = crate::event::running(scope, state);
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let metadata = metadata.map(Arc::from);
    let sink = store
        .put_stream(namespace, key, seconds(expiration), metadata)
        .map_err(|error| Method::Put.failed(error))?;
    kv.sinks
        .add(sink, event)
        .ok_or_else(|| Method::Put.refused(Refused::new(429, "Too Many Requests")))
}

/// Adds the bytes of a view to a value.
#[op2]
pub(super) fn op_kv_sink_write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] sink: u32,
    piece: v8::Local<'s, v8::Value>,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Put, kind: Kind::Text };
    let piece = bytes_of(scope, piece).map_err(|refused| form.method.refused(refused))?;
    let kv = bound(state)?;
    let lookup = kv.sinks.get(sink).ok_or(KvError::NotBound)?.write(piece);
    let answer = kv.answer(form, lookup.map(|()| Reply::Done));
    present_answer(scope, state, form, answer)
}

/// Stores a value that is complete.
#[op2]
pub(super) fn op_kv_sink_finish<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] sink: u32,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Put, kind: Kind::Text };
    let kv = bound(state)?;
    let lookup = kv.sinks.remove(sink).ok_or(KvError::NotBound)?.finish();
    let answer = kv.answer(form, lookup.map(|()| Reply::Done));
    present_answer(scope, state, form, answer)
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
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let lookup = store.delete(namespace, key).map(|()| Reply::Done);
    let answer = kv.answer(form, lookup);
    present_answer(scope, state, form, answer)
}

/// One page of keys. A limit that is not above zero means the default.
#[op2]
pub(super) fn op_kv_list<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] namespace: u32,
    #[string] prefix: String,
    limit: f64,
    #[string] cursor: &str,
) -> Result<v8::Local<'s, v8::Value>, KvError> {
    let form = Form { method: Method::Get, kind: Kind::Text };
    let refused = |refused| form.method.refused(refused);
    let limit = kv::validate_list_limit(optional(limit).filter(|limit| *limit > 0));
    let limit = limit.map_err(refused)?;
    kv::validate_prefix(&prefix).map_err(refused)?;
    let start_after = match cursor {
        "" => None,
        cursor => Some(kv::decode_cursor(cursor).map_err(refused)?),
    };
    let kv = bound(state)?;
    let (store, namespace) = kv.namespace(namespace)?;
    let lookup = store.list(namespace, &ListRequest { prefix, limit, start_after });
    let answer = kv.answer(form, lookup.map(Reply::Page));
    present_answer(scope, state, form, answer)
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
    let (form, outcome) = bound(state)?.take(token).ok_or(KvError::NotBound)?;
    present(scope, state, form, outcome)
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

/// A copy of the value's bytes, made only if the store takes that many.
fn bytes_of(
    scope: &v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<Bytes, Refused> {
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        kv::validate_value_bytes(view.byte_length())?;
        let mut bytes = vec![0; view.byte_length()];
        let copied = view.copy_contents(&mut bytes);
        bytes.truncate(copied);
        return Ok(bytes.into());
    }
    let Ok(string) = v8::Local::<v8::String>::try_from(value) else { return Ok(Bytes::new()) };
    kv::validate_value_bytes(string.utf8_length(scope))?;
    Ok(string.to_rust_string_lossy(scope).into())
}
