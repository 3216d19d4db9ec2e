//! What settings are as JSON, which is part of a version's address, and what is refused of settings
//! that no configuration has said.

use serde_json::json;

use super::*;

fn read(json: serde_json::Value) -> Settings {
    let mut all = serde_json::to_value(Settings::default()).unwrap();
    all.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

#[test]
fn what_is_not_used_is_not_written() {
    let text = serde_json::to_string(&Settings::default()).unwrap();
    assert_eq!(
        text,
        "{\"compatibility_date\":null,\"compatibility_flags\":[],\"routes\":[],\"vars\":{},\
         \"kv_namespaces\":[],\"limits\":{\"cpu_ms\":null,\"memory_mb\":null,\"subrequests\":null},\
         \"unsafe_eval\":false}"
    );
    let old: Settings = serde_json::from_str(&text).unwrap();
    assert_eq!(old, Settings::default());
}

#[test]
fn what_is_used_comes_back_as_it_was() {
    let props = json!({ "role": "admin", "of": [1, null] }).as_object().cloned();
    let service = Service {
        binding: "API".to_owned(),
        service: "api".to_owned(),
        entrypoint: Some("Admin".to_owned()),
        props,
    };
    let settings = Settings {
        crons: Some(Vec::new()),
        queue_producers: vec![QueueProducer {
            binding: "JOBS".to_owned(),
            queue: "jobs".to_owned(),
            delivery_delay: Some(5),
        }],
        queue_consumers: vec![QueueConsumer {
            queue: "jobs".to_owned(),
            max_retries: Some(0),
            ..QueueConsumer::default()
        }],
        services: vec![service],
        tail_consumers: vec!["logs".to_owned()],
        ..Settings::default()
    };
    let json = serde_json::to_value(&settings).unwrap();
    assert_eq!(json["crons"], json!([]));
    assert_eq!(json["queue_consumers"], json!([{ "queue": "jobs", "max_retries": 0 }]));
    assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
    assert_eq!(settings.check(), Ok(()));
}

#[test]
fn what_no_configuration_could_have_said_is_refused_by_its_key() {
    assert_eq!(read(json!({})).check(), Ok(()));
    for (settings, expected) in [
        (
            json!({ "limits": { "cpu_ms": 0 } }),
            "limits.cpu_ms is 0, expected a number from 1 to 300000",
        ),
        (
            json!({ "crons": ["* * * * 0"] }),
            "triggers.crons: invalid cron string: * * * * 0: \"0\" is no day of week",
        ),
        (
            json!({ "crons": vec!["* * * * *"; 251] }),
            "triggers.crons has 251 expressions, at most 250 may be",
        ),
        (
            json!({ "queue_producers": [{ "binding": "Q", "queue": "a b" }] }),
            "queues.producers.queue: \"a b\" is no name for a queue: write 1 to 63 letters",
        ),
        (
            json!({ "queue_producers": [{ "binding": "Q", "queue": "q", "delivery_delay": 86401 }] }),
            "queues.producers.delivery_delay is 86401, expected a number from 0 to 86400",
        ),
        (
            json!({ "queue_consumers": [{ "queue": "q", "max_batch_size": 101 }] }),
            "queues.consumers.max_batch_size is 101, expected a number from 1 to 100",
        ),
        (
            json!({ "queue_consumers": [{ "queue": "q", "dead_letter_queue": "" }] }),
            "queues.consumers.dead_letter_queue: \"\" is no name for a queue: write 1 to 63 letters",
        ),
        (
            json!({ "queue_consumers": [{ "queue": "q" }, { "queue": "q" }] }),
            "queues.consumers: \"q\" is consumed twice: a queue has one consumer",
        ),
        (
            json!({ "services": [{ "binding": "S", "service": "Not_A_Label" }] }),
            "services.service: \"Not_A_Label\" is no worker's name",
        ),
        (json!({ "tail_consumers": ["-"] }), "tail_consumers.service: \"-\" is no worker's name"),
    ] {
        let message = read(settings).check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message:?} does not begin with {expected:?}");
    }
}

#[test]
fn date_and_flags_decide_what_is_compatible() {
    let settings = Settings {
        compatibility_date: Some("2024-01-01".to_owned()),
        compatibility_flags: vec!["nodejs_als".to_owned()],
        ..Settings::default()
    };
    let expected = Compatibility::new(Some("2024-01-01"), &["nodejs_als"]);
    assert_eq!(settings.compatibility(), expected);
    assert_eq!(Settings::default().compatibility(), Compatibility::default());
}
