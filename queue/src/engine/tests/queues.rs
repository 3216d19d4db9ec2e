//! Queues themselves: made, set, paused, emptied and deleted, and all of that for good.

use redb::ReadableTable as _;

use super::super::schema::{QUEUES, Row};
use super::*;

fn names(world: &World) -> Vec<String> {
    world.queues.list().iter().map(|info| info.name.to_string()).collect()
}

#[test]
fn queues_that_are_declared_stay() {
    let world = World::new();
    for name in ["b", "a", "b"] {
        wait(world.queues.declare(name)).unwrap();
    }
    assert_eq!(names(&world), ["a", "b", "q"]);
    assert_eq!(names(&world.killed()), ["a", "b", "q"]);
    let info = world.queues.info("a").unwrap();
    assert_eq!((info.created_at_ms, info.delivery_delay), (NOW_MS, Duration::ZERO));
    assert_eq!(info.retention, Duration::from_secs(4 * 86_400));
    assert_eq!(world.queues.info("c"), None);
}

/// The same queues, of which `q` is called otherwise on the disk: as no queue can be called that is made.
fn renamed(world: &World, name: &str) -> World {
    world.queues.close();
    let database = storage::open_database(&world.disk, "queues.redb", 1 << 20).unwrap();
    let txn = storage::begin_durable(&database).unwrap();
    let mut queues = txn.open_table(QUEUES).unwrap();
    let (number, mut row) = {
        let (number, row) = queues.first().unwrap().unwrap();
        (number.value(), Row::of_value(row.value()))
    };
    row.name = name.into();
    queues.insert(number, row.to_value()).unwrap();
    drop(queues);
    txn.commit().unwrap();
    drop(database);
    World::on(world.disk.clone(), world.clock.clone(), world.limits.clone())
}

#[test]
fn a_queue_of_a_name_that_is_none_any_more_goes_on() {
    for name in ["q".repeat(128), "a.b".to_owned()] {
        let world = World::new();
        world.send("q", "before").unwrap();
        let world = renamed(&world, &name);
        assert_eq!(names(&world), [name.as_str()]);
        // Whoever sends and consumes sees that it is there first.
        wait(world.queues.declare(&name)).unwrap();
        world.send(&name, "after").unwrap();
        let change = Change { paused: Some(false), ..Change::default() };
        wait(world.queues.set(&name, change)).unwrap();
        let world = world.killed();
        assert_eq!(texts(&world.queues.peek(&name, 10)), ["before", "after"]);
        assert_eq!(world.drain(&name), ["before", "after"]);
        wait(world.queues.purge(&name)).unwrap();
        wait(world.queues.delete(&name)).unwrap();
        let refused = wait(world.queues.declare(&name)).unwrap_err().to_string();
        assert!(refused.ends_with(queue_rules::NAME_RULE), "{refused}");
    }
}

#[test]
fn a_queue_that_does_not_exist_takes_nothing_and_has_nothing() {
    let world = World::new();
    assert_eq!(world.send("absent", "text"), Err(SendError::not_found()));
    assert_eq!(wait(world.queues.metrics("absent")), Err(SendError::not_found()));
    assert_eq!(world.take("absent", 1), None);
    assert_eq!(world.queues.ready("absent"), Default::default());
    assert!(world.queues.peek("absent", 1).is_empty());
    for refused in [
        wait(world.queues.purge("absent")).err(),
        wait(world.queues.delete("absent")).err(),
        wait(world.queues.set("absent", Change::default())).err(),
        world.settle("absent", 1, Vec::new(), &ConsumerSettings::default()).err(),
    ] {
        assert!(matches!(refused, Some(QueueError::NotFound { .. })), "{refused:?}");
    }
}

#[test]
fn what_is_set_stays_and_what_is_out_of_range_is_refused() {
    let world = World::new();
    let change = Change {
        delivery_delay: Some(Duration::from_secs(30)),
        retention: Some(Duration::from_secs(60)),
        paused: Some(true),
    };
    wait(world.queues.set("q", change)).unwrap();
    wait(world.queues.set("q", Change::default())).unwrap();
    for world in [&world, &world.killed()] {
        let info = world.queues.info("q").unwrap();
        assert_eq!(Some(info.delivery_delay), change.delivery_delay);
        assert_eq!(Some(info.retention), change.retention);
        assert!(info.is_paused);
    }
    for (delivery_delay_s, retention_s) in
        [(Some(86_401), None), (None, Some(59)), (None, Some(14 * 86_400 + 1))]
    {
        let change = Change {
            delivery_delay: delivery_delay_s.map(Duration::from_secs),
            retention: retention_s.map(Duration::from_secs),
            paused: None,
        };
        let refused = wait(world.queues.set("q", change));
        assert!(matches!(refused, Err(QueueError::OutOfRange { .. })), "{refused:?}");
    }
    let error = wait(world.queues.set("q", Change { retention: Some(Duration::ZERO), ..change }));
    assert_eq!(error.unwrap_err().to_string(), "a retention is 60 to 1209600 seconds, and not 0");
}

#[test]
fn a_paused_queue_takes_messages_and_delivers_none() {
    let world = World::new();
    let paused = |is_paused| {
        let change = Change { paused: Some(is_paused), ..Change::default() };
        wait(world.queues.set("q", change)).unwrap();
    };
    paused(true);
    world.send("q", "one").unwrap();
    assert_eq!((world.take("q", 1), world.queues.ready("q").count), (None, 0));
    paused(false);
    assert_eq!(world.queues.ready("q").count, 1);
    assert_eq!(world.drain("q"), ["one"]);
}

#[test]
fn a_purge_removes_all_messages_also_those_on_their_way_and_no_later_ones() {
    let world = World::new();
    for text in ["taken", "waiting"] {
        world.send("q", text).unwrap();
    }
    world.send_all("q", vec![message("delayed").delayed_by(Duration::from_secs(9))]).unwrap();
    let delivery = world.take("q", 1).unwrap();
    assert_eq!(wait(world.queues.purge("q")).unwrap(), 3);
    assert_eq!(wait(world.queues.metrics("q")), Ok(Metrics::default()));
    world.send("q", "later").unwrap();
    // What it was told to do with messages that are gone is not done to others.
    let late = world.settle("q", delivery.lease, vec![ACK], &ConsumerSettings::default());
    assert!(matches!(late, Err(QueueError::UnknownLease { .. })), "{late:?}");
    let after = world.killed();
    world.advance(10);
    for world in [&world, &after] {
        assert_eq!(world.drain("q"), ["later"]);
        assert_eq!(world.count("q"), 0);
    }
}

#[test]
fn a_queue_that_is_deleted_is_gone_and_a_new_one_of_that_name_is_empty() {
    let world = World::new();
    world.send("q", "one").unwrap();
    wait(world.queues.delete("q")).unwrap();
    assert_eq!(world.send("q", "two"), Err(SendError::not_found()));
    assert!(names(&world.killed()).is_empty());
    wait(world.queues.declare("q")).unwrap();
    assert_eq!((world.take("q", 1), world.count("q")), (None, 0));
    world.send("q", "three").unwrap();
    assert_eq!(world.killed().drain("q"), ["three"]);
}

#[test]
fn a_look_at_messages_leaves_them_where_they_are() {
    let world = World::new();
    let delay = Duration::from_secs(5);
    let messages = vec![message("late").delayed_by(delay), message("one"), message("two")];
    world.send_all("q", messages).unwrap();
    let peeked = world.queues.peek("q", 2);
    assert_eq!(texts(&peeked), ["one", "two"]);
    assert!(peeked.iter().all(|message| message.attempts == 0));
    let delivery = world.take("q", 1).unwrap();
    world.catch_up("q");
    let peeked = world.queues.peek("q", 100);
    assert_eq!(texts(&peeked), ["one", "two", "late"]);
    assert_eq!(peeked[0].attempts, 1);
    assert_eq!(texts(&delivery.messages), ["one"]);
    assert!(world.queues.peek("q", 0).is_empty());
}

#[test]
fn queues_that_are_closed_give_their_files_away_and_answer_so() {
    let folder = tempfile::tempdir().unwrap();
    let queues = Queues::open(Options::new(folder.path())).unwrap();
    wait(queues.declare("q")).unwrap();
    let sender = Arc::from("w");
    wait(queues.send("q", vec![message("one")], None, &sender)).unwrap();
    let refused = Queues::open(Options::new(folder.path())).err();
    assert!(matches!(refused, Some(QueueError::Held { .. })), "{refused:?}");
    queues.close();
    let again = Queues::open(Options::new(folder.path())).unwrap();
    let refused = wait(queues.send("q", vec![message("two")], None, &sender)).unwrap_err();
    assert_eq!((refused.code, refused.status), (15_000, 503));
    assert!(matches!(wait(queues.declare("q")), Err(QueueError::Closed)));
    assert!(matches!(wait(queues.purge("q")), Err(QueueError::Closed)));
    assert_eq!((queues.take("q", 1), queues.ready("q")), (None, Default::default()));
    assert_eq!(texts(&again.take("q", 10).unwrap().messages), ["one"]);
}

#[test]
fn what_is_counted_is_shown_and_names_are_bounded() {
    let world = World::new();
    world.send_all("q", vec![message("a"), message("bc")]).unwrap();
    for number in 0..120 {
        wait(world.queues.declare(&format!("empty-{number:03}"))).unwrap();
    }
    let settings = ConsumerSettings { max_retries: 0, ..ConsumerSettings::default() };
    let delivery = world.take("q", 2).unwrap();
    world.settle("q", delivery.lease, vec![ACK, RETRY], &settings).unwrap();
    world.send("q", "left").unwrap();
    let mut registry = prometheus_client::registry::Registry::default();
    world.queues.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "sent_messages_total 3",
        "delivered_messages_total 2",
        "acked_messages_total 1",
        "dropped_messages_total 1",
        "backlog_messages{queue=\"q\"} 1",
        "backlog_bytes{queue=\"q\"} 4",
        "backlog_messages{queue=\"empty-098\"} 0",
        "backlog_messages{queue=\"(other queues)\"} 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
    }
    assert!(!text.contains("empty-099"), "{text}");
}
