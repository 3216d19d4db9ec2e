//! A broker that keeps what it is sent, answers later, and counts what is under way. Two of its queues
//! refuse everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deno_core::futures::future::BoxFuture;
use deno_core::parking_lot::Mutex;
use queue::{Broker, Metrics, NewMessage, SendError};
use serde_json::{Value, json};

/// The oldest message of a queue that has any.
const OLDEST_MS: u64 = 1_700_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct Kept {
    calls: Mutex<Vec<Value>>,
    messages: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
    most_under_way: AtomicUsize,
}

impl Kept {
    /// What was sent since the last time, as JSON.
    pub(crate) fn take(&self) -> String {
        Value::Array(std::mem::take(&mut *self.calls.lock())).to_string()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::Relaxed)
    }

    fn answer(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>> {
        let answer = match queue {
            "full" => Err(SendError::storage_limit()),
            "missing" => Err(SendError::not_found()),
            "empty" => Ok(Metrics::default()),
            _ => Ok(Metrics {
                backlog_count: self.messages.load(Ordering::Relaxed) as u64,
                backlog_bytes: 5,
                oldest_message_timestamp_ms: Some(OLDEST_MS),
            }),
        };
        let under_way = Arc::clone(&self.under_way);
        let now = under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(now, Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            under_way.fetch_sub(1, Ordering::Relaxed);
            answer
        })
    }
}

impl Broker for Kept {
    fn send(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Metrics, SendError>> {
        self.messages.fetch_add(messages.len(), Ordering::Relaxed);
        let told = |message: &NewMessage| {
            json!({
                "bytes": message.body.to_vec(),
                "contentType": message.content_type.as_str(),
                "delay": message.delay.map(|delay| delay.as_secs()),
                "text": String::from_utf8_lossy(&message.body),
            })
        };
        self.calls.lock().push(json!({
            "delay": batch_delay.map(|delay| delay.as_secs()),
            "from": &**from,
            "messages": messages.iter().map(told).collect::<Vec<_>>(),
            "queue": queue,
        }));
        self.answer(queue)
    }

    fn metrics(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>> {
        self.answer(queue)
    }
}
