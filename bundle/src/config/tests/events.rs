//! What a worker is called for beside requests, and the other workers that it names.

use super::*;
use crate::settings::{QueueConsumer, QueueProducer, Service};

fn settings(text: &str) -> Settings {
    let config = toml(text).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    config.settings
}

#[test]
fn crons_are_kept_as_they_are_written() {
    let text = "[triggers]\ncrons = ['0 9 * * mon-FRI', '*/5\t*  * * *']";
    let crons = settings(text).crons.unwrap();
    assert_eq!(crons, ["0 9 * * mon-FRI", "*/5\t*  * * *"]);
    assert_eq!(settings("triggers.crons = []").crons, Some(Vec::new()));
    assert_eq!(settings("triggers = {}").crons, None);
    assert_eq!(json(r#"{ "triggers": { "crons": null } }"#).unwrap().settings.crons, None);
}

#[test]
fn what_is_no_cron_is_refused_with_what_to_write() {
    for (crons, expected) in [
        (
            "'* * * * *', '0 0 * * 0'",
            "1:32: expected a cron expression for \"triggers.crons[1]\", found \"0 0 * * 0\": \"0\" is \
             no day of week; write 1 (Sunday) to 7 (Saturday) or SUN to SAT, or one of `L`, `6L` and \
             `6#2`",
        ),
        (
            "'0 0 * * * *'",
            "1:19: expected a cron expression for \"triggers.crons[0]\", found \"0 0 * * * *\": it has \
             6 fields; write five: minute, hour, day of month, month, day of week",
        ),
        ("''", "1:19: \"triggers.crons[0]\" is empty"),
    ] {
        let text = format!("triggers.crons = [{crons}]");
        check_error(toml(&text), &format!("app/wrangler.toml:{expected}"));
    }
    check_error(
        toml("triggers.crons = '* * * * *'"),
        "app/wrangler.toml:1:18: expected a list for \"triggers.crons\", found a string",
    );
    let many = |count: u32| {
        let cron = |place: u32| format!("'{} {} * * *'", place % 60, place / 60);
        let crons: Vec<_> = (0..count).map(cron).collect();
        format!("triggers.crons = [{}]", crons.join(", "))
    };
    assert_eq!(settings(&many(250)).crons.unwrap().len(), 250);
    check_error(
        toml(&many(251)),
        "app/wrangler.toml:1:18: \"triggers.crons\" has 251 expressions, at most 250 may be",
    );
}

#[test]
fn a_cron_that_may_mean_something_else_is_warned_of() {
    let config = toml(
        "[triggers]\ncron = []\ncrons = ['0 0 * * 7',\n'1 0 * * 1-7',\n'2 0 30 2 *',\n'1 0 * * 1-7']",
    );
    assert_eq!(config.as_ref().unwrap().settings.crons.as_ref().unwrap().len(), 3);
    check_warnings(
        config,
        &[
            "app/wrangler.toml:2:1: unknown key \"triggers.cron\"; did you mean \"crons\"?",
            "app/wrangler.toml:3:10: \"0 0 * * 7\" is due on Saturday: 1 is Sunday, 7 is Saturday; SUN \
             and SAT mean the same everywhere",
            "app/wrangler.toml:5:1: \"2 0 30 2 *\" is never due: none of its months has such a day",
            "app/wrangler.toml:6:1: \"1 0 * * 1-7\" is given twice, and counts once",
        ],
    );
}

#[test]
fn queues_are_read() {
    let settings = settings(
        "[[queues.producers]]\nbinding = 'JOBS'\nqueue = 'my-jobs'\nremote = false\n\
         [[queues.producers]]\nbinding = 'MAIL_2'\n\
         [[queues.consumers]]\nqueue = 'my-jobs'\ntype = 'worker'\nmax_batch_size = 100\n\
         max_batch_timeout = 0\nmax_retries = 0\ndead_letter_queue = 'dead'\nmax_concurrency = 250\n\
         retry_delay = 86400\n\
         [[queues.consumers]]\nqueue = 'MAIL_2'\n",
    );
    let producer = |binding: &str, queue: &str| QueueProducer {
        binding: binding.to_owned(),
        queue: queue.to_owned(),
        delivery_delay: None,
    };
    let expected = [producer("JOBS", "my-jobs"), producer("MAIL_2", "MAIL_2")];
    assert_eq!(settings.queue_producers, expected);
    let all = QueueConsumer {
        queue: "my-jobs".to_owned(),
        max_batch_size: Some(100),
        max_batch_timeout: Some(0),
        max_retries: Some(0),
        dead_letter_queue: Some("dead".to_owned()),
        max_concurrency: Some(250),
        retry_delay: Some(86_400),
    };
    let none = QueueConsumer { queue: "MAIL_2".to_owned(), ..QueueConsumer::default() };
    assert_eq!(settings.queue_consumers, [all, none]);
    assert!(settings.missing_bindings.is_empty());
    let text = r#"{ "queues": { "producers": null,
        "consumers": [{ "queue": "q", "max_concurrency": null }] } }"#;
    let config = json(text).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.settings.queue_consumers[0].max_concurrency, None);
}

#[test]
fn what_queues_cannot_be_is_refused_by_its_range() {
    let long = format!("queue = '{}'", "q".repeat(64));
    for (producer, expected) in [
        ("queue = 'q'", "expected a \"binding\" in the producer"),
        (
            "binding = 'Größe'",
            "expected a \"queue\" in the producer: \"Größe\" is no name for a queue: write 1 to 63 \
             letters, digits, hyphens and underscores",
        ),
        ("binding = 1", "expected a string for \"queues.producers[0].binding\", found an integer"),
        (
            "binding = 'Q', queue = 'a b'",
            "\"queues.producers[0].queue\": \"a b\" is no name for a queue: write 1 to 63 letters, \
             digits, hyphens and underscores",
        ),
        (
            "binding = 'Q', delivery_delay = 86401",
            "expected an integer from 0 to 86400 for \"queues.producers[0].delivery_delay\", found \
             86401",
        ),
        (
            "binding = 'Q', remote = 1",
            "expected true or false for \"queues.producers[0].remote\", found an integer",
        ),
        ("binding = 'Q' }, { binding = 'Q'", "\"Q\" is bound twice: env can have it once"),
    ] {
        let text = format!("queues.producers = [{{ {producer} }}]");
        let error = toml(&text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    for (consumer, expected) in [
        ("type = 'worker'", "expected a \"queue\" in the consumer"),
        (
            "queue = ''",
            "\"queues.consumers[0].queue\": \"\" is no name for a queue: write 1 to 63 letters, \
             digits, hyphens and underscores",
        ),
        (
            long.as_str(),
            "qqq\" is no name for a queue: write 1 to 63 letters, digits, hyphens and underscores",
        ),
        (
            "queue = 'q', type = 'http_pull'",
            "expected \"worker\" for \"queues.consumers[0].type\", found \"http_pull\": a queue hands \
             its messages to a worker, and nobody else can fetch them",
        ),
        ("queue = 'q' }, { queue = 'q'", "\"q\" is consumed twice: a queue has one consumer"),
        (
            "queue = 'q', dead_letter_queue = 'q'",
            "\"q\" is its own \"dead_letter_queue\": name another queue, or none",
        ),
        (
            "queue = 'q', max_batch_size = 0",
            "an integer from 1 to 100 for \"queues.consumers[0].max_batch_size\", found 0",
        ),
        (
            "queue = 'q', max_batch_timeout = 61",
            "an integer from 0 to 60 for \"queues.consumers[0].max_batch_timeout\", found 61",
        ),
        (
            "queue = 'q', max_retries = 101",
            "an integer from 0 to 100 for \"queues.consumers[0].max_retries\", found 101",
        ),
        (
            "queue = 'q', max_concurrency = 251",
            "an integer from 1 to 250 for \"queues.consumers[0].max_concurrency\", found 251",
        ),
        (
            "queue = 'q', retry_delay = -1",
            "an integer from 0 to 86400 for \"queues.consumers[0].retry_delay\", found -1",
        ),
    ] {
        let text = format!("queues.consumers = [{{ {consumer} }}]");
        let error = toml(&text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn what_has_no_effect_on_queues_is_warned_of() {
    let text = "[queues]\nproducer = []\n\
                [[queues.producers]]\nbinding = 'Q'\ndelivery_delay = 5\nremote = true\nqeue = 'q'\n\
                [[queues.consumers]]\nqueue = 'Q'\nvisibility_timeout_ms = 1\nmax_retry = 1\n";
    assert_eq!(toml(text).unwrap().settings.queue_producers[0].delivery_delay, Some(5));
    check_warnings(
        toml(text),
        &[
            "app/wrangler.toml:2:1: unknown key \"queues.producer\"; did you mean \"producers\"?",
            "app/wrangler.toml:5:1: \"queues.producers[0].delivery_delay\" is deprecated, and counts: \
             say \"delaySeconds\" where you send",
            "app/wrangler.toml:6:1: \"queues.producers[0].remote\" has no effect: development uses \
             nothing that is deployed",
            "app/wrangler.toml:7:1: unknown key \"queues.producers[0].qeue\"; did you mean \"queue\"?",
            "app/wrangler.toml:10:1: \"queues.consumers[0].visibility_timeout_ms\" has no effect: a \
             batch is the worker's until its event has ended",
            "app/wrangler.toml:11:1: unknown key \"queues.consumers[0].max_retry\"; did you mean \
             \"max_retries\"?",
        ],
    );
}

#[test]
fn other_workers_are_read() {
    let settings = settings(
        "name = 'shop'\ntail_consumers = [{ service = 'logs' }, { service = 'shop' }]\n\
         [[services]]\nbinding = 'API'\nservice = 'api'\n\
         [[services]]\nbinding = 'ADMIN'\nservice = 'api'\nentrypoint = 'Admin'\n\
         props = { role = 'admin', depth = { list = [1, 'a'] } }\n\
         [[services]]\nbinding = 'SELF'\nservice = 'shop'\nentrypoint = 'default'\n",
    );
    let service = |binding: &str, service: &str| Service {
        binding: binding.to_owned(),
        service: service.to_owned(),
        entrypoint: None,
        props: None,
    };
    let props = json!({ "role": "admin", "depth": { "list": [1, "a"] } });
    let admin = Service {
        entrypoint: Some("Admin".to_owned()),
        props: props.as_object().cloned(),
        ..service("ADMIN", "api")
    };
    assert_eq!(settings.services, [service("API", "api"), admin, service("SELF", "shop")]);
    assert_eq!(settings.tail_consumers, ["logs", "shop"]);
    assert!(settings.missing_bindings.is_empty());
    let nothing = json(r#"{ "services": null, "tail_consumers": null }"#).unwrap();
    assert_eq!(nothing.settings, Settings::default());
}

#[test]
fn what_other_workers_cannot_be_is_refused() {
    for (text, expected) in [
        ("services = [1]", "1:13: expected a table for \"services[0]\", found an integer"),
        ("services = [{ service = 'a' }]", "1:13: expected a \"binding\" in the service"),
        ("services = [{ binding = 'A' }]", "1:13: expected a \"service\" in the service"),
        (
            "services = [{ binding = 'A', service = '-' }]",
            "1:40: expected a DNS label for \"services[0].service\" (1 to 63 lower-case letters, digits \
             and hyphens), found \"-\"",
        ),
        (
            "services = [{ binding = 'A', service = 'a', props = [] }]",
            "1:53: expected a table for \"services[0].props\", found a list",
        ),
        (
            "services = [{ binding = 'A', service = 'a', entrypoint = '' }]",
            "1:58: \"services[0].entrypoint\" is empty",
        ),
        (
            "vars = { A = 1 }\nservices = [{ binding = 'A', service = 'a' }]",
            "2:25: \"A\" is bound twice: env can have it once",
        ),
        (
            "tail_consumers = ['logs']",
            "1:19: expected a table for \"tail_consumers[0]\", found a string",
        ),
        ("tail_consumers = [{}]", "1:19: expected a \"service\" in the tail consumer"),
    ] {
        check_error(toml(text), &format!("app/wrangler.toml:{expected}"));
    }
}

#[test]
fn what_is_deprecated_of_other_workers_is_warned_of_and_counts() {
    let text = "tail_consumers = [{ service = 'logs', environment = 'live', env = 'x' },\n\
                { service = 'logs-live' }]\n\
                [[services]]\nbinding = 'A'\nenvironment = 'staging'\nservice = 'My_Api'\n\
                remote = true\nentry = 'X'\n";
    let settings = toml(text).unwrap().settings;
    assert_eq!(settings.services[0].service, "my-api-staging");
    assert_eq!(settings.tail_consumers, ["logs-live"]);
    check_warnings(
        toml(text),
        &[
            "app/wrangler.toml:1:61: unknown key \"tail_consumers[0].env\"; did you mean \
             \"environment\"?",
            "app/wrangler.toml:1:39: \"tail_consumers[0].environment\" is deprecated: name the worker, \
             \"logs-live\", as \"service\"",
            "app/wrangler.toml:2:1: \"logs-live\" is given twice, and counts once",
            "app/wrangler.toml:6:11: the worker's name is \"my-api\": a name has only lower-case \
             letters, digits and hyphens, and \"My_Api\" has not",
            "app/wrangler.toml:7:1: \"services[0].remote\" has no effect: development uses nothing \
             that is deployed",
            "app/wrangler.toml:8:1: unknown key \"services[0].entry\"; did you mean \"entrypoint\"?",
            "app/wrangler.toml:5:1: \"services[0].environment\" is deprecated: name the worker, \
             \"my-api-staging\", as \"service\"",
        ],
    );
}

#[test]
fn an_environment_takes_over_triggers_and_nothing_else_of_these() {
    let text = "triggers = { crons = ['* * * * *'] }\n\
                queues = { producers = [{ binding = 'Q' }] }\n\
                services = [{ binding = 'A', service = 'a' }]\n\
                tail_consumers = [{ service = 'logs' }]\n\
                [env.live]\nservices = [{ binding = 'B', service = 'b' }]\n";
    let config =
        parse(Path::new("app/wrangler.toml"), text, Syntax::Toml, Some("live"), TODAY).unwrap();
    let settings = &config.settings;
    assert_eq!(settings.crons.as_ref().unwrap(), &["* * * * *"]);
    assert!(settings.queue_producers.is_empty() && settings.tail_consumers.is_empty());
    assert_eq!(settings.services[0].binding, "B");
    let warnings: Vec<_> = config.warnings.iter().map(|it| it.message.as_str()).collect();
    let about = |key: &str| {
        format!(
            "\"{key}\" is not inherited by environments: the worker has none of it; repeat it as \
             \"env.live.{key}\""
        )
    };
    assert_eq!(warnings, [about("queues"), about("tail_consumers")]);
}
