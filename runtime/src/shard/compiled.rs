//! Has compiled code written to its file where nobody waits for it: after a start, and after what a worker
//! has imported since. How often, and where to, is the cache's (`code_cache/`).

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Message, Shard, ShardHandle};
use crate::code_cache::ComingWrite;

/// How long after a start its code cache is written, so that the first requests do not wait for a
/// processor that makes files.
const WAIT: Duration = Duration::from_millis(200);

/// Whether a shard's own threads are not to write: those of the front would at the priority of sockets, and
/// those of a slow shard, at the lowest, while others wait for the cache that they have locked.
fn writes_elsewhere(shard: &ShardHandle) -> bool {
    shard.is_front() || shard.is_slow()
}

impl Shard {
    /// Has the code of a version written soon, where that was announced and there is something new.
    pub(super) fn keep_code(&self, coming: Option<ComingWrite>) {
        let Some(coming) = coming.filter(ComingWrite::is_needed) else { return };
        let (handle, fleet) = (self.handle.clone(), self.fleet.clone());
        tokio::task::spawn_local(async move {
            tokio::time::sleep(WAIT).await;
            let work = coming.into_work();
            let write = move || {
                if let Err(error) = work() {
                    tracing::warn!(%error, "V8's code cache could not be written");
                }
            };
            if writes_elsewhere(&handle) {
                fleet.do_behind_the_front(write).await;
            } else {
                tokio::task::spawn_blocking(write);
            }
        });
    }

    /// The same for what a worker here has imported since it started: for one at a time. No isolate is
    /// entered, so that it does not matter whether anything runs in it.
    pub(super) fn keep_late_code(&self) {
        let slots = self.slots.borrow();
        let mut caches = slots.iter().map(|(_, slot)| &slot.version().cache);
        if let Some(cache) = caches.find(|cache| cache.is_write_due()) {
            self.keep_code(cache.begin_write());
        }
    }
}

impl ShardHandle {
    /// Has a blocking thread of the shard do something: one that the shard starts has its priority. Resolves
    /// when it comes to that. Where it has become a slow one by then, or is given up before, nothing is
    /// done.
    pub(crate) async fn do_apart(&self, work: impl FnOnce() + Send + 'static) {
        // Kept here, for an inbox keeps for ever what its shard never comes to.
        let work = Arc::new(Mutex::new(Some(work)));
        let lent = Arc::downgrade(&work);
        let (come, comes) = oneshot::channel::<()>();
        self.send(Message::Run(Box::new(move || {
            let held = lent.upgrade();
            let work = held.as_ref().and_then(|work| work.lock().take());
            drop(come);
            let is_slow = Shard::current().is_some_and(|shard| shard.handle.is_slow());
            if let Some(work) = work.filter(|_| !is_slow) {
                tokio::task::spawn_blocking(work);
            }
            Box::pin(ready(())) as Pin<Box<dyn Future<Output = ()>>>
        })));
        tokio::select! {
            _ = comes => {}
            () = self.abandoned().cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn wait_for(future: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
    }

    #[test]
    fn neither_the_front_nor_a_slow_shard_writes_itself() {
        assert!(writes_elsewhere(&ShardHandle::new(0, Kind::Front)));
        let shard = ShardHandle::new(0, Kind::Back);
        assert!(!writes_elsewhere(&shard));
        assert!(!shard.make_slow() && writes_elsewhere(&shard));
    }

    #[test]
    fn what_a_shard_comes_to_is_done() {
        wait_for(async {
            let shard = ShardHandle::new(0, Kind::Back);
            let (done, is_done) = oneshot::channel();
            let comes = async {
                let Some(Message::Run(make)) = shard.take() else { panic!("nothing was sent") };
                make().await;
            };
            tokio::join!(shard.do_apart(move || done.send(()).unwrap()), comes);
            is_done.await.unwrap();
        });
    }

    #[test]
    fn what_a_shard_never_comes_to_is_dropped() {
        wait_for(async {
            let shard = ShardHandle::new(0, Kind::Back);
            let kept = Arc::new(());
            let work = |kept: Arc<()>| move || drop(kept);
            // It is given up while that waits, and before.
            tokio::join!(shard.do_apart(work(kept.clone())), async { shard.abandon() });
            shard.do_apart(work(kept.clone())).await;
            assert_eq!(Arc::strong_count(&kept), 1);
        });
    }
}
