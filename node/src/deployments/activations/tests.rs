//! Triggers as workers come, change and go.

use super::*;

fn queues(names: &[&str]) -> Asked {
    let settings = ConsumerSettings::default();
    let consumers = names.iter().map(|&name| (name.into(), settings.clone())).collect();
    Asked { consumers, ..Asked::default() }
}

fn consumed(activations: &Activations) -> Vec<(String, String)> {
    let triggers = activations.triggers();
    let consumers = triggers.consumers.iter();
    consumers.map(|(queue, worker, _)| (queue.to_string(), worker.to_string())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(one, other)| (one.to_owned(), other.to_owned())).collect()
}

#[test]
fn a_queue_has_one_consumer_and_who_comes_second_changes_nothing() {
    let activations = Activations::new();
    activations.replace(&"shop".into(), Some(queues(&["orders", "mail"]))).unwrap();
    let error = activations.replace(&"blog".into(), Some(queues(&["posts", "mail"]))).unwrap_err();
    assert_eq!((&*error.queue, &*error.owner), ("mail", "shop"));
    activations.tell();
    assert_eq!(consumed(&activations), pairs(&[("mail", "shop"), ("orders", "shop")]));
    // What its worker gives up, another can have.
    activations.replace(&"shop".into(), Some(queues(&["orders"]))).unwrap();
    activations.replace(&"blog".into(), Some(queues(&["posts", "mail"]))).unwrap();
    activations.replace(&"shop".into(), None).unwrap();
    activations.tell();
    assert_eq!(consumed(&activations), pairs(&[("mail", "blog"), ("posts", "blog")]));
}

#[test]
fn those_who_look_are_told_once_for_a_change_and_never_for_none() {
    let activations = Activations::new();
    let mut changed = activations.changed();
    activations.replace(&"plain".into(), Some(Asked::default())).unwrap();
    activations.tell();
    assert!(!changed.has_changed().unwrap(), "it is called for requests alone");
    activations.replace(&"shop".into(), Some(queues(&["orders"]))).unwrap();
    activations.tell();
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    let triggers = activations.triggers();
    assert!(Arc::ptr_eq(&triggers, &activations.triggers()), "it is put together once");
    activations.tell();
    assert!(!changed.has_changed().unwrap());
    activations.replace(&"shop".into(), None).unwrap();
    activations.tell();
    assert!(changed.has_changed().unwrap());
    assert!(activations.triggers().consumers.is_empty());
}

#[test]
fn crons_and_tails_are_the_workers() {
    let settings = Settings {
        crons: Some(["*/5 * * * *", "0 0 * * *", "*/5 * * * *"].map(str::to_owned).into()),
        tail_consumers: vec!["watcher".to_owned()],
        ..Settings::default()
    };
    let activations = Activations::new();
    let asked = Asked::of(&settings, Mode::Serve);
    activations.replace(&"shop".into(), Some(asked)).unwrap();
    activations.tell();
    let triggers = activations.triggers();
    let crons: Vec<_> = triggers.crons.iter().map(|(worker, cron)| (&**worker, &**cron)).collect();
    assert_eq!(crons, [("shop", "*/5 * * * *"), ("shop", "0 0 * * *")]);
    let tails = triggers.tails.get("shop").unwrap();
    assert_eq!(tails.iter().map(|it| &**it).collect::<Vec<_>>(), ["watcher"]);
    assert!(activations.are_of("shop") && !activations.are_of("watcher"));
}

#[test]
fn what_a_consumer_does_not_say_is_the_default() {
    let consumer = QueueConsumer {
        queue: "orders".to_owned(),
        max_batch_size: Some(100),
        max_retries: Some(0),
        retry_delay: Some(60),
        ..QueueConsumer::default()
    };
    let settings = Settings { queue_consumers: vec![consumer], ..Settings::default() };
    for (mode, timeout_s) in [(Mode::Serve, 5), (Mode::Dev, 1)] {
        let asked = Asked::of(&settings, mode);
        let (queue, settings) = &asked.consumers[0];
        assert_eq!((&**queue, settings.max_batch_size, settings.max_retries), ("orders", 100, 0));
        assert_eq!(settings.max_batch_timeout, Duration::from_secs(timeout_s));
        assert_eq!(settings.retry_delay, Duration::from_secs(60));
        assert_eq!(settings.max_concurrency, None);
    }
}

#[test]
fn what_was_recorded_is_cut_to_what_may_be() {
    let consumer = Consumer {
        queue: "orders".to_owned(),
        max_batch_size: Some(0),
        max_concurrency: Some(1000),
        ..Consumer::default()
    };
    let crons = vec!["0 0 * * 0".to_owned(), "0 0 * * 1".to_owned()];
    let consumers = vec![consumer.clone(), consumer];
    let asked = Asked::of_triggers(&Recorded { crons, consumers, tail_consumers: Vec::new() });
    assert_eq!(asked.crons.iter().map(|it| &**it).collect::<Vec<_>>(), ["0 0 * * 1"]);
    assert_eq!(asked.consumers.len(), 1, "a queue is consumed once");
    let settings = &asked.consumers[0].1;
    assert_eq!((settings.max_batch_size, settings.max_concurrency), (1, Some(250)));
}

#[test]
fn a_change_among_ten_thousand_workers_with_crons_is_put_together_in_no_time() {
    let activations = Activations::new();
    for number in 0..10_000 {
        let asked = Asked { crons: vec!["*/5 * * * *".into()], ..Asked::default() };
        activations.replace(&format!("w{number}").into(), Some(asked)).unwrap();
    }
    activations.tell();
    assert_eq!(activations.triggers().crons.len(), 10_000);
    assert_eq!(*activations.changed().borrow(), 1, "all of them are one change");
}
