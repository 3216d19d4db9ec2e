//! Who pays for the CPU time that a worker's requests and connections take on the threads of the
//! way out: it is measured at each poll of a task. Tasks of workers that have used more than their
//! share of the machine take turns there, one at a time, so that others' do not queue behind them.
//! Not here: what the tasks do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::crypto::thread_cpu;
use crate::fetch::shares::{Bounds, Share, Shares, Turn, Waiting};

/// What is kept back until there is so much of it: a charge costs more than it counts otherwise.
const CHARGED_AT_ONCE_NS: u64 = 50_000;

/// Tasks of all workers that have used more than their share that run at a time.
const TURNS: Bounds =
    Bounds { what: "turns", all: 1, per_worker: 1, waiting_per_worker: usize::MAX };

/// Who pays for a worker.
pub trait IoPayer: Send + Sync {
    /// Takes CPU time.
    fn charge(&self, cpu: Duration);

    /// Whether the worker has used more than its share lately: others go first.
    fn is_heavy(&self) -> bool;
}

/// The account of one worker. Clones share it.
#[derive(Clone)]
pub(crate) struct Account {
    worker: Arc<str>,
    /// Nothing where nobody pays.
    payer: Option<Arc<dyn IoPayer>>,
    uncharged_ns: Arc<AtomicU64>,
    turns: Shares,
}

/// A task without a result.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that is charged to an account.
pub(crate) struct Charged {
    account: Account,
    waiting: Option<Waiting>,
    task: Task,
}

/// Where the workers of a node take turns that have used more than their share.
pub(super) fn turns() -> Shares {
    Shares::new(TURNS)
}

impl Account {
    pub(super) fn new(worker: Arc<str>, payer: Option<Arc<dyn IoPayer>>, turns: Shares) -> Account {
        Account { worker, payer, uncharged_ns: Arc::default(), turns }
    }

    /// The task, charged to this account.
    pub(crate) fn charged(&self, task: Task) -> Charged {
        Charged { account: self.clone(), waiting: None, task }
    }

    fn is_heavy(&self) -> bool {
        self.payer.as_ref().is_some_and(|payer| payer.is_heavy())
    }

    fn charge(&self, cpu: Duration) {
        let Some(payer) = &self.payer else { return };
        let cpu_ns = cpu.as_nanos() as u64;
        let before_ns = self.uncharged_ns.fetch_add(cpu_ns, Ordering::Relaxed);
        if before_ns + cpu_ns >= CHARGED_AT_ONCE_NS {
            payer.charge(Duration::from_nanos(self.uncharged_ns.swap(0, Ordering::Relaxed)));
        }
    }
}

/// Runs what hyper leaves to others: connections, and the making of some.
impl hyper::rt::Executor<Task> for Account {
    fn execute(&self, task: Task) {
        tokio::spawn(self.charged(task));
    }
}

impl Charged {
    /// Ready when the task may go on: at once, unless its worker has used more than its share.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Share>> {
        if self.waiting.is_none() {
            if !self.account.is_heavy() {
                return Poll::Ready(None);
            }
            match self.account.turns.turn(&self.account.worker) {
                Ok(Turn::Now(share)) => return Poll::Ready(Some(share)),
                Ok(Turn::Later(waiting)) => self.waiting = Some(waiting),
                // As many may wait as there are.
                Err(_) => return Poll::Ready(None),
            }
        }
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(None) };
        let share = ready!(Pin::new(waiting).poll(cx));
        self.waiting = None;
        Poll::Ready(Some(share))
    }
}

impl Future for Charged {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Held until the task has had its turn.
        let _turn = ready!(self.poll_turn(cx));
        if self.account.payer.is_none() {
            return self.task.as_mut().poll(cx);
        }
        let before = thread_cpu();
        let result = self.task.as_mut().poll(cx);
        self.account.charge(thread_cpu().saturating_sub(before));
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::Waker;

    use deno_core::parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Payer {
        paid: Mutex<Duration>,
        is_heavy: AtomicBool,
    }

    impl IoPayer for Payer {
        fn charge(&self, cpu: Duration) {
            *self.paid.lock() += cpu;
        }

        fn is_heavy(&self) -> bool {
            self.is_heavy.load(Ordering::Relaxed)
        }
    }

    fn account(name: &str, turns: &Shares) -> (Account, Arc<Payer>) {
        let payer = Arc::<Payer>::default();
        (Account::new(name.into(), Some(payer.clone()), turns.clone()), payer)
    }

    /// A task that runs for ever, and how often it was polled.
    fn counted() -> (Task, Arc<AtomicU64>) {
        let count = Arc::<AtomicU64>::default();
        let counter = count.clone();
        let task = std::future::poll_fn(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        });
        (Box::pin(task), count)
    }

    fn poll(task: &mut Charged) {
        assert!(Pin::new(task).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    #[test]
    fn what_a_task_takes_is_charged_to_its_worker() {
        const TAKEN: Duration = Duration::from_millis(2);
        let turns = turns();
        let (busy, paid) = account("busy", &turns);
        let (_, unpaid) = account("idle", &turns);
        let mut task = busy.charged(Box::pin(std::future::poll_fn(|_| {
            let begin = thread_cpu();
            while thread_cpu() - begin < TAKEN {}
            Poll::<()>::Pending
        })));
        poll(&mut task);
        poll(&mut task);
        assert!(*paid.paid.lock() >= 2 * TAKEN);
        assert_eq!(*unpaid.paid.lock(), Duration::ZERO);
    }

    #[test]
    fn tasks_of_heavy_workers_take_turns_and_others_go_on() {
        let turns = turns();
        let (heavy, payer) = account("heavy", &turns);
        let (light, _) = account("light", &turns);
        payer.is_heavy.store(true, Ordering::Relaxed);
        let (task, heavy_count) = counted();
        let mut heavy = heavy.charged(task);
        let (task, light_count) = counted();
        let mut light = light.charged(task);
        // As if a task of another heavy worker ran on another thread.
        let other = turns.try_take(&"other".into()).unwrap();
        for _ in 0..3 {
            poll(&mut heavy);
            poll(&mut light);
        }
        let counts = || [&heavy_count, &light_count].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts(), [0, 3]);
        drop(other);
        poll(&mut heavy);
        assert_eq!(counts(), [1, 3]);
        assert_eq!(turns.taken(), 0, "the turn is over with the poll");
    }

    #[test]
    fn a_task_that_goes_away_leaves_its_turn_to_others() {
        let turns = turns();
        let (heavy, payer) = account("heavy", &turns);
        payer.is_heavy.store(true, Ordering::Relaxed);
        let (first, _) = counted();
        let (second, count) = counted();
        let (mut first, mut second) = (heavy.charged(first), heavy.charged(second));
        let other = turns.try_take(&"other".into()).unwrap();
        poll(&mut first);
        poll(&mut second);
        drop(other);
        drop(first);
        poll(&mut second);
        assert_eq!((count.load(Ordering::Relaxed), turns.taken()), (1, 0));
    }
}
