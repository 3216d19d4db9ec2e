//! What queues do when the disk fails: what was answered stays, what is on its way stays there, and all
//! goes on when the disk does.

use super::*;

/// Sends until that succeeds, as the files have to be opened again first.
fn send_again(world: &World, text: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while world.send("q", text).is_err() {
        assert!(std::time::Instant::now() < deadline, "messages are not taken any more");
    }
}

/// Settles until that succeeds.
fn settle_again(world: &World, lease: u64, verdict: Verdict) -> Settled {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match world.settle("q", lease, vec![verdict], &ConsumerSettings::default()) {
            Ok(settled) => return settled,
            Err(QueueError::UnknownLease { .. }) => panic!("the delivery is lost"),
            Err(_) => assert!(std::time::Instant::now() < deadline, "nothing is settled any more"),
        }
    }
}

#[test]
fn what_was_answered_before_a_failure_is_there_after_it_and_nothing_comes_twice() {
    for operations in 0..12 {
        let world = World::new();
        world.send_all("q", vec![message("a"), message("b")]).unwrap();
        world.disk.fail_after(Some(operations));
        let mut refused = 0;
        for number in 0..6 {
            refused += u64::from(world.send("q", &format!("{number}")).is_err());
        }
        world.disk.fail_after(None);
        send_again(&world, "last");
        let mut drained = world.drain("q");
        assert_eq!(drained[..2], ["a", "b"], "{operations}");
        assert_eq!(drained.last().map(String::as_str), Some("last"));
        // One that was refused may have come to the disk all the same.
        assert!(drained.len() as u64 + refused >= 9, "{operations}: {drained:?}");
        let all = drained.len();
        drained.sort();
        drained.dedup();
        assert!(drained.len() == all, "{operations}: something comes twice");
    }
}

#[test]
fn a_delivery_survives_a_failure_of_the_disk_and_is_settled_then() {
    for verdict in [ACK, RETRY] {
        for operations in 0..6 {
            let world = World::new();
            world.send("q", "one").unwrap();
            let delivery = world.take("q", 1).unwrap();
            world.catch_up("q");
            world.disk.fail_after(Some(operations));
            let lease = delivery.lease;
            let first = world.settle("q", lease, vec![verdict], &ConsumerSettings::default());
            world.disk.fail_after(None);
            if first.is_err() {
                // Nobody else gets it meanwhile.
                assert_eq!(world.take("q", 1), None);
                settle_again(&world, lease, verdict);
            }
            send_again(&world, "two");
            let expected: &[&str] = if verdict == ACK { &["two"] } else { &["one", "two"] };
            let mut drained = world.drain("q");
            drained.sort();
            assert_eq!(drained, expected, "{operations}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_read_when_it_can() {
    let world = World::with(Limits { page_cache_bytes: 4 << 10, ..limits() });
    let body = "x".repeat(100_000);
    for _ in 0..20 {
        world.send("q", &body).unwrap();
    }
    world.disk.fail_reads(true);
    // What is not in memory is not delivered, nor lost.
    let taken: Vec<_> = std::iter::from_fn(|| world.take("q", 1)).collect();
    world.disk.fail_reads(false);
    send_again(&world, "last");
    for delivery in taken {
        settle_again(&world, delivery.lease, RETRY);
    }
    eventually("all is delivered", || {
        // The files may yet be opened again.
        while let Some(delivery) = world.take("q", 1) {
            settle_again(&world, delivery.lease, ACK);
        }
        world.count("q") == 0
    });
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting() {
    let world = World::with(Limits { min_free_bytes: 1, ..limits() });
    world.disk.panic();
    let refused = world.send("q", "one").unwrap_err();
    assert_eq!(refused.code, SendError::INTERNAL);
    let again = world.send("q", "two").unwrap_err();
    assert_eq!(again.code, SendError::INTERNAL);
    assert!(world.queues.has_lost_its_writer());
}
