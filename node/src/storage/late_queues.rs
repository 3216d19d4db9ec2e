//! The queues of a node whose process starts before the data folder is its own, as `late.rs` has the KV
//! store: the bindings are made on them, and they are opened when the process before has given the folder
//! away. A queue is there as soon as a worker sends to it, as a namespace of KV is.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use queue::{Broker, Metrics, NewMessage, QueueError, Queues, SendError};

use super::open_queues;
use crate::config::Config;

/// What is said of queues that are not open yet, or are not there at all.
const NOT_OPEN: &str = "the queues are not open: try again";

/// Queues that answer once they are open, and no more when they are closed. The default is not open.
#[derive(Default)]
pub struct LateQueues(OnceLock<Queues>);

impl LateQueues {
    /// Opens the queues of a node. To be called once.
    ///
    /// # Errors
    /// As [`open_queues`].
    pub fn open(&self, config: &Config) -> Result<Queues, QueueError> {
        let queues = open_queues(config)?;
        Ok(self.0.get_or_init(|| queues).clone())
    }

    /// The queues, once they are open.
    pub fn get(&self) -> Option<Queues> {
        self.0.get().cloned()
    }

    /// Whether nothing can be written any more, before another process opens the queues.
    pub fn has_lost_its_writer(&self) -> bool {
        self.0.get().is_some_and(Queues::has_lost_its_writer)
    }

    /// Gives the folder away; blocks until that is done.
    pub fn close(&self) {
        if let Some(queues) = self.0.get() {
            queues.close();
        }
    }
}

impl Broker for LateQueues {
    fn send(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Metrics, SendError>> {
        let Some(queues) = self.get() else {
            return future::ready(Err(SendError::unavailable(NOT_OPEN))).boxed();
        };
        let mut declared = queues.declare(queue);
        // Nearly always the queue is there. What is sent goes at once then, in the order of the calls.
        match (&mut declared).now_or_never() {
            Some(Ok(())) => queues.send(queue, messages, batch_delay, from),
            Some(Err(error)) => future::ready(Err(error.into())).boxed(),
            None => {
                let (queue, from) = (queue.to_owned(), Arc::clone(from));
                let sent = async move {
                    declared.await?;
                    queues.send(&queue, messages, batch_delay, &from).await
                };
                sent.boxed()
            }
        }
    }

    fn metrics(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>> {
        match self.get() {
            Some(queues) if queues.info(queue).is_some() => queues.metrics(queue),
            // Nothing was sent to it yet.
            Some(_) => future::ready(Ok(Metrics::default())).boxed(),
            None => future::ready(Err(SendError::unavailable(NOT_OPEN))).boxed(),
        }
    }
}

impl fmt::Debug for LateQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateQueues").field("is_open", &self.0.get().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use queue::ContentType;

    use super::*;

    fn message() -> NewMessage {
        let body = Bytes::from_static(b"hello");
        NewMessage { body, content_type: ContentType::Text, delay: None }
    }

    #[test]
    fn what_is_sent_before_they_are_open_is_told_to_come_again() {
        let queues = LateQueues::default();
        let sent = queues.send("mail", Vec::new(), None, &"shop".into());
        let error = sent.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.status, &*error.cause), (503, NOT_OPEN));
        assert!(queues.metrics("mail").now_or_never().unwrap().is_err());
        assert!(queues.get().is_none());
        queues.close();
    }

    #[test]
    fn a_queue_is_there_as_soon_as_something_is_sent_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::dev(([127, 0, 0, 1], 0).into(), folder.path().into(), Vec::new());
        let queues = LateQueues::default();
        let opened = queues.open(&config).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert_eq!(queues.metrics("mail").await.unwrap(), Metrics::default());
            for count in 1..=2 {
                let sent = queues.send("mail", vec![message()], None, &"shop".into()).await;
                assert_eq!(sent.unwrap().backlog_count, count);
            }
            assert_eq!(queues.metrics("mail").await.unwrap().backlog_count, 2);
        });
        assert_eq!(opened.list().len(), 1);
        queues.close();
        let sent = runtime.block_on(queues.send("mail", vec![message()], None, &"shop".into()));
        assert!(sent.is_err(), "another process has them");
    }
}
