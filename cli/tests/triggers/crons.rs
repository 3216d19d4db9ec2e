//! Crons that are run by hand: of workers that have nothing else, and what becomes of a run; and which crons
//! there are as versions come and go. Those that are due are tested elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::node::{Node, seen};

const CLOCK: &str = "export default { async scheduled(controller, env) {
    await env.SEEN.send([controller.cron, controller.scheduledTime]);
} }";

/// Ends as its cron says.
const FATES: &str = "export default { async scheduled(controller, env, ctx) {
    switch (controller.cron) {
        case '1 1 1 1 *': throw new RangeError('no');
        case '2 2 2 2 *': controller.noRetry(); throw new Error('never again');
        case '3 3 3 3 *':
            return ctx.waitUntil(scheduler.wait(5).then(() => { throw new Error('late') }));
        default: ctx.waitUntil(scheduler.wait(20).then(() => env.SEEN.send('waited')));
    }
} }";

/// The settings of a worker with these crons.
fn with_crons(crons: &[&str]) -> Value {
    json!({ "triggers": { "crons": crons }, "queues": { "producers": [seen()] } })
}

/// All crons there are, each after its worker.
fn crons(node: &Node) -> Vec<String> {
    let told = node.good("GET", "/v1/crons", &Value::Null);
    let crons = told["crons"].as_array().expect("it lists crons").iter();
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let mut crons: Vec<_> =
        crons.map(|it| format!("{} {}", text(&it["worker"]), text(&it["cron"]))).collect();
    crons.sort_unstable();
    crons
}

#[test]
fn a_worker_of_crons_alone_is_deployed_and_run() {
    let node = Node::open();
    let deployed = node.deploy("clock", &with_crons(&["*/5 * * * *", "0 0 * * MON"]), CLOCK);
    assert_eq!(deployed["version"]["handlers"], json!(["scheduled"]));
    assert_eq!(deployed["version"]["crons"], json!(["*/5 * * * *", "0 0 * * MON"]));
    assert_eq!(deployed["urls"], json!([]), "no request comes to it");
    assert_eq!(node.get("clock", "/").status, 404);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let listed = node.good("GET", "/v1/workers/clock/crons", &Value::Null);
    let listed = listed["crons"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    for cron in listed {
        let next_ms = cron["next_run_ms"].as_u64().unwrap();
        assert_eq!((&cron["worker"], next_ms % 60_000), (&json!("clock"), 0), "{cron}");
        // It may have been a moment ago.
        assert!(u128::from(next_ms) + 60_000 > now.as_millis(), "{cron}");
    }
    let (cron, time_ms) = ("0 0 * * MON", 1_700_000_000_000_u64);
    let ran = node.run("clock", &json!({ "cron": cron, "scheduled_time_ms": time_ms }));
    assert_eq!((&ran["outcome"], &ran["no_retry"]), (&json!("ok"), &json!(false)), "{ran}");
    assert!(ran["wall_ms"].is_number() && ran["cpu_ms"].is_number(), "{ran}");
    assert_eq!(node.seen(1), [json!([cron, time_ms])]);
    let nobody = node.told("POST", "/v1/workers/nobody/crons", &json!({ "cron": cron }));
    assert_eq!(nobody.0, 404, "{}", nobody.1);
}

#[test]
fn whoever_runs_a_cron_is_told_what_it_has_come_to() {
    let mut node = Node::start();
    let all = ["1 1 1 1 *", "2 2 2 2 *", "3 3 3 3 *", "4 4 4 4 *"];
    node.deploy("fates", &with_crons(&all), FATES);
    for (cron, exception, no_retry) in [
        (all[0], "RangeError: no", false),
        (all[1], "Error: never again", true),
        (all[2], "Error: late", false),
    ] {
        let ran = node.run("fates", &json!({ "cron": cron }));
        assert_eq!((&ran["outcome"], &ran["no_retry"]), (&json!("exception"), &json!(no_retry)));
        assert!(ran["exception"].to_string().contains(exception), "{ran}");
        let ended = node.ended("fates", "scheduled");
        assert_eq!((&ended["cron"], &ended["exception"]), (&json!(cron), &json!(exception)));
    }
    let ran = node.run("fates", &json!({ "cron": all[3] }));
    assert_eq!(ran["outcome"], "ok", "{ran}");
    assert!(ran["exception"].is_null(), "{ran}");
    assert!(ran["wall_ms"].as_f64().is_some_and(|ms| ms >= 19.0), "{ran}");
    // Whatever a run waits for is part of it.
    assert_eq!(node.seen_so_far(), ["waited"]);
    let ended = node.ended("fates", "scheduled");
    assert_eq!((&ended["outcome"], &ended["cron"]), (&json!("ok"), &json!(all[3])));
}

#[test]
fn a_worker_without_the_handler_fails_in_the_words_of_workers() {
    let mut node = Node::start();
    let source = "export default { fetch() { return new Response('good') } }";
    node.deploy("mute", &with_crons(&["1 1 1 1 *"]), source);
    let ran = node.run("mute", &json!({ "cron": "1 1 1 1 *" }));
    assert_eq!((&ran["outcome"], &ran["no_retry"]), (&json!("exception"), &json!(true)), "{ran}");
    let words = "Error: Handler does not export a scheduled() function";
    assert!(ran["exception"].to_string().contains(words), "{ran}");
    node.process.stderr.until("Did you remember to export a scheduled() function?");
    assert_eq!(node.get("mute", "/").body, "good");
}

#[test]
fn crons_are_those_of_the_last_version_that_has_said_so() {
    let mut node = Node::start();
    let yearly = ["1 1 1 1 *", "2 2 2 2 *"];
    node.deploy("clock", &with_crons(&yearly), CLOCK);
    node.deploy("other", &with_crons(&["3 3 3 3 *"]), CLOCK);
    let all = ["clock 1 1 1 1 *", "clock 2 2 2 2 *", "other 3 3 3 3 *"];
    assert_eq!(crons(&node), all);
    node.restart();
    assert_eq!(crons(&node), all);
    // A version that says nothing of crons leaves them as they are.
    let silent = json!({ "queues": { "producers": [seen()] } });
    node.deploy("clock", &silent, &format!("{CLOCK} // 2"));
    assert_eq!(crons(&node), all);
    assert_eq!(node.run("clock", &json!({ "cron": yearly[1] }))["outcome"], "ok");
    node.deploy("clock", &with_crons(&[]), CLOCK);
    assert_eq!(crons(&node), all[2..]);
    node.take_over();
    assert_eq!(crons(&node), all[2..]);
    node.isolane().good(&["delete", "other", "--yes"]);
    assert_eq!(crons(&node), Vec::<String>::new());
}

#[test]
fn a_cron_that_is_none_is_refused_before_anything_is_sent() {
    let node = Node::start();
    for wrong in ["0 0 * * 0", "* * * *", "@daily"] {
        node.write("clock", &with_crons(&[wrong]), CLOCK);
        let refused = node.isolane().bad(&["deploy", "clock"], 2);
        assert!(refused.contains(&format!("found \"{wrong}\"")), "{refused}");
        assert!(refused.contains("wrangler.json:1:"), "{refused}");
    }
    assert_eq!(crons(&node), Vec::<String>::new());
}
