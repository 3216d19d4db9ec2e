//! What the admin API says and does of queues. The rules are those of the crate `queue`, and so are the texts
//! of its refusals; messages are in `queues/messages.rs`.

mod messages;
mod producers;

use std::time::Duration;

use http::StatusCode;
use queue::{Change, ConsumerSettings, QueueError, QueueInfo, Queues, SendError};

use super::answer::{Answer, Fault, json, no_content};
use super::callers::Caller;
use super::node::Served;
use super::query::Query;
use super::routes::{Captures, QueueOperation};
use super::upload::Upload;
use crate::events::Events;

/// The longest request that sets something, in bytes.
const MAX_SET_BYTES: usize = 4 << 10;

/// Who asks, of which node.
struct Asked<'a> {
    node: &'a Served,
    queues: &'a Queues,
    caller: Caller<'a>,
    queue: &'a str,
}

/// One request.
pub(super) async fn call(
    node: &Served,
    events: &Events,
    caller: Caller<'_>,
    operation: QueueOperation,
    captures: &Captures<'_>,
    query: &Query,
    body: Upload,
) -> Result<Answer, Fault> {
    let queues = events.queues().ok_or_else(|| {
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "this node has no queues".to_owned())
    })?;
    let asked = Asked { node, queues, caller, queue: captures.get("queue") };
    match operation {
        QueueOperation::ListQueues => asked.list().await,
        QueueOperation::GetQueue => asked.get(StatusCode::OK).await,
        QueueOperation::PutQueue => asked.put(body).await,
        QueueOperation::DeleteQueue => asked.delete(query.flag("force")?).await,
        QueueOperation::SendMessage => messages::send(queues, asked.queue, body).await,
        QueueOperation::ListMessages => messages::list(queues, asked.queue, query).await,
        QueueOperation::PurgeQueue => {
            let purged = queues.purge(asked.queue).await?;
            Ok(json(StatusCode::OK, &api::Purged { purged }))
        }
        QueueOperation::PauseQueue => asked.pause(true).await,
        QueueOperation::ResumeQueue => asked.pause(false).await,
    }
}

impl Asked<'_> {
    async fn list(&self) -> Result<Answer, Fault> {
        let theirs = self.caller.deployer();
        let mut infos = self.queues.list();
        infos.retain(|info| theirs.is_none_or(|deployer| deployer.queues.have(&info.name)));
        let producers = producers::of_all(self.node, self.caller).await?;
        let queue = |info: QueueInfo| self.to_api(info, &producers);
        Ok(json(StatusCode::OK, &api::Queues { queues: infos.into_iter().map(queue).collect() }))
    }

    async fn get(&self, status: StatusCode) -> Result<Answer, Fault> {
        let info = existing(self.queues, self.queue)?;
        let producers = producers::of_all(self.node, self.caller).await?;
        Ok(json(status, &self.to_api(info, &producers)))
    }

    async fn put(&self, body: Upload) -> Result<Answer, Fault> {
        let body = body.whole("the queue's settings", MAX_SET_BYTES).await?;
        let wanted: api::SetQueue = match body.is_empty() {
            true => api::SetQueue::default(),
            false => serde_json::from_slice(&body).map_err(|error| {
                Fault::bad_request(format!("the queue's settings are malformed: {error}"))
            })?,
        };
        let change = change_of(&wanted);
        check(&change)?;
        let was_there = self.queues.info(self.queue).is_some();
        self.queues.declare(self.queue).await?;
        if change != Change::default() {
            self.queues.set(self.queue, change).await?;
        }
        self.get(if was_there { StatusCode::OK } else { StatusCode::CREATED }).await
    }

    async fn delete(&self, force: bool) -> Result<Answer, Fault> {
        existing(self.queues, self.queue)?;
        let triggers = self.node.deployments.triggers();
        let consumer = triggers.consumers.iter().find(|(queue, ..)| **queue == *self.queue);
        if let Some((_, worker, _)) = consumer
            && !force
        {
            let queue = self.queue;
            let whose = match self.caller.sees(worker) {
                true => format!("worker {worker}"),
                false => "a worker that is not yours".to_owned(),
            };
            return Err(Fault::new(
                StatusCode::CONFLICT,
                format!(
                    "{whose} consumes the queue {queue}: deploy it without that consumer first, or \
                     delete the queue with force=true"
                ),
            ));
        }
        self.queues.delete(self.queue).await?;
        Ok(no_content())
    }

    async fn pause(&self, is_paused: bool) -> Result<Answer, Fault> {
        let change = Change { paused: Some(is_paused), ..Change::default() };
        self.queues.set(self.queue, change).await?;
        self.get(StatusCode::OK).await
    }

    fn to_api(&self, info: QueueInfo, producers: &producers::Producers) -> api::Queue {
        let triggers = self.node.deployments.triggers();
        let consumer = triggers.consumers.iter().find(|(queue, ..)| *queue == info.name);
        let consumer = consumer.filter(|(_, worker, _)| self.caller.sees(worker));
        let producers = producers.get(&*info.name).into_iter().flatten().cloned().collect();
        api::Queue {
            name: info.name.to_string(),
            created_at_ms: info.created_at_ms,
            backlog_count: info.metrics.backlog_count,
            backlog_bytes: info.metrics.backlog_bytes,
            oldest_message_timestamp_ms: info.metrics.oldest_message_timestamp_ms,
            delayed_count: info.delayed_count,
            in_flight_count: info.in_flight_count,
            is_paused: info.is_paused,
            delivery_delay_s: info.delivery_delay.as_secs(),
            retention_s: info.retention.as_secs(),
            producers,
            consumer: consumer.map(|(_, worker, settings)| consumer_to_api(worker, settings)),
        }
    }
}

/// A queue that is there.
fn existing(queues: &Queues, queue: &str) -> Result<QueueInfo, Fault> {
    queues.info(queue).ok_or_else(|| Fault::not_found(format!("there is no queue {queue:?}")))
}

fn change_of(wanted: &api::SetQueue) -> Change {
    Change {
        delivery_delay: wanted.delivery_delay_s.map(Duration::from_secs),
        retention: wanted.retention_s.map(Duration::from_secs),
        paused: wanted.is_paused,
    }
}

/// Looks at the ranges before a queue is made: one that cannot be set as it was asked for is not made
/// either.
fn check(change: &Change) -> Result<(), Fault> {
    let delay = change.delivery_delay.map(|delay| ("a delivery delay", delay, queue::DELAY_S));
    let retention = change.retention.map(|time| ("a retention", time, queue::RETENTION_S));
    for (what, given, range) in delay.into_iter().chain(retention) {
        let (least_s, most_s, given_s) = (*range.start(), *range.end(), given.as_secs());
        if !(u64::from(least_s)..=u64::from(most_s)).contains(&given_s) {
            return Err(QueueError::OutOfRange { what, given_s, least_s, most_s }.into());
        }
    }
    Ok(())
}

fn consumer_to_api(worker: &str, settings: &ConsumerSettings) -> api::QueueConsumer {
    api::QueueConsumer {
        worker: worker.to_owned(),
        max_batch_size: settings.max_batch_size,
        max_batch_timeout_s: settings.max_batch_timeout.as_secs(),
        max_retries: settings.max_retries,
        dead_letter_queue: settings.dead_letter_queue.clone(),
        max_concurrency: settings.max_concurrency,
        retry_delay_s: settings.retry_delay.as_secs(),
    }
}

impl From<QueueError> for Fault {
    /// An operator is told the cause, too, which a worker is not.
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::TooMany { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            QueueError::Busy => Self::busy(error.to_string()),
            QueueError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
            QueueError::Failed { ref source, .. } => Self::internal(format!("{error}: {source}")),
            other => {
                let status = StatusCode::from_u16(other.status());
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Self::new(status, other.to_string())
            }
        }
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        let SendError { code, status, cause } = error;
        match code {
            SendError::OVERLOADED => Self::busy(cause),
            SendError::STORAGE_LIMIT => Self::new(StatusCode::INSUFFICIENT_STORAGE, cause),
            _ => Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(error: QueueError) -> u16 {
        Fault::from(error).into_answer().status().as_u16()
    }

    #[test]
    fn what_a_queue_refuses_has_the_status_that_the_description_names() {
        assert_eq!(status(QueueError::NotFound { queue: "q".to_owned() }), 404);
        assert_eq!(status(queue::BadName("a b".to_owned()).into()), 400);
        assert_eq!(status(QueueError::TooMany { most: 1 }), 409);
        assert_eq!(status(QueueError::Busy), 503);
        assert_eq!(status(QueueError::Full), 507);
        assert_eq!(status(QueueError::DiskFull { free_bytes: 1, kept_free_bytes: 2 }), 507);
        assert_eq!(status(QueueError::Closed), 503);
        for (error, expected) in [
            (SendError::not_found(), 404),
            (SendError::overloaded(), 503),
            (SendError::storage_limit(), 507),
            (SendError::new(SendError::MESSAGE_SIZE, 413, "too long"), 413),
        ] {
            assert_eq!(Fault::from(error).into_answer().status(), expected);
        }
    }

    #[test]
    fn what_is_out_of_its_range_makes_no_queue() {
        let of = |delivery_delay_s, retention_s| {
            let wanted = api::SetQueue { delivery_delay_s, retention_s, is_paused: None };
            check(&change_of(&wanted)).map_err(|fault| fault.message)
        };
        assert_eq!(of(Some(0), Some(60)), Ok(()));
        assert_eq!(of(Some(86_400), None), Ok(()));
        let message = of(Some(86_401), None).unwrap_err();
        assert_eq!(message, "a delivery delay is 0 to 86400 seconds, and not 86401");
        assert!(of(None, Some(59)).unwrap_err().starts_with("a retention is 60 to "));
    }
}
