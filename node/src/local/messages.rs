//! Messages for queues that another session of this machine has consumed: they are stored there, so that
//! they come to the worker that waits for them. All other messages stay in the queues of this session.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use queue::{Broker, ContentType, MAX_BATCH_BYTES, Metrics, NewMessage, SendError};
use runtime::ResponseBody;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Neighbours;
use super::wire::{self, Call, Sent};
use crate::storage::LateQueues;

/// What a batch may take as it is sent, in bytes: base64, and what is around it.
const MAX_SENT_BYTES: usize = 2 * MAX_BATCH_BYTES + (64 << 10);

/// What an answer may take, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The queues of this session, and those that others have consumed.
#[derive(Debug)]
pub(super) struct Messages {
    here: Arc<LateQueues>,
    neighbours: Arc<dyn Neighbours>,
}

/// Messages as they are sent.
#[derive(Serialize, Deserialize)]
struct Batch {
    messages: Vec<Message>,
    delay_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Message {
    /// Base64.
    body: String,
    content_type: String,
    delay_ms: Option<u64>,
}

/// What is answered.
#[derive(Serialize, Deserialize)]
enum Told {
    Metrics { backlog_count: u64, backlog_bytes: u64, oldest_message_timestamp_ms: Option<u64> },
    Refused { code: u16, status: u16, cause: String },
}

impl Messages {
    pub(super) fn new(here: Arc<LateQueues>, neighbours: Arc<dyn Neighbours>) -> Self {
        Self { here, neighbours }
    }

    /// Does with a queue what `ask` asks the session for that has it consumed, or what is done here.
    fn at(
        &self,
        queue: &str,
        ask: impl FnOnce() -> (Call, Bytes) + Send + 'static,
        here: impl FnOnce(&LateQueues) -> BoxFuture<'static, Result<Metrics, SendError>>
        + Send
        + 'static,
    ) -> BoxFuture<'static, Result<Metrics, SendError>> {
        let (ours, neighbours) = (Arc::clone(&self.here), Arc::clone(&self.neighbours));
        let queue = queue.to_owned();
        let done = async move {
            let found = spawn_blocking(move || neighbours.consuming(&queue)).await.ok().flatten();
            let Some(neighbour) = found else { return here(&ours).await };
            let (call, body) = ask();
            let request = Request::new(whole(body));
            let answer = wire::ask(&neighbour, call, request).await;
            let answer = answer.map_err(|error| {
                SendError::unavailable(format!("the session that consumes the queue: {error}"))
            })?;
            read(answer).await
        };
        done.boxed()
    }
}

impl Broker for Messages {
    fn send(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Metrics, SendError>> {
        // They are cheap to clone: bodies are shared.
        let batch = messages.clone();
        let call = Call::Send { queue: queue.to_owned(), from: from.to_string() };
        let (name, from) = (queue.to_owned(), Arc::clone(from));
        let ask = move || (call, written(&batch, batch_delay));
        self.at(queue, ask, move |here| here.send(&name, messages, batch_delay, &from))
    }

    fn metrics(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>> {
        let call = Call::Metrics { queue: queue.to_owned() };
        let name = queue.to_owned();
        self.at(queue, move || (call, Bytes::new()), move |here| here.metrics(&name))
    }
}

/// Stores what another session sends.
pub(super) async fn take(
    queues: &dyn Broker,
    queue: &str,
    from: &Arc<str>,
    body: Incoming,
) -> Response<ResponseBody> {
    let sent = match Limited::new(body, MAX_SENT_BYTES).collect().await {
        Ok(sent) => batch(&sent.to_bytes()),
        Err(_) => None,
    };
    match sent {
        Some((messages, delay)) => told(queues.send(queue, messages, delay, from).await),
        None => told(Err(SendError::internal())),
    }
}

/// What another session is answered.
pub(super) fn told(result: Result<Metrics, SendError>) -> Response<ResponseBody> {
    let told = match result {
        Ok(Metrics { backlog_count, backlog_bytes, oldest_message_timestamp_ms }) => {
            Told::Metrics { backlog_count, backlog_bytes, oldest_message_timestamp_ms }
        }
        Err(SendError { code, status, cause }) => Told::Refused { code, status, cause },
    };
    match serde_json::to_vec(&told) {
        Ok(text) => Response::new(ResponseBody::Full(text.into())),
        Err(_) => {
            let mut response = Response::new(ResponseBody::Empty);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

async fn read(answer: Response<Incoming>) -> Result<Metrics, SendError> {
    let text = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    let text = text.map_err(|_| SendError::internal())?.to_bytes();
    match serde_json::from_slice(&text) {
        Ok(Told::Metrics { backlog_count, backlog_bytes, oldest_message_timestamp_ms }) => {
            Ok(Metrics { backlog_count, backlog_bytes, oldest_message_timestamp_ms })
        }
        Ok(Told::Refused { code, status, cause }) => Err(SendError::new(code, status, cause)),
        Err(_) => Err(SendError::internal()),
    }
}

fn whole(bytes: Bytes) -> Sent {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn written(messages: &[NewMessage], delay: Option<Duration>) -> Bytes {
    let messages = messages.iter().map(|message| Message {
        body: STANDARD.encode(&message.body),
        content_type: message.content_type.as_str().to_owned(),
        delay_ms: message.delay.map(milliseconds),
    });
    let batch = Batch { messages: messages.collect(), delay_ms: delay.map(milliseconds) };
    // Texts and numbers can always be written; what cannot is refused by who reads it.
    serde_json::to_vec(&batch).unwrap_or_default().into()
}

fn batch(text: &[u8]) -> Option<(Vec<NewMessage>, Option<Duration>)> {
    let Batch { messages, delay_ms } = serde_json::from_slice(text).ok()?;
    let messages = messages.into_iter().map(|message| {
        Some(NewMessage {
            body: STANDARD.decode(message.body).ok()?.into(),
            content_type: message.content_type.parse::<ContentType>().ok()?,
            delay: message.delay_ms.map(Duration::from_millis),
        })
    });
    Some((messages.collect::<Option<_>>()?, delay_ms.map(Duration::from_millis)))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_sent() {
        let sent = vec![
            NewMessage::new(ContentType::Bytes, vec![0_u8, 255]).delayed_by(Duration::from_secs(5)),
            NewMessage::new(ContentType::V8, "x"),
        ];
        let delay = Some(Duration::ZERO);
        assert_eq!(batch(&written(&sent, delay)), Some((sent, delay)));
        assert_eq!(batch(b"{}"), None);
    }

    #[test]
    fn an_error_of_the_queue_is_the_callers() {
        let told = told(Err(SendError::not_found()));
        let ResponseBody::Full(text) = told.body() else { panic!("it is in memory") };
        let Ok(Told::Refused { code, status, .. }) = serde_json::from_slice(text) else {
            panic!("it is refused")
        };
        assert_eq!((code, status), (SendError::NOT_FOUND, 404));
    }
}
