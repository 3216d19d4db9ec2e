//! The keys of a namespace, a page at a time.

use http::StatusCode;
use kv::{
    ListRequest, ListedKey, Namespace, Store, UnixSeconds, decode_cursor, encode_cursor,
    validate_list_limit, validate_prefix,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::record::metadata_json;
use crate::admin::answer::{Answer, Fault, json};
use crate::admin::query::Query;

#[derive(Serialize)]
struct Page<'a> {
    keys: Vec<Key<'a>>,
    list_complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Key<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

/// A page, in the form that a worker's `list()` has.
pub(super) async fn list(
    store: &dyn Store,
    namespace: &Namespace,
    query: &Query,
) -> Result<Answer, Fault> {
    let prefix = query.get("prefix").unwrap_or_default().to_owned();
    validate_prefix(&prefix)?;
    let limit = validate_list_limit(query.whole("limit")?)?;
    let start_after = query.get("cursor").map(decode_cursor).transpose()?;
    super::existing(store, namespace).await?;
    let page = store.list(namespace, &ListRequest { prefix, limit, start_after }).await?;
    let cursor = page.next.as_deref().map(encode_cursor);
    let keys = page.keys.iter().map(Key::of).collect();
    Ok(json(StatusCode::OK, &Page { keys, list_complete: page.list_complete(), cursor }))
}

impl<'a> Key<'a> {
    fn of(key: &'a ListedKey) -> Self {
        let ListedKey { name, expiration, metadata } = key;
        Self {
            name,
            expiration: expiration.map(|UnixSeconds(second)| second),
            metadata: metadata.as_deref().map(metadata_json),
        }
    }
}
