//! A thread with an event loop of its own, for what must wait neither for tenants nor for each other. Here is
//! how it is started and stopped; what it does is said by whoever starts it.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The loop of such a thread. Its thread ends when it was stopped and no task of it is left.
pub(super) struct EventLoop {
    handle: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Cancelled when it has done what it does until it is stopped.
    stopped: CancellationToken,
}

impl EventLoop {
    /// Starts a thread of that name, which does `run` until that is over; it is to be over soon after the
    /// token is cancelled. Tasks of the tracker go on beyond that, to their end.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        name: &str,
        run: impl FnOnce(TaskTracker, CancellationToken) -> F,
    ) -> io::Result<Self> {
        let tokio = Builder::new_current_thread().enable_time().build()?;
        let (handle, tasks) = (tokio.handle().clone(), TaskTracker::new());
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let run = run(tasks.clone(), stop.clone());
        let (left, is_over) = (tasks.clone(), stopped.clone().drop_guard());
        let work = async move {
            run.await;
            drop(is_over);
            left.close();
            left.wait().await;
        };
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || tokio.block_on(work))?;
        Ok(Self { handle, tasks, stop, stopped })
    }

    /// Runs a task of its own, to its end whoever waits for it. One that comes when the thread has ended is
    /// cancelled.
    pub(super) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn_on(task, &self.handle)
    }

    /// Stops what it does, and waits until that is over.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn a_task_goes_on_to_its_end_when_the_loop_is_stopped() {
        let was_told = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&was_told);
        let event_loop = EventLoop::start("test", move |_, stop| async move {
            stop.cancelled().await;
            told.store(true, Ordering::SeqCst);
        });
        let event_loop = event_loop.unwrap();
        let (go_on, wait) = oneshot::channel::<u32>();
        let task = event_loop.spawn(async { wait.await.unwrap() });
        block_on(async {
            event_loop.stop().await;
            assert!(was_told.load(Ordering::SeqCst), "it has come to its end");
            assert!(!task.is_finished());
            go_on.send(7).unwrap();
            assert_eq!(task.await.unwrap(), 7);
        });
    }

    #[test]
    fn what_was_stopped_can_be_stopped_again() {
        let event_loop = EventLoop::start("test", |_, stop| stop.cancelled_owned()).unwrap();
        block_on(async {
            event_loop.stop().await;
            event_loop.stop().await;
        });
    }
}
