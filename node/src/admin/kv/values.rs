//! One key: its value as bytes, its expiration and metadata beside it.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use kv::{
    Namespace, Store, ValueSource, validate_expiration, validate_metadata, validate_value_bytes,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::IgnoredAny;

use super::record::one_line;
use crate::admin::answer::{Answer, Fault, no_content, streamed};
use crate::admin::query::Query;
use crate::admin::upload::Upload;

/// The header of a value's expiration, in seconds since the epoch.
const EXPIRATION: &str = "isolane-kv-expiration";
/// The header of a value's metadata, JSON that is percent-encoded.
const METADATA: &str = "isolane-kv-metadata";
/// What of JSON a header's value may not have, and what the encoding itself needs.
const IN_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// Answers with the value, streamed.
pub(super) async fn get(
    store: &dyn Store,
    namespace: &Namespace,
    key: &str,
) -> Result<Answer, Fault> {
    super::valid_key(key)?;
    let Some(entry) = store.get_stream(namespace, key).await? else {
        super::existing(store, namespace).await?;
        let namespace = namespace.id();
        return Err(Fault::not_found(format!("there is no key {key:?} in {namespace:?}")));
    };
    let value_bytes = entry.value_bytes;
    let mut answer = Response::new(streamed(pieces(entry.value)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, value_bytes.into());
    if let Some(expiration) = entry.expiration {
        headers.insert(EXPIRATION, expiration.0.into());
    }
    if let Some(metadata) = entry.metadata {
        headers.insert(METADATA, visible(utf8_percent_encode(&metadata, IN_HEADER))?);
    }
    Ok(answer)
}

/// Stores what the request brings, streamed.
pub(super) async fn put(
    store: &dyn Store,
    namespace: &Namespace,
    key: &str,
    query: &Query,
    headers: &HeaderMap,
    mut body: Upload,
) -> Result<Answer, Fault> {
    super::valid_key(key)?;
    let (expiration, ttl) = (query.whole("expiration")?, query.whole("expiration_ttl")?);
    let expiration = validate_expiration(expiration, ttl, store.now())?;
    let metadata = query.get("metadata").map(metadata).transpose()?;
    if let Some(length) = announced(headers) {
        validate_value_bytes(length)?;
    }
    let mut sink = store.put_stream(namespace, key, expiration, metadata)?;
    while let Some(piece) = body.next().await? {
        sink.write(piece).await?;
    }
    sink.finish().await?;
    Ok(no_content())
}

/// Removes the key, if it is there.
pub(super) async fn delete(
    store: &dyn Store,
    namespace: &Namespace,
    key: &str,
) -> Result<Answer, Fault> {
    super::valid_key(key)?;
    super::existing(store, namespace).await?;
    store.delete(namespace, key).await?;
    Ok(no_content())
}

fn pieces(
    value: Box<dyn ValueSource>,
) -> impl futures_util::Stream<Item = Result<Bytes, kv::StoreError>> + Send {
    try_unfold(
        value,
        |mut value| async move { Ok(value.read().await?.map(|piece| (piece, value))) },
    )
}

fn metadata(text: &str) -> Result<Arc<str>, Fault> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Err(Fault::bad_request(format!("the metadata is not JSON: {error}")));
    }
    let text = one_line(text);
    validate_metadata(&text)?;
    Ok(text.into())
}

/// The length that a request says its body has.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn visible(text: impl Display) -> Result<HeaderValue, Fault> {
    HeaderValue::try_from(text.to_string())
        .map_err(|_| Fault::internal("the metadata cannot be put into a header"))
}
