//! How many batches of all queues are delivered at the same time: each has its messages in memory, and takes
//! a part of the node. Some places are for queues of which no other batch is on its way, so that none waits
//! for all batches of another to end.

use std::sync::Arc;

use queue::CONCURRENCY;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places: one queue may have as many as a consumer can ask for.
const ALL: usize = *CONCURRENCY.end() as usize + FOR_FIRST;

/// Of these so many are for queues that have none.
const FOR_FIRST: usize = 64;

/// The places for batches of a node.
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL)))
    }

    /// A place for a further batch of a queue that has so many on their way, if there is one.
    pub(super) fn further(&self, under_way: u32) -> Option<OwnedSemaphorePermit> {
        if under_way > 0 && self.0.available_permits() <= FOR_FIRST {
            return None;
        }
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// The next place for a queue that has none, in the order in which they ask.
    pub(super) async fn first(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0).acquire_owned().await.expect("nobody closes it")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_queue_leaves_places_for_others() {
        let places = Places::new();
        let mut greedy = Vec::new();
        while let Some(place) = places.further(greedy.len() as u32) {
            greedy.push(place);
        }
        assert_eq!(greedy.len(), 250);
        let mut others = Vec::new();
        while let Some(place) = places.further(0) {
            others.push(place);
        }
        assert_eq!(others.len(), FOR_FIRST);
        let mut waiting = Box::pin(places.first());
        assert!((&mut waiting).now_or_never().is_none());
        // Whoever waits comes before one that has some.
        greedy.pop();
        assert!(places.further(1).is_none());
        assert!(waiting.now_or_never().is_some());
    }
}
