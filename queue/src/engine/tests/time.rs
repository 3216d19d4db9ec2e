//! Delays, retries and retention, by a clock that a test moves.

use super::*;

fn delayed(text: &str, seconds: u64) -> NewMessage {
    message(text).delayed_by(Duration::from_secs(seconds))
}

#[test]
fn a_message_waits_for_its_time() {
    let world = World::new();
    world.send_all("q", vec![delayed("late", 60), message("now")]).unwrap();
    let ready = world.queues.ready("q");
    assert_eq!((ready.count, ready.next_due.is_some()), (1, true));
    assert_eq!(world.queues.info("q").unwrap().delayed_count, 1);
    assert_eq!(world.drain("q"), ["now"]);
    let after = world.killed();
    world.advance(59);
    assert_eq!((world.take("q", 1), after.take("q", 1)), (None, None));
    world.advance(1);
    for world in [&world, &after] {
        assert_eq!(world.queues.info("q").unwrap().delayed_count, 0);
        assert_eq!(world.drain("q"), ["late"]);
    }
}

#[test]
fn the_delay_of_a_message_is_before_that_of_its_batch_and_that_before_the_queues() {
    let world = World::new();
    let change = Change { delivery_delay: Some(Duration::from_secs(30)), ..Change::default() };
    wait(world.queues.set("q", change)).unwrap();
    world.send_all("q", vec![message("queue"), delayed("zero", 0), delayed("own", 10)]).unwrap();
    let batch = vec![message("batch"), delayed("own, too", 40)];
    let sent = world.queues.send("q", batch, Some(Duration::from_secs(20)), &Arc::from("w"));
    wait(sent).unwrap();
    let at_once = world.queues.send("q", vec![message("0")], Some(Duration::ZERO), &Arc::from("w"));
    wait(at_once).unwrap();
    assert_eq!(world.drain("q"), ["zero", "0"]);
    for text in ["own", "batch", "queue", "own, too"] {
        world.advance(9);
        assert_eq!(world.take("q", 1), None);
        world.advance(1);
        assert_eq!(world.drain("q"), [text]);
    }
}

#[test]
fn what_is_due_comes_by_the_time_when_it_was_ready() {
    let world = World::new();
    world.send_all("q", vec![delayed("third", 30), delayed("first", 10)]).unwrap();
    world.advance(20);
    world.send("q", "second").unwrap();
    world.advance(20);
    world.send("q", "fourth").unwrap();
    assert_eq!(world.drain("q"), ["first", "second", "third", "fourth"]);
}

#[test]
fn a_retry_waits_for_its_delay_also_over_a_restart() {
    let world = World::new();
    world.send_all("q", vec![message("a"), message("b")]).unwrap();
    assert_eq!(world.retry_one("q", 60).retried, 1);
    let after = world.killed();
    for world in [&world, &after] {
        assert_eq!(world.drain("q"), ["b"]);
    }
    world.advance(60);
    for world in [&world, &after] {
        let delivery = world.take("q", 2).unwrap();
        assert_eq!(texts(&delivery.messages), ["a"]);
        assert_eq!(delivery.messages[0].attempts, 2);
        assert_eq!(delivery.messages[0].timestamp_ms, NOW_MS);
    }
}

#[test]
fn a_retry_at_once_goes_behind_what_was_there() {
    let world = World::new();
    world.send("q", "a").unwrap();
    world.advance(1);
    world.send("q", "b").unwrap();
    world.advance(1);
    world.retry_one("q", 0);
    world.advance(1);
    world.send("q", "c").unwrap();
    assert_eq!(world.drain("q"), ["b", "a", "c"]);
}

#[test]
fn many_that_are_delayed_stand_in_nobodys_way() {
    let world = World::new();
    for _ in 0..30 {
        let batch = (0..100).map(|number| delayed("late", 3_600 + number)).collect();
        world.send_all("q", batch).unwrap();
    }
    world.send("q", "now").unwrap();
    assert_eq!(world.queues.ready("q").count, 1);
    assert_eq!(world.drain("q"), ["now"]);
    // One that is due before all that were read.
    world.send_all("q", vec![delayed("soon", 5)]).unwrap();
    world.advance(5);
    assert_eq!(world.drain("q"), ["soon"]);
    assert_eq!(world.queues.info("q").unwrap().delayed_count, 3_000);
    world.advance(7_200);
    assert_eq!(world.drain("q").len(), 3_000);
}

/// Lets so much time go by that the clock is trusted, and some more.
fn let_time_go_by(world: &World, seconds: u64) {
    for _ in 0..seconds {
        world.advance(1);
    }
}

#[test]
fn what_nobody_takes_in_time_is_dropped() {
    let world = World::new();
    let retention = Some(Duration::from_secs(600));
    wait(world.queues.set("q", Change { retention, ..Change::default() })).unwrap();
    world.send_all("q", vec![message("old"), delayed("older", 3_600)]).unwrap();
    let_time_go_by(&world, 300);
    world.send("q", "young").unwrap();
    let_time_go_by(&world, 299);
    assert_eq!(world.count("q"), 3);
    let_time_go_by(&world, 1);
    eventually("it is dropped", || world.count("q") == 1);
    assert_eq!(world.drain("q"), ["young"]);
    let figures = || {
        let mut registry = prometheus_client::registry::Registry::default();
        world.queues.register_metrics(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    };
    eventually("it is counted", || figures().contains("expired_messages_total 2\n"));
}

#[test]
fn a_message_lives_for_four_days_where_nobody_says_otherwise() {
    const DAY_S: u64 = 86_400;
    let world = World::new();
    world.send("q", "dead").unwrap();
    let settings = ConsumerSettings {
        max_retries: 0,
        dead_letter_queue: Some("morgue".to_owned()),
        ..ConsumerSettings::default()
    };
    let delivery = world.take("q", 1).unwrap();
    world.settle("q", delivery.lease, vec![RETRY], &settings).unwrap();
    world.send("q", "alive").unwrap();
    world.advance(4 * DAY_S - 1);
    // It is looked again after that.
    world.catch_up("q");
    assert_eq!((world.count("q"), world.count("morgue")), (1, 1));
    world.advance(1);
    eventually("both are dropped", || world.count("q") + world.count("morgue") == 0);
}

#[test]
fn a_clock_that_jumps_drops_nothing() {
    let world = World::new();
    world.send("q", "one").unwrap();
    let is_trusted = || world.queues.shared().steady_ms().is_some();
    let_time_go_by(&world, 300);
    eventually("the clock is trusted", is_trusted);
    world.clock.set(NOW_MS + 30 * 86_400_000);
    eventually("the jump is seen", || !is_trusted());
    assert_eq!(world.count("q"), 1);
    world.clock.set(NOW_MS);
    assert_eq!(world.drain("q"), ["one"]);
}

#[test]
fn messages_in_a_dead_letter_queue_live_from_their_coming_there() {
    let world = World::new();
    wait(world.queues.declare("morgue")).unwrap();
    let change = Change { retention: Some(Duration::from_secs(60)), ..Change::default() };
    wait(world.queues.set("morgue", change)).unwrap();
    world.send("q", "one").unwrap();
    let_time_go_by(&world, 3_000);
    let settings = ConsumerSettings {
        max_retries: 0,
        dead_letter_queue: Some("morgue".to_owned()),
        ..ConsumerSettings::default()
    };
    let delivery = world.take("q", 1).unwrap();
    world.settle("q", delivery.lease, vec![RETRY], &settings).unwrap();
    let_time_go_by(&world, 59);
    assert_eq!(world.count("morgue"), 1);
    let_time_go_by(&world, 1);
    eventually("it is dropped", || world.count("morgue") == 0);
}
