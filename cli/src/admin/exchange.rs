//! Requests of the admin API that say JSON, and are answered with it. They are made once: what some of
//! them do is done twice if they are made again.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response};
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Client, read, whole};

/// Asks for something.
pub(crate) async fn get<T: DeserializeOwned>(client: &mut Client, path: &str) -> anyhow::Result<T> {
    read(client.ask(Method::GET, path).await?).await
}

/// Says something.
pub(crate) async fn send(
    client: &mut Client,
    method: Method,
    path: &str,
    body: &impl Serialize,
) -> anyhow::Result<Response<Incoming>> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let text = serde_json::to_vec(body)?;
    let length = text.len() as u64;
    client.send_with(method, path, &headers, whole(text), Some(length)).await
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
