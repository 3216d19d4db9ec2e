//! The threads that read what is not in memory, so that no isolate's thread waits for the disk.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::Database;
use storage::{Fault, Load, Popped, PushError};
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::store::Namespace;

use super::owner::Owner;
use super::shared::Shared;

/// What a waiting request takes in memory beside its keys, about.
const REQUEST_BYTES: usize = 512;

/// Reads and answers; the database is absent while it cannot be read.
pub(super) type ReadJob = Box<dyn FnOnce(&Shared) + Send>;

/// Starts reader threads. They end when the queue is closed.
pub(super) fn start(shared: &Arc<Shared>, count: usize) -> io::Result<Vec<JoinHandle<()>>> {
    (0..count)
        .map(|_| {
            let shared = Arc::clone(shared);
            let work = move || {
                while let Popped::Item(read) = shared.reads.pop(None) {
                    read(&shared);
                }
            };
            std::thread::Builder::new().name("kv-reader".to_owned()).spawn(work)
        })
        .collect()
}

impl Shared {
    /// Has a reader thread read.
    pub(super) fn read<T: Send + 'static>(
        &self,
        namespace: &Namespace,
        load: Load,
        read: impl FnOnce(&Self, &Arc<Database>) -> Result<T, StoreError> + Send + 'static,
    ) -> Lookup<T> {
        let (reply, answer) = oneshot::channel();
        let started = std::time::Instant::now();
        let job: ReadJob = Box::new(move |shared| {
            if reply.is_closed() {
                return;
            }
            let result = shared.core.database().ok_or_else(|| shared.while_closed());
            let result = result.and_then(|database| {
                let caught = Fault::catch(|| Ok(read(shared, &database)));
                caught.unwrap_or_else(|fault| Err(fault.while_doing("reading").into()))
            });
            if let Err(StoreError::Failed { source, .. }) = &result
                && source.downcast_ref().is_some_and(Fault::is_of_the_disk)
            {
                shared.core.note_failed_read();
            }
            shared.metrics.read(started.elapsed());
            // Who does not wait any more needs no answer.
            let _unwanted = reply.send(result).is_err();
        });
        let kept_bytes = REQUEST_BYTES + load.kept_bytes;
        match self.reads.push(Owner::of(namespace), job, Load { kept_bytes, ..load }) {
            Ok(()) => wait_for(answer),
            Err(error) => Lookup::failed(refusal(error)),
        }
    }
}

/// The answer that another thread of the store gives.
pub(super) fn wait_for<T: Send + 'static>(
    answer: oneshot::Receiver<Result<T, StoreError>>,
) -> Lookup<T> {
    Lookup::Pending(Box::pin(async { answer.await.unwrap_or(Err(StoreError::Closed)) }))
}

/// Why a request was not taken.
pub(super) fn refusal(error: PushError) -> StoreError {
    match error {
        PushError::Full => crate::error::Refused::new(429, "Too Many Requests").into(),
        PushError::Closed => StoreError::Closed,
    }
}
