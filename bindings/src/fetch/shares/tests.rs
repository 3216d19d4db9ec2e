//! Turns, bounds, what is kept for those that have few, and places that come back.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn shares(all: usize, per_worker: usize, waiting_per_worker: usize) -> Shares {
    Shares::new(Bounds { what: "places", all, per_worker, waiting_per_worker })
}

fn queued(shares: &Shares, worker: &Arc<str>) -> Waiting {
    queued_for(shares, worker, None)
}

fn queued_for(shares: &Shares, worker: &Arc<str>, holder: Option<Arc<dyn Holder>>) -> Waiting {
    match shares.ask(worker, holder) {
        Ok(Turn::Later(waiting)) => waiting,
        Ok(Turn::Now(_)) => panic!("granted"),
        Err(shortage) => panic!("{shortage}"),
    }
}

/// Somebody with a place in whose use something happened at this time.
struct Since(u64, AtomicBool);

impl Since {
    fn new(moved_ms: u64) -> Arc<Since> {
        Arc::new(Since(moved_ms, AtomicBool::new(false)))
    }

    fn was_given_up(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

impl Holder for Since {
    fn moved_ms(&self) -> u64 {
        self.0
    }

    fn give_up(&self) {
        self.1.store(true, Ordering::Relaxed);
    }
}

/// So many places for a worker, each of which moved later than the one before.
fn held(shares: &Shares, worker: &Arc<str>, count: u64) -> Vec<(Share, Arc<Since>)> {
    let hold = |moved_ms| {
        let holder = Since::new(moved_ms);
        match shares.ask(worker, Some(holder.clone())) {
            Ok(Turn::Now(share)) => (share, holder),
            Ok(Turn::Later(_)) => panic!("{worker} has to wait for number {moved_ms}"),
            Err(shortage) => panic!("{shortage}"),
        }
    };
    (0..count).map(hold).collect()
}

/// Takes back the places that were given up.
fn take_back(all: &mut Vec<(Share, Arc<Since>)>) {
    all.retain(|(_, holder)| !holder.was_given_up());
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
    assert_eq!(shares.0.state.lock().workers(), 0);
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
    assert_eq!(all, Some(Shortage::Node { what: "places", count: 2, own: 0, waited: SECOND }));
    assert_eq!(shares.0.state.lock().workers(), 2);
}

#[test]
fn the_last_places_are_for_workers_that_have_few() {
    // As a node has them of connections: a sixteenth of 256 is few, an eighth of 2,048 is kept.
    let shares = shares(2048, 256, 1);
    let mut all = Vec::new();
    for number in 0..7 {
        all.push(held(&shares, &format!("greedy-{number}").into(), 256));
    }
    let eighth: Arc<str> = "greedy-7".into();
    all.push(held(&shares, &eighth, 16));
    let _waiting = queued(&shares, &eighth);
    for number in 0..240 {
        all.push(held(&shares, &format!("quiet-{number}").into(), 1));
    }
    assert_eq!(shares.taken(), 2048);
}

#[test]
fn of_those_that_wait_whoever_has_fewest_is_next() {
    let shares = shares(7, 4, 9);
    let (many, some, none): (Arc<str>, Arc<str>, Arc<str>) =
        ("many".into(), "some".into(), "none".into());
    let mut first = held(&shares, &many, 4);
    let _second = held(&shares, &some, 3);
    let mut waiting = [&many, &some, &none].map(|worker| queued(&shares, worker));
    first.pop();
    let [many, some, none] = &mut waiting;
    let _third = granted(none).expect("it has none");
    first.pop();
    assert!(granted(some).is_none() && granted(many).is_some(), "two are fewer than three");
}

#[test]
fn whoever_has_most_gives_up_where_nothing_has_happened_for_longest() {
    let shares = shares(7, 4, 9);
    let (most, fewer, quiet): (Arc<str>, Arc<str>, Arc<str>) =
        ("most".into(), "fewer".into(), "quiet".into());
    let mut first = held(&shares, &most, 4);
    let second = held(&shares, &fewer, 3);
    let mut waiting = queued(&shares, &quiet);
    shares.press(&quiet);
    let given_up = |all: &[(Share, Arc<Since>)]| -> Vec<bool> {
        all.iter().map(|(_, holder)| holder.was_given_up()).collect()
    };
    assert_eq!(given_up(&first), [true, false, false, false]);
    assert_eq!(given_up(&second), [false; 3]);
    take_back(&mut first);
    let _one = granted(&mut waiting).expect("a place has come back");
    assert_eq!((first.len(), second.len()), (3, 3));
}

#[test]
fn nobody_gives_up_a_place_for_a_worker_that_would_then_have_more() {
    // Of 64, up to three are few.
    let shares = shares(4, 64, 9);
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    let all = [held(&shares, &a, 2), held(&shares, &b, 2)];
    let _waiting = [queued(&shares, &a), queued(&shares, &b)];
    shares.press(&a);
    shares.press(&b);
    assert!(all.iter().flatten().all(|(_, holder)| !holder.was_given_up()));
}

#[test]
fn nobody_gives_up_a_place_for_a_worker_that_has_more_than_few() {
    let shares = shares(6, 16, 9);
    let (most, fewer): (Arc<str>, Arc<str>) = ("most".into(), "fewer".into());
    let all = [held(&shares, &most, 5), held(&shares, &fewer, 1)];
    let _waiting = queued(&shares, &fewer);
    shares.press(&fewer);
    assert!(all.iter().flatten().all(|(_, holder)| !holder.was_given_up()));
}

#[test]
fn a_worker_presses_once_in_a_while_however_many_of_its_requests_wait() {
    let shares = shares(7, 7, 9);
    let (greedy, quiet): (Arc<str>, Arc<str>) = ("greedy".into(), "quiet".into());
    let all = held(&shares, &greedy, 7);
    let _waiting = [queued(&shares, &quiet), queued(&shares, &quiet)];
    let pressed_at = |time_ms| {
        let mut state = shares.0.state.lock();
        state.displace(&shares.0.bounds, &quiet, time_ms).is_some()
    };
    let pause_ms = PRESS_EVERY.as_millis() as u64;
    let presses = [5, 5, 4 + pause_ms, 5 + pause_ms].map(pressed_at);
    assert_eq!(presses, [true, false, false, true]);
    drop(all);
}

#[test]
fn however_many_names_hold_everything_a_quiet_worker_gets_its_place() {
    for names in [8, 40, 300] {
        let shares = shares(2048, 256, 256);
        let (mut all, mut waiting) = (Vec::new(), Vec::new());
        for round in 0..256 {
            for number in 0..names {
                let name: Arc<str> = format!("greedy-{number}").into();
                let holder = Since::new(round);
                match shares.ask(&name, Some(holder.clone())).unwrap() {
                    Turn::Now(share) => all.push((share, holder)),
                    Turn::Later(more) => waiting.push(more),
                }
            }
        }
        // So that nothing is left of what is kept.
        for number in 0.. {
            let name: Arc<str> = format!("one-{number}").into();
            match shares.turn(&name).unwrap() {
                Turn::Now(share) => all.push((share, Since::new(0))),
                Turn::Later(_) => break,
            }
        }
        assert_eq!(shares.taken(), 2048);
        let quiet: Arc<str> = "quiet".into();
        let mut one = queued_for(&shares, &quiet, Some(Since::new(0)));
        shares.press(&quiet);
        take_back(&mut all);
        assert_eq!(all.len(), 2047, "one is given up");
        assert!(granted(&mut one).is_some(), "with {names} names");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Ask(usize),
    /// Gives a place back.
    Drop(usize),
    /// A request that waits goes away.
    Leave(usize),
    Press(usize),
    /// Looks for what was granted.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_usize).prop_map(Step::Ask),
        2 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (0..6_usize).prop_map(Step::Press),
        2 => Just(Step::Look),
    ]
}

proptest! {
    #[test]
    fn the_books_are_right_after_every_step(
        (all, per_worker) in (1..24_usize, 1..8_usize),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let shares = shares(all, per_worker, 4);
        let names: Vec<Arc<str>> = (0..6).map(|number| number.to_string().into()).collect();
        let (mut held, mut waiting) = (Vec::new(), Vec::new());
        let mut time_ms = 0;
        for step in steps {
            match step {
                Step::Ask(worker) => match shares.ask(&names[worker], Some(Since::new(0))) {
                    Ok(Turn::Now(share)) => held.push(share),
                    Ok(Turn::Later(more)) => waiting.push(more),
                    Err(_) => {}
                },
                Step::Drop(index) if !held.is_empty() => {
                    held.swap_remove(index % held.len());
                }
                Step::Leave(index) if !waiting.is_empty() => {
                    waiting.swap_remove(index % waiting.len());
                }
                Step::Press(worker) => {
                    time_ms += 1000;
                    drop(shares.0.state.lock().displace(&shares.0.bounds, &names[worker], time_ms));
                }
                Step::Look => held.extend(waiting.iter_mut().filter_map(granted)),
                Step::Drop(_) | Step::Leave(_) => {}
            }
            shares.0.state.lock().check(&shares.0.bounds);
        }
        drop((held, waiting));
        prop_assert_eq!((shares.taken(), shares.0.state.lock().workers()), (0, 0));
    }
}
