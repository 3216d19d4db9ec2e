//! The store's answers as JavaScript values: strings, numbers and flat arrays, from which `kv.js`
//! makes what a worker gets. Nothing here runs JavaScript.

use bytes::Bytes;
use deno_core::{OpState, v8};
use kv::{Entry, ListPage, StoreError, StreamedEntry};

use super::body::ValueBody;
use super::error::{KvError, Method};
use super::state::{Answer, KvState};
use crate::binding::Asker;

/// An answer of the store, whatever was asked.
pub(super) enum Reply {
    Done,
    Value(Option<Bytes>),
    Entry(Option<Entry>),
    /// A value in pieces, and whether its metadata was asked for.
    Stream(Option<StreamedEntry>, bool),
    Entries(Vec<Option<Entry>>),
    Page(ListPage),
}

/// How an answer is to be told.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) method: Method,
    pub(super) kind: Kind,
}

/// What a value becomes. JSON leaves here as text.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Buffer,
    Stream,
    Unknown,
}

type Value<'s> = v8::Local<'s, v8::Value>;
type Presented<'s> = Result<Value<'s>, KvError>;

impl From<u32> for Kind {
    /// The numbers are those of `kv.js`.
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Text,
            1 => Self::Buffer,
            2 => Self::Stream,
            _ => Self::Unknown,
        }
    }
}

/// The answer, or the number below zero to wait for it with.
pub(super) fn present_answer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    form: Form,
    asker: &Asker,
    answer: Answer,
) -> Presented<'s> {
    match answer {
        Answer::Now(outcome) => present(scope, state, form, asker, outcome),
        Answer::Later(token) => Ok(v8::Integer::new(scope, token).into()),
    }
}

/// An answer that is at hand, to what `asker` asked:
///
/// - nothing to tell: `undefined`; a missing key: `null`;
/// - a value: a string, or the number of bytes that wait to be filled in, or the number of a
///   resource, none below zero;
/// - an entry: `[value, metadata]`;
/// - entries: a flat array of values and metadata;
/// - a page: `[names, expirations, metadata, cursor]`.
pub(super) fn present<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    form: Form,
    asker: &Asker,
    outcome: Result<Reply, StoreError>,
) -> Presented<'s> {
    let reply = outcome.map_err(|error| match state.try_borrow::<KvState>() {
        Some(kv) => kv.failed(form.method, error),
        None => form.method.failed(error),
    })?;
    match reply {
        Reply::Done => Ok(v8::undefined(scope).into()),
        Reply::Value(None) | Reply::Entry(None) | Reply::Stream(None, _) => {
            Ok(v8::null(scope).into())
        }
        Reply::Value(Some(value)) => present_value(scope, state, form.kind, value),
        Reply::Entry(Some(entry)) => {
            let metadata = optional_text(scope, entry.metadata.as_deref())?;
            let value = present_value(scope, state, form.kind, entry.value)?;
            Ok(v8::Array::new_with_elements(scope, &[value, metadata]).into())
        }
        Reply::Stream(Some(entry), with_metadata) => {
            let metadata = optional_text(scope, entry.metadata.as_deref())?;
            let resource = state.resource_table.add(ValueBody::new(entry, asker));
            let value = v8::Number::new(scope, f64::from(resource)).into();
            match with_metadata {
                true => Ok(v8::Array::new_with_elements(scope, &[value, metadata]).into()),
                false => Ok(value),
            }
        }
        Reply::Entries(entries) => present_entries(scope, entries),
        Reply::Page(page) => present_page(scope, page),
    }
}

fn present_value<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    kind: Kind,
    value: Bytes,
) -> Presented<'s> {
    match kind {
        Kind::Text => text(scope, &value),
        Kind::Buffer => {
            // The script makes the buffer, so that the memory is asked for, counted and refused
            // as for any other buffer of the worker.
            let value_bytes = v8::Number::new(scope, value.len() as f64).into();
            state.borrow_mut::<KvState>().to_fill = Some(value);
            Ok(value_bytes)
        }
        // A stream is not asked for as a value.
        Kind::Stream | Kind::Unknown => Err(KvError::UnknownType),
    }
}

fn present_entries<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    entries: Vec<Option<Entry>>,
) -> Presented<'s> {
    let mut flat: Vec<Value<'s>> = Vec::with_capacity(entries.len() * 2);
    for entry in entries {
        if let Some(entry) = entry {
            flat.push(text(scope, &entry.value)?);
            flat.push(optional_text(scope, entry.metadata.as_deref())?);
        } else {
            let null: Value<'s> = v8::null(scope).into();
            flat.extend([null, null]);
        }
    }
    Ok(v8::Array::new_with_elements(scope, &flat).into())
}

fn present_page<'s>(scope: &mut v8::PinScope<'s, '_>, page: ListPage) -> Presented<'s> {
    let mut names: Vec<Value<'s>> = Vec::with_capacity(page.keys.len());
    let mut expirations: Vec<Value<'s>> = Vec::with_capacity(page.keys.len());
    let mut metadata: Vec<Value<'s>> = Vec::with_capacity(page.keys.len());
    for key in page.keys {
        names.push(text(scope, key.name.as_bytes())?);
        expirations.push(match key.expiration {
            Some(at) => v8::Number::new(scope, at.0 as f64).into(),
            None => v8::undefined(scope).into(),
        });
        metadata.push(optional_text(scope, key.metadata.as_deref())?);
    }
    let cursor = page.next.as_deref().map(kv::encode_cursor);
    let parts: [Value<'s>; 4] = [
        v8::Array::new_with_elements(scope, &names).into(),
        v8::Array::new_with_elements(scope, &expirations).into(),
        v8::Array::new_with_elements(scope, &metadata).into(),
        optional_text(scope, cursor.as_deref())?,
    ];
    Ok(v8::Array::new_with_elements(scope, &parts).into())
}

fn optional_text<'s>(scope: &mut v8::PinScope<'s, '_>, value: Option<&str>) -> Presented<'s> {
    match value {
        Some(value) => text(scope, value.as_bytes()),
        None => Ok(v8::null(scope).into()),
    }
}

/// Bytes that are no UTF-8 become U+FFFD.
fn text<'s>(scope: &mut v8::PinScope<'s, '_>, value: &[u8]) -> Presented<'s> {
    v8::String::new_from_utf8(scope, value, v8::NewStringType::Normal)
        .map(Into::into)
        .ok_or(KvError::TooLargeForString)
}
