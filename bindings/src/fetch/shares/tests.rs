//! Turns, bounds, and places that come back.

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn shares(all: usize, per_worker: usize, waiting_per_worker: usize) -> Shares {
    Shares::new(Bounds { what: "places", all, per_worker, waiting_per_worker })
}

fn queued(shares: &Shares, worker: &Arc<str>) -> Waiting {
    match shares.ask(worker) {
        Ok(Asked::Queued(waiting)) => waiting,
        Ok(Asked::Granted(_)) => panic!("granted"),
        Err(shortage) => panic!("{shortage}"),
    }
}

fn granted(waiting: &mut Waiting) -> Option<Share> {
    waiting.granted.try_recv().ok()
}

#[tokio::test]
async fn a_worker_has_its_share_and_no_more() {
    let shares = shares(10, 2, 1);
    let (greedy, quiet): (Arc<str>, Arc<str>) = ("greedy".into(), "quiet".into());
    let first = shares.take(&greedy, LONG).await.unwrap();
    let _second = shares.take(&greedy, LONG).await.unwrap();
    let mut waiting = queued(&shares, &greedy);
    let full = shares.take(&greedy, LONG).await.err();
    assert_eq!(full, Some(Shortage::Queue { what: "places", count: 2, waiting: 1 }));
    let _other = shares.take(&quiet, LONG).await.unwrap();
    assert!(granted(&mut waiting).is_none());
    drop(first);
    assert!(granted(&mut waiting).is_some());
}

#[tokio::test]
async fn workers_take_turns_for_what_the_node_has() {
    let shares = shares(2, 2, 100);
    let (greedy, quiet): (Arc<str>, Arc<str>) = ("greedy".into(), "quiet".into());
    let first = shares.take(&greedy, LONG).await.unwrap();
    let _second = shares.take(&greedy, LONG).await.unwrap();
    let mut many: Vec<_> = (0..50).map(|_| queued(&shares, &greedy)).collect();
    let mut one = queued(&shares, &quiet);
    drop(first);
    let turn = granted(&mut one).expect("the quiet worker comes first");
    drop(turn);
    assert!(granted(&mut many[0]).is_some());
}

#[tokio::test]
async fn who_gives_up_leaves_the_queue() {
    let shares = shares(1, 1, 1);
    let worker: Arc<str> = "worker".into();
    let held = shares.take(&worker, LONG).await.unwrap();
    drop(queued(&shares, &worker));
    let mut waiting = queued(&shares, &worker);
    drop(held);
    let share = granted(&mut waiting).expect("it is the only one");
    drop(waiting);
    drop(share);
    assert_eq!(shares.taken(), 0);
    assert!(shares.0.state.lock().workers.is_empty());
}

#[tokio::test]
async fn a_time_out_says_which_limit_it_was() {
    const SECOND: Duration = Duration::from_secs(1);
    let shares = shares(2, 1, 9);
    let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
    let _a = shares.take(&a, LONG).await.unwrap();
    let own = shares.take(&a, SECOND).await.err().map(|shortage| shortage.to_string());
    let expected = "this worker has 1 places, as many as one worker may have, and none became \
                    free within 1 s";
    assert_eq!(own.as_deref(), Some(expected));
    let _b = shares.take(&b, LONG).await.unwrap();
    let all = shares.take(&c, SECOND).await.err();
    assert_eq!(all, Some(Shortage::Node { what: "places", count: 2, waited: SECOND }));
    assert_eq!(shares.0.state.lock().workers.len(), 2);
}
