//! `isolane queue`: messages and settings of queues, with and without a worker that consumes them.

use serde_json::{Value, json};

use crate::node::Node;

const CONSUMER: &str = "export default {
    async queue(batch, env) {
        for (const { body, attempts } of batch.messages) {
            console.log('got', JSON.stringify(body), attempts);
        }
    },
};";

const CONFIGURATION: &str = "name = 'sender'
[[queues.consumers]]
queue = 'mail'
max_batch_timeout = 0
dead_letter_queue = 'dead'
";

#[test]
fn a_queue_is_made_filled_looked_into_and_removed() {
    let node = Node::start();
    let isolane = node.isolane();
    let none = isolane.good(&["queue", "list"]);
    assert!(none.starts_with("there are no queues on http://127.0.0.1:"), "{none}");
    assert_eq!(isolane.good(&["queue", "create", "mail"]), "created the queue mail\n");
    assert_eq!(isolane.good(&["queue", "create", "mail"]), "the queue mail is there\n");
    let changed = isolane.good(&["queue", "create", "mail", "--retention", "3600"]);
    assert_eq!(changed, "changed the queue mail\n");
    assert_eq!(isolane.json(&["queue", "info", "mail"])["retention_s"], 3600);

    let sent = isolane.good(&["queue", "send", "mail", "hello"]);
    assert_eq!(sent, "sent to mail, which has 1 message now\n");
    isolane.good(&["queue", "send", "mail", "--json-body", r#"{"to":"ada"}"#]);
    isolane.good_with(&["queue", "send", "mail"], "from the standard input");
    node.folder.write("order.json", "[1, null]");
    let order = ["queue", "send", "mail", "--path", "order.json", "--content-type", "json"];
    isolane.good(&order);
    isolane.good(&["queue", "send", "mail", "later", "--delay", "600"]);

    let sent = isolane.json(&["queue", "send", "mail", "named"]);
    assert_eq!(sent["metrics"]["backlog_count"], 6);
    let peeked = isolane.json(&["queue", "peek", "mail", "--limit", "100"]);
    let messages = peeked["messages"].as_array().unwrap();
    let bodies: Vec<_> = messages.iter().map(|message| &message["body"]).collect();
    for body in [json!("hello"), json!({ "to": "ada" }), json!([1, null])] {
        assert!(bodies.contains(&&body), "{peeked}");
    }
    let named = messages.iter().find(|message| message["body"] == "named").expect("it is there");
    assert_eq!(sent["id"], named["id"]);
    let one = isolane.json(&["queue", "peek", "mail", "--limit", "1"]);
    assert_eq!(one["messages"], json!([messages[0]]));
    let table = isolane.good(&["queue", "peek", "mail"]);
    assert!(table.starts_with("MESSAGE") && table.contains("from the standard input"), "{table}");
    let info = isolane.good(&["queue", "info", "mail"]);
    for line in ["queue          mail", "kept for       1 hour", "consumer       none"] {
        assert!(info.contains(line), "{info}");
    }
    assert!(info.contains("backlog        6 messages"), "{info}");
    let listed = isolane.good(&["queue", "list"]);
    assert!(listed.starts_with("QUEUE") && listed.contains("mail"), "{listed}");

    for (command, what) in [("purge", "messages are removed"), ("delete", "a queue is deleted")] {
        let refused = isolane.bad(&["queue", command, "mail"], 2);
        assert!(refused.contains(what) && refused.contains("--yes"), "{refused}");
    }
    let purged = isolane.good(&["queue", "purge", "mail", "--yes"]);
    assert_eq!(purged, "removed 6 messages of mail\n");
    assert_eq!(isolane.good(&["queue", "peek", "mail"]), "mail is empty\n");
    assert_eq!(isolane.good(&["queue", "delete", "mail", "--yes"]), "deleted the queue mail\n");
    let missing = isolane.bad(&["queue", "info", "mail"], 1);
    assert!(missing.contains("there is no queue \"mail\""), "{missing}");
}

#[test]
fn what_a_queue_cannot_be_is_refused_with_the_reason() {
    let node = Node::start();
    let isolane = node.isolane();
    let long = "q".repeat(64);
    for name in ["a b", "a.b", &long] {
        let refused = isolane.bad(&["queue", "create", name], 1);
        let rule = "is no name for a queue: write 1 to 63 letters, digits, hyphens and underscores";
        assert!(refused.contains(&format!("{name:?} {rule}")), "{refused}");
    }
    for (option, value, expected) in [
        ("--delay", "86401", "a delivery delay is 0 to 86400 seconds, and not 86401"),
        ("--retention", "59", "a retention is 60 to 1209600 seconds, and not 59"),
        ("--retention", "1209601", "a retention is 60 to 1209600 seconds, and not 1209601"),
    ] {
        let refused = isolane.bad(&["queue", "create", "mail", option, value], 1);
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(isolane.json(&["queue", "list"])["queues"], json!([]));
    isolane.good(&["queue", "create", "mail", "--delay", "86400", "--retention", "60"]);
    let info = isolane.json(&["queue", "info", "mail"]);
    assert_eq!((&info["delivery_delay_s"], &info["retention_s"]), (&json!(86_400), &json!(60)));
    let late = isolane.bad(&["queue", "send", "mail", "a", "--delay", "86401"], 1);
    let expected = "message delay 86401 is invalid: it must be 0 to 86400 seconds";
    assert!(late.contains(expected), "{late}");
    for command in
        [&["info", "gone"][..], &["peek", "gone"], &["pause", "gone"], &["send", "gone", "a"]]
    {
        let missing = isolane.bad(&[&["queue"], command].concat(), 1);
        assert!(missing.contains("there is no queue \"gone\""), "{missing}");
    }
}

#[test]
fn what_is_sent_comes_to_the_worker_unless_the_queue_is_paused() {
    let files = [("sender/index.js", CONSUMER), ("sender/isolane.toml", CONFIGURATION)];
    let mut node = Node::with("", &files);
    let isolane = node.isolane();
    let said = isolane.good(&["deploy", "sender"]);
    assert!(said.contains("consumes  mail dead letters to dead"), "{said}");
    isolane.good(&["queue", "send", "mail", "hello"]);
    node.process.stderr.until("got \\\"hello\\\" 1");
    let isolane = node.isolane();
    let info = isolane.good(&["queue", "info", "mail"]);
    for line in ["consumer       sender", "retries        3, then moved to dead"] {
        assert!(info.contains(line), "{info}");
    }
    let paused = isolane.good(&["queue", "pause", "mail"]);
    assert_eq!(paused, "paused mail: what is sent waits for `resume`\n");
    isolane.good(&["queue", "send", "mail", "--json-body", "7"]);
    assert_eq!(isolane.json(&["queue", "info", "mail"])["is_paused"], true);
    let listed = isolane.good(&["queue", "list"]);
    assert!(listed.contains("sender (paused)"), "{listed}");
    assert_eq!(isolane.good(&["queue", "resume", "mail"]), "resumed mail\n");
    node.process.stderr.until("got 7 1");
    let isolane = node.isolane();
    let refused = isolane.bad(&["queue", "delete", "mail", "--yes"], 1);
    let expected = "worker sender consumes the queue mail: deploy it without that consumer first, or delete \
                    the queue with force=true";
    assert!(refused.contains(expected), "{refused}");
    isolane.good(&["queue", "delete", "mail", "--yes", "--force"]);
}

#[test]
fn what_is_no_message_is_refused_with_the_reason() {
    let node = Node::start();
    let isolane = node.isolane();
    isolane.good(&["queue", "create", "mail"]);
    let long = "x".repeat(200_000);
    let ended = isolane.run_with(&["queue", "send", "mail"], &long);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("128000"), "{ended:?}");
    let wrong = isolane.bad(&["queue", "send", "mail", "--json-body", "{"], 2);
    assert!(wrong.contains("expected JSON"), "{wrong}");
    let both = isolane.bad(&["queue", "send", "mail", "a", "--path", "b"], 2);
    assert!(both.contains("cannot be used with"), "{both}");
    let gone = isolane.bad(&["queue", "send", "mail", "--path", "gone"], 2);
    assert!(gone.contains("cannot read gone"), "{gone}");
    let missing = isolane.bad(&["queue", "send", "typo", "a"], 1);
    assert!(missing.contains("there is no queue \"typo\""), "{missing}");
    let listed: Value = isolane.json(&["queue", "list"]);
    assert_eq!(listed["queues"].as_array().map(Vec::len), Some(1), "{listed}");
}
