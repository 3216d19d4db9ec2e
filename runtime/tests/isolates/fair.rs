//! Quiet workers beside those that take what they can get: by counts, not by time. Each hog has
//! CPU time for far longer than the quiet ones need, so a quiet event that waited for the end of a
//! hog's slice is seen by the order in which they end.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, join_all, select, select_all};
use isolane_runtime::{Failure, IncidentKind};
use libtest_mimic::Trial;
use nix::time::{ClockId, clock_gettime};

use crate::support::{Worker, incidents, on_the_front, runtime, trial};

const QUIET: usize = 10;
const REQUESTS: usize = 20;

/// What each hog's event may use. All of them together take many seconds of two cores.
const HOG_CPU_MS: u64 = 2000;

fn quiet() -> Vec<Worker> {
    let worker = |_| Worker::with_handler("return new Response('good')").build();
    (0..QUIET).map(worker).collect()
}

/// Asks all quiet workers `REQUESTS` times.
async fn ask(quiet: &[Worker]) {
    join_all(quiet.iter().map(async |worker| {
        for _ in 0..REQUESTS {
            assert_eq!(worker.get("/").await.unwrap().text(), "good");
        }
    }))
    .await;
}

fn hogs(count: usize, body: &str) -> Vec<Worker> {
    (0..count).map(|_| Worker::with_handler(body).with_cpu_ms(HOG_CPU_MS).build()).collect()
}

/// Every quiet worker is answered, before any of the hogs' events has ended.
async fn beside(hogs: &[Worker], events: usize) {
    let quiet = quiet();
    // Half of them have isolates before, where the hogs come.
    ask(&quiet[..QUIET / 2]).await;
    let burning = select_all(
        hogs.iter().flat_map(|hog| (0..events).map(move |_| Box::pin(hog.get("/burn")))),
    );
    let asked = Box::pin(async {
        // The hogs' events come first.
        tokio::task::yield_now().await;
        ask(&quiet).await;
    });
    tokio::select! {
        (ended, ..) = burning => panic!("a hog ended before a quiet event: {ended:?}"),
        () = asked => {}
    }
}

async fn eight_endless_loops_of_one_worker() {
    beside(&hogs(1, "for (;;);"), 8).await;
}

async fn endless_loops_of_six_workers() {
    beside(&hogs(6, "for (;;);"), 2).await;
}

/// Workers that start on a shard on which a loop begins before they have.
async fn starts_beside_endless_loops() {
    for _ in 0..3 {
        let (quiet, hogs) = (quiet(), hogs(4, "for (;;);"));
        let burning = select_all(hogs.iter().map(|hog| Box::pin(hog.get("/burn"))));
        let first = Box::pin(join_all(quiet.iter().map(|worker| worker.get("/"))));
        // The quiet workers' events come first: their code is on its way from the disk when the
        // loops begin.
        match select(first, burning).await {
            Either::Left((answers, _)) => {
                answers.iter().for_each(|it| assert_eq!(it.as_ref().unwrap().text(), "good"));
            }
            Either::Right(((ended, ..), _)) => panic!("a hog ended before a start: {ended:?}"),
        }
    }
}

/// Slices of about a millisecond each, which are never stuck.
async fn endless_short_slices_of_six_workers() {
    let body = "for (;;) { for (let i = 0; i < 1e6; i++); await scheduler.wait(0); }";
    beside(&hogs(6, body), 2).await;
}

/// A worker that spins until it is stopped.
fn spinner() -> Worker {
    Worker::with_handler("for (;;);").with_cpu_ms(50).build()
}

async fn spin(hog: &Worker, times: usize) {
    for _ in 0..times {
        let result = hog.get("/burn").await;
        // What V8 cannot stop runs in other tests, and the slow shards are everybody's.
        let is_lost = matches!(result, Err(Failure::IsolateLost { .. }));
        assert!(is_lost || matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
    }
}

/// With a low limit, again and again: all of both ends, and the quiet first.
async fn forty_workers_that_spin_to_their_limit() {
    let quiet = quiet();
    let hogs: Vec<_> = (0..40).map(|_| spinner()).collect();
    let spinning = Box::pin(join_all(hogs.iter().map(|hog| spin(hog, 5))));
    match select(Box::pin(ask(&quiet)), spinning).await {
        Either::Left(((), spinning)) => drop(spinning.await),
        Either::Right(_) => panic!("all hogs were over before the quiet events"),
    }
}

/// Workers that nobody has called start beside them, one after the other. Where each start waits until
/// all hogs have had their turn, sixteen of their events end meanwhile.
async fn cold_starts_beside_sixteen_workers_that_spin_to_their_limit() {
    const STARTS: usize = 20;
    const HOGS: usize = 16;
    const MOST_ENDS: usize = STARTS * HOGS / 2;
    let hogs: Vec<_> = (0..HOGS).map(|_| spinner()).collect();
    // By then they have used up their share, and their own starts are over.
    join_all(hogs.iter().map(|hog| spin(hog, 3))).await;
    let ends = &Cell::new(0);
    let spinning = join_all(hogs.iter().map(|hog| async move {
        while ends.get() < MOST_ENDS {
            spin(hog, 1).await;
            ends.set(ends.get() + 1);
        }
    }));
    let starts = async {
        for _ in 0..STARTS {
            let cold = Worker::with_handler("return new Response('good')").build();
            assert_eq!(cold.get("/").await.unwrap().text(), "good");
        }
    };
    tokio::select! {
        _ = spinning => panic!("{MOST_ENDS} events of hogs ended before {STARTS} starts were over"),
        () = starts => {}
    }
}

async fn a_hog_ends_at_its_limit_and_is_served_again() {
    let hog = Worker::with_handler(
        "if (request.url.endsWith('/burn')) for (;;); return new Response('ok')",
    )
    .with_cpu_ms(500)
    .build();
    for _ in 0..3 {
        let result = hog.get("/burn").await;
        assert!(matches!(result, Err(Failure::ExceededCpu { limit_ms: 500 })), "{result:?}");
        assert_eq!(hog.get("/").await.unwrap().text(), "ok");
    }
}

/// A worker with long slices goes on where threads of ordinary priority want all cores, and not
/// only when they have finished.
async fn a_hog_goes_on_where_others_use_up_the_machine() {
    const BUSY: Duration = Duration::from_secs(20);
    let hog = Worker::with_handler("for (;;);").with_cpu_ms(400).build();
    assert!(matches!(hog.get("/").await, Err(Failure::ExceededCpu { .. })));
    let is_over = Arc::new(AtomicBool::new(false));
    let burn = || {
        let is_over = is_over.clone();
        move || {
            while !is_over.load(Ordering::Relaxed) {
                let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
                assert!(Duration::from(used) < BUSY, "the hog stood still");
            }
        }
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let busy: Vec<_> = (0..cores).map(|_| std::thread::spawn(burn())).collect();
    let ended = hog.get("/").await;
    is_over.store(true, Ordering::Relaxed);
    assert!(matches!(ended, Err(Failure::ExceededCpu { .. })), "{ended:?}");
    for thread in busy {
        thread.join().unwrap();
    }
}

/// A worker has earned its place at the sockets, and keeps them waiting: nobody is called there for
/// a while, or the next worker of the same owner would go on.
async fn a_hang_at_the_sockets_keeps_all_away_from_them() {
    on_the_front(async || {
        let source = "if (request.url.endsWith('/hang')) for (;;); return new Response('good')";
        let worker = || Worker::with_handler(source).with_default_limits().build();
        let [rude, polite] = [worker(), worker()];
        for worker in [&rude, &polite] {
            while worker.inline_events() == 0 {
                assert_eq!(worker.get("/").await.unwrap().text(), "good");
            }
        }
        let hung = rude.get("/hang").await;
        assert!(matches!(hung, Err(Failure::ExceededCpu { .. })), "{hung:?}");
        let before = polite.inline_events();
        for _ in 0..REQUESTS {
            assert_eq!(polite.get("/").await.unwrap().text(), "good");
        }
        assert_eq!(polite.inline_events(), before);
    })
    .await;
}

/// V8 does not come back from this, nor can it be asked to: each costs its shard, in the end, and nobody waits
/// for that.
async fn endless_searches_of_six_workers() {
    let quiet = quiet();
    let hogs = hogs(6, "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)");
    ask(&quiet[..QUIET / 2]).await;
    let ended = &Cell::new(0);
    let searching = Box::pin(join_all(hogs.iter().map(|hog| async move {
        let result = hog.get("/search").await;
        ended.set(ended.get() + 1);
        result
    })));
    let asked = Box::pin(async {
        // The hogs' events come first.
        tokio::task::yield_now().await;
        ask(&quiet).await;
        assert_eq!(ended.get(), 0, "searches ended before quiet events");
    });
    let Either::Left(((), searching)) = select(asked, searching).await else {
        panic!("all searches were over before the quiet events")
    };
    for (hog, result) in hogs.iter().zip(searching.await) {
        assert!(matches!(result, Err(Failure::IsolateLost { .. })), "{result:?}");
        let lost = incidents(hog.name(), IncidentKind::ShardLost);
        assert!(lost <= 1, "{} has cost {lost} shards", hog.name());
    }
}

/// Starts that are checked run apart from what serves, one after the other, and whoever comes with a good one is
/// not kept waiting by those who come again.
async fn uploads_that_use_up_their_start() {
    const SPINS: &str = "for (;;);";
    const SORTS: &str = "const list = new Float64Array(1.2e6);
        for (;;) { for (let i = 0; i < list.length; i++) list[i] = i * 7919 % 1e6; list.sort() }";
    const TIMES: usize = 3;
    let bad = [SPINS, SORTS, SPINS, SORTS].map(|source| Worker::from_source(source).build());
    let good = Worker::with_handler("return new Response('good')").build();
    let quiet = quiet();
    ask(&quiet[..QUIET / 2]).await;
    let ended = &Cell::new(0);
    let checked = join_all(bad.iter().map(|worker| async move {
        for _ in 0..TIMES {
            let failure = runtime().check(&worker.version).await.unwrap_err();
            let is_spent = matches!(failure, Failure::StartExceeded { memory: false, .. });
            assert!(is_spent, "{failure:?}");
            ended.set(ended.get() + 1);
        }
    }));
    let served = async {
        // The four come first.
        tokio::task::yield_now().await;
        ask(&quiet).await;
        assert_eq!(ended.get(), 0, "checks ended before quiet events");
        let report = runtime().check(&good.version).await.unwrap();
        assert_eq!(report.handlers, ["fetch"]);
        // The one that ran by then, and each of the others once.
        assert!(ended.get() < 2 * bad.len(), "{} checks ended before a fifth", ended.get());
    };
    tokio::select! {
        _ = checked => panic!("all checks were over before a fifth"),
        () = served => {}
    }
}

/// Those for which the machine has to be theirs. The last ones leave threads behind that go on for a while.
pub fn trials_alone() -> Vec<Trial> {
    let starved = a_hog_goes_on_where_others_use_up_the_machine;
    vec![
        trial("fair::a_hog_goes_on_where_others_use_up_the_machine", starved),
        trial("fair::uploads_that_use_up_their_start", uploads_that_use_up_their_start),
        trial("fair::endless_searches_of_six_workers", endless_searches_of_six_workers),
    ]
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("fair::eight_endless_loops_of_one_worker", eight_endless_loops_of_one_worker),
        trial("fair::endless_loops_of_six_workers", endless_loops_of_six_workers),
        trial("fair::starts_beside_endless_loops", starts_beside_endless_loops),
        trial(
            "fair::a_hang_at_the_sockets_keeps_all_away_from_them",
            a_hang_at_the_sockets_keeps_all_away_from_them,
        ),
        trial("fair::endless_short_slices_of_six_workers", endless_short_slices_of_six_workers),
        trial(
            "fair::forty_workers_that_spin_to_their_limit",
            forty_workers_that_spin_to_their_limit,
        ),
        trial(
            "fair::cold_starts_beside_sixteen_workers_that_spin_to_their_limit",
            cold_starts_beside_sixteen_workers_that_spin_to_their_limit,
        ),
        trial(
            "fair::a_hog_ends_at_its_limit_and_is_served_again",
            a_hog_ends_at_its_limit_and_is_served_again,
        ),
    ]
}
