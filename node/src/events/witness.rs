//! Whoever asks for one event by hand wants to know what it has used, which only its report says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use runtime::{Detail, EventReport};

/// Those who wait for the report of an event.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    /// How many there are: nearly always none, and then nobody takes the lock.
    count: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    number: usize,
    worker: Arc<str>,
    cron: Arc<str>,
    time_ms: u64,
    cpu: Option<Duration>,
}

/// Waits for the report of a cron's event, as long as it is there.
#[derive(Debug)]
pub(super) struct Witness {
    number: usize,
    of: Arc<Witnesses>,
}

impl Witnesses {
    /// Waits for the report of the next event of that worker that is for that expression and that time.
    pub(super) fn watch(
        self: &Arc<Self>,
        worker: &Arc<str>,
        cron: &Arc<str>,
        time_ms: u64,
    ) -> Witness {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (worker, cron) = (Arc::clone(worker), Arc::clone(cron));
        self.waiting.lock().push(Waiting { number, worker, cron, time_ms, cpu: None });
        self.count.fetch_add(1, Ordering::SeqCst);
        Witness { number, of: Arc::clone(self) }
    }

    /// An event is over. Called on its shard.
    pub(super) fn event_ended(&self, report: &EventReport) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Some(Detail::Scheduled { cron, scheduled_time_ms }) = report.detail.as_deref() else {
            return;
        };
        let mut waiting = self.waiting.lock();
        let found = waiting.iter_mut().find(|it| {
            let is_of_worker = it.cpu.is_none() && it.worker == report.worker;
            is_of_worker && it.cron == *cron && it.time_ms == *scheduled_time_ms
        });
        if let Some(found) = found {
            found.cpu = Some(report.cpu);
        }
    }
}

impl Witness {
    /// The CPU time of the event; none where it was not reported.
    pub(super) fn cpu(&self) -> Duration {
        let waiting = self.of.waiting.lock();
        let found = waiting.iter().find(|it| it.number == self.number);
        found.and_then(|it| it.cpu).unwrap_or_default()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.of.waiting.lock().retain(|it| it.number != self.number);
        self.of.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use runtime::{Kind, Outcome};

    use super::*;

    fn report(worker: &str, cron: &str, time_ms: u64, cpu_ms: u64) -> EventReport {
        let detail = Detail::Scheduled { cron: cron.into(), scheduled_time_ms: time_ms };
        EventReport {
            worker: worker.into(),
            version: "1".into(),
            event: 1,
            kind: Kind::Scheduled,
            entrypoint: None,
            detail: Some(Box::new(detail)),
            is_traced: false,
            started: Instant::now(),
            outcome: Outcome::Ok,
            cpu: Duration::from_millis(cpu_ms),
            cpu_limit: Duration::ZERO,
            wall: Duration::ZERO,
            cold: false,
            exception: None,
        }
    }

    #[test]
    fn each_event_is_told_to_one_who_waits_for_it() {
        let witnesses = Arc::new(Witnesses::default());
        witnesses.event_ended(&report("shop", "", 7, 1));
        let watch = |cron: &str| witnesses.watch(&"shop".into(), &cron.into(), 7);
        let (first, second, other) = (watch(""), watch(""), watch("* * * * *"));
        witnesses.event_ended(&report("blog", "", 7, 2));
        witnesses.event_ended(&report("shop", "", 8, 3));
        witnesses.event_ended(&report("shop", "", 7, 4));
        witnesses.event_ended(&report("shop", "", 7, 5));
        let cpu = [&first, &second, &other].map(|it| it.cpu().as_millis());
        assert_eq!(cpu, [4, 5, 0]);
        drop((first, second, other));
        assert!(witnesses.waiting.lock().is_empty());
        assert_eq!(witnesses.count.load(Ordering::SeqCst), 0);
    }
}
