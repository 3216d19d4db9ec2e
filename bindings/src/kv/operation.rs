//! What is asked of the store, as a value: it is asked at once, or when its turn has come.

use std::borrow::Cow;

use kv::{ListRequest, Lookup, Namespace, Put, Store};

use super::reply::Reply;

pub(super) enum Operation<'k> {
    Get(Cow<'k, str>),
    GetEntry(Cow<'k, str>),
    GetStream { key: Cow<'k, str>, with_metadata: bool },
    GetMany(Vec<String>),
    Put(Cow<'k, str>, Put),
    Delete(Cow<'k, str>),
    List(ListRequest),
}

impl Operation<'_> {
    pub(super) fn start(self, store: &dyn Store, namespace: &Namespace) -> Lookup<Reply> {
        match self {
            Self::Get(key) => store.get(namespace, &key).map(Reply::Value),
            Self::GetEntry(key) => store.get_entry(namespace, &key).map(Reply::Entry),
            Self::GetStream { key, with_metadata } => {
                let found = store.get_stream(namespace, &key);
                found.map(move |entry| Reply::Stream(entry, with_metadata))
            }
            Self::GetMany(keys) => store.get_many(namespace, &keys).map(Reply::Entries),
            Self::Put(key, put) => store.put(namespace, &key, put).map(|()| Reply::Done),
            Self::Delete(key) => store.delete(namespace, &key).map(|()| Reply::Done),
            Self::List(request) => store.list(namespace, &request).map(Reply::Page),
        }
    }

    /// What it writes, key and value, if it writes.
    pub(super) fn written_bytes(&self) -> Option<usize> {
        match self {
            Self::Put(key, put) => Some(key.len() + put.value.len()),
            Self::Delete(key) => Some(key.len()),
            _ => None,
        }
    }

    /// The same, to be kept.
    pub(super) fn into_owned(self) -> Operation<'static> {
        let owned = |key: Cow<'_, str>| Cow::Owned(key.into_owned());
        match self {
            Self::Get(key) => Operation::Get(owned(key)),
            Self::GetEntry(key) => Operation::GetEntry(owned(key)),
            Self::GetStream { key, with_metadata } => {
                Operation::GetStream { key: owned(key), with_metadata }
            }
            Self::GetMany(keys) => Operation::GetMany(keys),
            Self::Put(key, put) => Operation::Put(owned(key), put),
            Self::Delete(key) => Operation::Delete(owned(key)),
            Self::List(request) => Operation::List(request),
        }
    }
}
