//! Keys with their values, a line each, written as fast as the client reads: all of a namespace, or
//! those that are asked for. Where it cannot go on, the last line is `{"error": ...}`.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, poll_fn};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use kv::{ListRequest, ListedKey, MAX_LIST_KEYS, Namespace, Store, StreamedEntry};
use tokio::sync::mpsc;

use super::record::{key_of, write_line, write_missing};
use crate::admin::answer::{Answer, Fault, streamed};
use crate::admin::upload::Upload;

/// The header of an export that says how many keys there are, for those who show how far it is.
const KEYS: &str = "isolane-kv-keys";
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Lines are gathered up to so many bytes before they are sent.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for the client.
const CHUNKS_AHEAD: usize = 2;
/// Keys that are looked up ahead. Only short values are in memory then.
const KEYS_AHEAD: usize = 16;

/// Where lines go.
struct Lines {
    sender: mpsc::Sender<Bytes>,
    gathered: Vec<u8>,
}

/// Why lines do not go on.
enum Stop {
    /// The client has gone.
    Gone,
    Fault(Fault),
}

/// Writes all keys of a namespace, in their order. Changes meanwhile are in it or not, key by key.
pub(super) async fn export(store: &Arc<dyn Store>, namespace: &Namespace) -> Result<Answer, Fault> {
    let info = super::existing(&**store, namespace).await?;
    let (store, namespace) = (Arc::clone(store), namespace.clone());
    let mut answer = in_lines(|lines| write_all(store, namespace, lines));
    answer.headers_mut().insert(KEYS, info.keys.into());
    Ok(answer)
}

/// Writes the keys that the lines of the request name, in their order.
pub(super) async fn get_many(
    store: &Arc<dyn Store>,
    namespace: &Namespace,
    body: Upload,
) -> Result<Answer, Fault> {
    super::existing(&**store, namespace).await?;
    let (store, namespace) = (Arc::clone(store), namespace.clone());
    Ok(in_lines(|lines| write_named(store, namespace, body, lines)))
}

async fn write_all(store: Arc<dyn Store>, namespace: Namespace, mut lines: Lines) -> Lines {
    let prefix = String::new();
    let mut request = ListRequest { prefix, limit: MAX_LIST_KEYS, start_after: None };
    let written: Result<(), Stop> = async {
        loop {
            let page = store.list(&namespace, &request).await?;
            let look_up = |ListedKey { name, .. }| {
                let entry = store.get_stream(&namespace, &name);
                async move { (name, entry.await) }
            };
            let mut found = stream::iter(page.keys).map(look_up).buffered(KEYS_AHEAD);
            while let Some((key, entry)) = found.next().await {
                // A key that has gone since it was listed is no part of the namespace any more.
                if let Some(entry) = entry? {
                    lines.entry(&key, entry).await?;
                }
            }
            match page.next {
                None => return Ok(()),
                after => request.start_after = after,
            }
        }
    }
    .await;
    lines.ended(written)
}

async fn write_named(
    store: Arc<dyn Store>,
    namespace: Namespace,
    body: Upload,
    mut lines: Lines,
) -> Lines {
    let mut named = body.lines();
    let written: Result<(), Stop> = async {
        let mut read = 0_u64;
        while let Some(line) = named.next().await? {
            read += 1;
            let key = key_of(&line);
            let key = key.map_err(|fault| fault.within(&format!("record {read}: "), ""))?;
            match store.get_stream(&namespace, &key).await? {
                Some(entry) => lines.entry(&key, entry).await?,
                None => {
                    write_missing(&mut lines.gathered, &key);
                    lines.send_full().await?;
                }
            }
        }
        Ok(())
    }
    .await;
    lines.ended(written)
}

/// An answer whose lines are written meanwhile.
fn in_lines<F: Future<Output = Lines> + Send + 'static>(write: impl FnOnce(Lines) -> F) -> Answer {
    let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    let writing = write(Lines { sender, gathered: Vec::new() });
    tokio::spawn(async move {
        let mut lines = writing.await;
        // Nobody misses what is left when the client has gone.
        let _ = lines.send().await;
    });
    let chunks = poll_fn(move |cx| chunks.poll_recv(cx)).map(Ok::<_, std::convert::Infallible>);
    let mut answer = Response::new(streamed(chunks));
    answer.headers_mut().insert(CONTENT_TYPE, NDJSON);
    answer
}

impl Lines {
    async fn entry(&mut self, key: &str, mut entry: StreamedEntry) -> Result<(), Stop> {
        let mut value = Vec::new();
        while let Some(piece) = entry.value.read().await? {
            value.extend_from_slice(&piece);
        }
        let metadata = entry.metadata.as_deref();
        write_line(&mut self.gathered, key, &value, entry.expiration, metadata);
        self.send_full().await
    }

    async fn send_full(&mut self) -> Result<(), Stop> {
        if self.gathered.len() < CHUNK_BYTES { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> Result<(), Stop> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.gathered);
        self.sender.send(chunk.into()).await.map_err(|_| Stop::Gone)
    }

    fn ended(mut self, written: Result<(), Stop>) -> Self {
        if let Err(Stop::Fault(fault)) = written {
            self.gathered.extend_from_slice(fault.to_json().to_string().as_bytes());
            self.gathered.push(b'\n');
        }
        self
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<kv::StoreError> for Stop {
    fn from(error: kv::StoreError) -> Self {
        Self::Fault(error.into())
    }
}
