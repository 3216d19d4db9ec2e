//! How much queues take: in a second, in bytes, in number, and of the disk.

use super::*;

/// What a message counts for beside its body.
const MESSAGE_BYTES: u64 = 100;

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[test]
fn a_queue_takes_so_many_messages_a_second() {
    let world = World::with(Limits { messages_per_second: 100, ..limits() });
    wait(world.queues.declare("other")).unwrap();
    for _ in 0..10 {
        world.send_all("q", vec![message("x"); 10]).unwrap();
    }
    assert_eq!(world.send("q", "x"), Err(SendError::overloaded()));
    world.send("other", "x").unwrap();
    world.clock.advance(Duration::from_millis(500));
    world.send_all("q", vec![message("x"); 50]).unwrap();
    assert_eq!(world.send("q", "x"), Err(SendError::overloaded()));
    assert_eq!(world.count("q"), 150);
}

#[test]
fn messages_and_batches_beyond_their_limits_are_refused_whole() {
    let world = World::new();
    let refused = world.send("q", &text(128_001)).unwrap_err();
    assert_eq!(refused.cause, "message length of 128001 bytes exceeds limit of 128000");
    let refused = world.send_all("q", vec![message("x"); 101]).unwrap_err();
    assert_eq!(refused.cause, "batch message count of 101 exceeds limit of 100");
    let refused = world.send_all("q", Vec::new()).unwrap_err();
    assert_eq!(refused.code, SendError::BATCH_COUNT);
    let large = vec![message("small"), message(&text(128_001))];
    assert_eq!(world.send_all("q", large).unwrap_err().code, SendError::MESSAGE_SIZE);
    assert_eq!(world.count("q"), 0);
    world.send("q", &text(128_000)).unwrap();
    world.send_all("q", vec![message(&text(96_000)); 3]).unwrap();
    let drained: Vec<usize> = world.drain("q").iter().map(String::len).collect();
    assert_eq!(drained, [128_000, 96_000, 96_000, 96_000]);
}

#[test]
fn a_queue_has_so_many_bytes_and_takes_more_when_some_are_gone() {
    let world = World::with(Limits { queue_bytes: 3_000, ..limits() });
    wait(world.queues.declare("other")).unwrap();
    for _ in 0..2 {
        world.send("q", &text(1_000)).unwrap();
    }
    assert_eq!(world.send("q", &text(1_000)), Err(SendError::storage_limit()));
    world.send("q", &text(700)).unwrap();
    assert_eq!(world.send("q", ""), Err(SendError::storage_limit()));
    world.send("other", &text(1_000)).unwrap();
    let world = world.killed();
    assert_eq!(world.send("q", ""), Err(SendError::storage_limit()));
    assert_eq!(world.drain("q").len(), 3);
    world.send("q", &text(2_900)).unwrap();
    wait(world.queues.purge("q")).unwrap();
    world.send("q", &text(2_900)).unwrap();
}

#[test]
fn all_queues_together_have_so_many_bytes() {
    let total_bytes = 3 * (1_000 + MESSAGE_BYTES);
    let world = World::with(Limits { total_bytes, ..limits() });
    wait(world.queues.declare("other")).unwrap();
    for queue in ["q", "other", "q"] {
        world.send(queue, &text(1_000)).unwrap();
    }
    assert_eq!(world.send("other", ""), Err(SendError::storage_limit()));
    wait(world.queues.delete("q")).unwrap();
    for _ in 0..2 {
        world.send("other", &text(1_000)).unwrap();
    }
    assert_eq!(world.send("other", ""), Err(SendError::storage_limit()));
}

#[test]
fn there_are_so_many_queues() {
    let world = World::with(Limits { queues: 2, ..limits() });
    wait(world.queues.declare("second")).unwrap();
    let refused = wait(world.queues.declare("third"));
    assert!(matches!(refused, Err(QueueError::TooMany { most: 2 })), "{refused:?}");
    // One that is there is not made.
    wait(world.queues.declare("second")).unwrap();
    wait(world.queues.delete("q")).unwrap();
    wait(world.queues.declare("third")).unwrap();
    let refused = wait(world.queues.declare("a b"));
    assert!(matches!(refused, Err(QueueError::BadName(_))), "{refused:?}");
}

#[test]
fn a_dead_message_that_has_no_place_to_go_stays_and_is_tried_again() {
    for limits in [
        Limits { queues: 1, ..limits() },
        // The message has its queue filled.
        Limits { queue_bytes: 3 + MESSAGE_BYTES, ..limits() },
    ] {
        let world = World::with(limits.clone());
        if limits.queues > 1 {
            wait(world.queues.declare("morgue")).unwrap();
            world.send("morgue", "1").unwrap();
        }
        world.send("q", "one").unwrap();
        let settings = ConsumerSettings {
            max_retries: 0,
            dead_letter_queue: Some("morgue".to_owned()),
            ..ConsumerSettings::default()
        };
        let delivery = world.take("q", 1).unwrap();
        let settled = world.settle("q", delivery.lease, vec![RETRY], &settings).unwrap();
        assert_eq!(settled, Settled { retried: 1, ..Settled::default() });
        assert_eq!(world.take("q", 1), None);
        world.advance(60);
        assert_eq!(world.drain("q"), ["one"]);
    }
}

#[test]
fn a_full_disk_takes_no_messages_and_gives_those_that_it_has() {
    let world = World::with(Limits { min_free_bytes: 1_000_000, ..limits() });
    world.send("q", "one").unwrap();
    world.disk.set_free_bytes(1_000_000);
    assert_eq!(world.send("q", "two"), Err(SendError::storage_limit()));
    let refused = wait(world.queues.declare("another"));
    assert!(matches!(refused, Err(QueueError::DiskFull { .. })), "{refused:?}");
    assert_eq!(world.drain("q"), ["one"]);
    world.disk.set_free_bytes(1 << 40);
    world.send("q", "two").unwrap();
    assert_eq!(world.drain("q"), ["two"]);
}

#[test]
fn a_worker_that_floods_stops_nobody_else() {
    let world = World::new();
    wait(world.queues.declare("quiet")).unwrap();
    let flooder = Arc::from("flooder");
    let body = text(60_000);
    let flood: Vec<_> =
        (0..200).map(|_| world.queues.send("q", vec![message(&body); 4], None, &flooder)).collect();
    let sent = world.queues.send("quiet", vec![message("x")], None, &Arc::from("quiet"));
    wait(sent).unwrap();
    // It is answered while most of the flood is waiting.
    let stored = world.count("q");
    assert!(stored < 4 * 200, "the flood was served first");
    // Some may have been too much to wait.
    let answers = wait(futures_util::future::join_all(flood));
    let sent = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(world.count("q"), 4 * sent as u64);
    assert!(sent > 0);
}
