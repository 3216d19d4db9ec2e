//! Sending, taking and settling: what is delivered when, to whom, and how often.

use super::*;

#[test]
fn messages_come_in_the_order_of_sending_with_all_that_they_had() {
    let world = World::new();
    for text in ["one", "two"] {
        world.send("q", text).unwrap();
    }
    world.send_all("q", vec![message("three"), message("four")]).unwrap();
    let delivery = world.take("q", 10).unwrap();
    assert_eq!(texts(&delivery.messages), ["one", "two", "three", "four"]);
    for message in &delivery.messages {
        assert_eq!((message.timestamp_ms, message.attempts), (NOW_MS, 1));
        assert_eq!(message.content_type, ContentType::Text);
    }
    let mut ids: Vec<_> = delivery.messages.iter().map(|message| message.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn who_stores_messages_is_told_what_they_are_called() {
    let world = World::new();
    let store = |texts: &[&str]| {
        let messages = texts.iter().map(|text| message(text)).collect();
        wait(world.queues.store("q", messages, None, &Arc::from("w"))).unwrap()
    };
    let (one, more) = (store(&["one"]), store(&["two", "three"]));
    assert_eq!((one.ids.len(), one.metrics.backlog_count), (1, 1));
    assert_eq!((more.ids.len(), more.metrics.backlog_count), (2, 3));
    let ids: Vec<_> = one.ids.into_iter().chain(more.ids).collect();
    for world in [&world, &world.killed()] {
        let delivery = world.take("q", 10).unwrap();
        assert_eq!(texts(&delivery.messages), ["one", "two", "three"]);
        let delivered: Vec<_> = delivery.messages.iter().map(|message| message.id).collect();
        assert_eq!(delivered, ids);
    }
}

#[test]
fn a_send_answers_how_much_there_is() {
    let world = World::new();
    let expected = |count, bytes| Metrics {
        backlog_count: count,
        backlog_bytes: bytes,
        oldest_message_timestamp_ms: Some(NOW_MS),
    };
    assert_eq!(world.send("q", "12345"), Ok(expected(1, 5)));
    world.advance(10);
    assert_eq!(world.send("q", "123"), Ok(expected(2, 8)));
    assert_eq!(wait(world.queues.metrics("q")), Ok(expected(2, 8)));
    world.drain("q");
    assert_eq!(wait(world.queues.metrics("q")), Ok(Metrics::default()));
}

#[test]
fn what_is_on_its_way_is_nobody_elses_and_counts_until_it_is_acked() {
    let world = World::new();
    world.send("q", "one").unwrap();
    let delivery = world.take("q", 10).unwrap();
    assert_eq!(world.take("q", 10), None);
    let info = world.queues.info("q").unwrap();
    assert_eq!((info.metrics.backlog_count, info.in_flight_count), (1, 1));
    let settled = world.settle("q", delivery.lease, vec![ACK], &ConsumerSettings::default());
    assert_eq!(settled.unwrap(), Settled { acked: 1, ..Settled::default() });
    let info = world.queues.info("q").unwrap();
    assert_eq!((info.metrics.backlog_count, info.in_flight_count), (0, 0));
    assert_eq!(world.take("q", 10), None);
}

#[test]
fn what_was_acked_is_gone_for_good_and_the_rest_comes_again() {
    let world = World::new();
    let messages = ["a", "b", "c"].map(message).to_vec();
    world.send_all("q", messages).unwrap();
    let delivery = world.take("q", 10).unwrap();
    let verdicts = vec![ACK, RETRY, ACK];
    world.settle("q", delivery.lease, verdicts, &ConsumerSettings::default()).unwrap();
    let world = world.killed();
    let delivery = world.take("q", 10).unwrap();
    assert_eq!(texts(&delivery.messages), ["b"]);
    assert_eq!(delivery.messages[0].attempts, 2);
}

#[test]
fn a_message_of_which_nothing_is_said_is_tried_again() {
    let world = World::new();
    world.send_all("q", vec![message("a"), message("b")]).unwrap();
    let delivery = world.take("q", 10).unwrap();
    let settled = world.settle("q", delivery.lease, vec![ACK], &ConsumerSettings::default());
    assert_eq!(settled.unwrap(), Settled { acked: 1, retried: 1, ..Settled::default() });
}

#[test]
fn a_delivery_is_settled_once() {
    let world = World::new();
    world.send("q", "one").unwrap();
    let delivery = world.take("q", 1).unwrap();
    let settings = ConsumerSettings::default();
    world.settle("q", delivery.lease, vec![RETRY], &settings).unwrap();
    for lease in [delivery.lease, 77] {
        let again = world.settle("q", lease, vec![ACK], &settings);
        assert!(matches!(again, Err(QueueError::UnknownLease { .. })), "{again:?}");
        assert!(!world.queues.release("q", lease));
    }
    assert_eq!(world.count("q"), 1);
}

#[test]
fn a_delivery_that_is_given_back_is_ready_again_and_was_no_attempt() {
    let world = World::new();
    world.send_all("q", vec![message("a"), message("b")]).unwrap();
    for _ in 0..3 {
        let delivery = world.take("q", 1).unwrap();
        assert_eq!(delivery.messages[0].attempts, 1);
        assert!(world.queues.release("q", delivery.lease));
        // It is nobody's to settle any more.
        assert!(!world.queues.release("q", delivery.lease));
        let settled = world.settle("q", delivery.lease, vec![ACK], &ConsumerSettings::default());
        assert!(matches!(settled, Err(QueueError::UnknownLease { .. })), "{settled:?}");
        world.catch_up("q");
    }
    for world in [&world, &world.killed()] {
        let delivery = world.take("q", 10).unwrap();
        assert_eq!(texts(&delivery.messages), ["a", "b"]);
        assert!(delivery.messages.iter().all(|message| message.attempts == 1));
    }
}

#[test]
fn what_was_on_its_way_when_the_process_ended_is_ready_again_and_was_an_attempt() {
    let mut world = World::new();
    world.send("q", "one").unwrap();
    for attempts in 1..=3 {
        let delivery = world.take("q", 1).unwrap();
        assert_eq!(delivery.messages[0].attempts, attempts);
        // Until that is written down, nobody knows.
        world.catch_up("q");
        world = world.killed();
    }
}

#[test]
fn attempts_survive_and_a_message_that_failed_too_often_is_dropped() {
    let mut world = World::new();
    world.send("q", "one").unwrap();
    let settings = ConsumerSettings::default();
    for attempts in 1..=4 {
        let delivery = world.take("q", 1).unwrap();
        assert_eq!(delivery.messages[0].attempts, attempts);
        let settled = world.settle("q", delivery.lease, vec![RETRY], &settings).unwrap();
        let expected = match attempts {
            4 => Settled { dropped: 1, ..Settled::default() },
            _ => Settled { retried: 1, ..Settled::default() },
        };
        assert_eq!(settled, expected);
        world = world.killed();
    }
    assert_eq!((world.take("q", 1), world.count("q")), (None, 0));
}

#[test]
fn a_dead_message_goes_to_its_queue_which_is_made_if_it_is_missing() {
    let world = World::new();
    world.send_all("q", vec![message("dead"), message("alive")]).unwrap();
    world.advance(5);
    let settings = ConsumerSettings {
        max_retries: 0,
        dead_letter_queue: Some("morgue".to_owned()),
        ..ConsumerSettings::default()
    };
    let delivery = world.take("q", 10).unwrap();
    let settled = world.settle("q", delivery.lease, vec![RETRY, ACK], &settings).unwrap();
    assert_eq!(settled, Settled { acked: 1, dead_lettered: 1, ..Settled::default() });
    for world in [&world, &world.killed()] {
        let info = world.queues.info("morgue").unwrap();
        assert_eq!(info.metrics.oldest_message_timestamp_ms, Some(NOW_MS + 5_000));
        let dead = world.take("morgue", 10).unwrap();
        assert_eq!(dead.messages.len(), 1);
        // It is the same message, as it was sent, and new to this queue.
        let expected = Message { attempts: 1, ..delivery.messages[0].clone() };
        assert_eq!(dead.messages[0], expected);
        assert_eq!(world.count("q"), 0);
    }
}

#[test]
fn dead_letters_may_go_round_in_a_circle_of_queues() {
    let world = World::new();
    wait(world.queues.declare("r")).unwrap();
    world.send("q", "one").unwrap();
    for (from, to) in [("q", "r"), ("r", "q"), ("q", "r")] {
        let settings = ConsumerSettings {
            max_retries: 0,
            dead_letter_queue: Some(to.to_owned()),
            ..ConsumerSettings::default()
        };
        let delivery = world.take(from, 1).unwrap();
        assert_eq!(delivery.messages[0].attempts, 1);
        let settled = world.settle(from, delivery.lease, vec![RETRY], &settings).unwrap();
        assert_eq!(settled.dead_lettered, 1);
    }
    assert_eq!((world.count("q"), world.count("r")), (0, 1));
}

#[test]
fn a_backlog_that_is_larger_than_the_window_comes_in_order() {
    let world = World::new();
    let expected: Vec<String> = (0..5_000).map(|number| format!("{number}")).collect();
    for batch in expected.chunks(100) {
        world.send_all("q", batch.iter().map(|text| message(text)).collect()).unwrap();
    }
    assert_eq!(world.drain("q"), expected);
}

#[test]
fn what_comes_while_there_is_a_backlog_comes_behind_it() {
    let world = World::new();
    let mut sent = 0..;
    let mut send = |count: usize| {
        let texts = sent.by_ref().take(count).map(|number: u32| message(&format!("{number}")));
        world.send_all("q", texts.collect()).unwrap();
    };
    (0..30).for_each(|_| send(100));
    let mut taken = Vec::new();
    while let Some(delivery) = world.take("q", 70) {
        taken.extend(texts(&delivery.messages));
        if taken.len() < 3_000 {
            send(7);
        }
        let verdicts = vec![ACK; delivery.messages.len()];
        world.settle("q", delivery.lease, verdicts, &ConsumerSettings::default()).unwrap();
    }
    let expected: Vec<String> = (0..taken.len()).map(|number| format!("{number}")).collect();
    assert_eq!(taken, expected);
    assert!(taken.len() > 3_000);
}

#[test]
fn who_waits_for_a_change_is_told_of_what_comes() {
    let world = World::new();
    world.send("q", "one").unwrap();
    // What was there before is remembered.
    wait(world.queues.wait_for_change("q"));
    let change = world.queues.wait_for_change("q");
    let sending = world.queues.send("q", vec![message("two")], None, &Arc::from("w"));
    let (_, sent) = wait(futures_util::future::join(change, sending));
    sent.unwrap();
    let change = world.queues.wait_for_change("absent");
    let declared = world.queues.declare("absent");
    let (_, declared) = wait(futures_util::future::join(change, declared));
    declared.unwrap();
}
