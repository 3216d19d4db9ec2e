//! `isolane cron`: which crons there are, and a run of one by hand.

use serde_json::{Value, json};

use crate::http::get;
use crate::node::Node;

const WORKER: &str = "export default {
    fetch() { return new Response('page') },
    async scheduled(controller) {
        console.log('ran', controller.cron, controller.scheduledTime);
        if (controller.cron === 'fails') throw new TypeError('no reason');
        if (controller.cron === 'never again') controller.noRetry();
    },
};";

const CONFIGURATION: &str = "name = 'shop'
routes = ['shop.test']
triggers = { crons = ['0 9 * * MON-FRI', '0 0 30 2 *'] }
";

fn node() -> Node {
    let files = [("shop/index.js", WORKER), ("shop/isolane.toml", CONFIGURATION)];
    let node = Node::with("", &files);
    let said = node.isolane().good(&["deploy", "shop"]);
    for expected in ["cron      0 9 * * MON-FRI next: 2", "cron      0 0 30 2 * next: never due"] {
        assert!(said.contains(expected), "{said}");
    }
    node
}

#[test]
fn crons_are_listed_with_when_they_are_due() {
    let node = node();
    let isolane = node.isolane();
    let listed = isolane.json(&["cron", "list"]);
    let crons = listed["crons"].as_array().unwrap();
    let known: Vec<_> = crons.iter().map(|cron| (&cron["worker"], &cron["cron"])).collect();
    let of_shop = |cron: &str| (json!("shop"), json!(cron));
    for (worker, cron) in [of_shop("0 9 * * MON-FRI"), of_shop("0 0 30 2 *")] {
        assert!(known.contains(&(&worker, &cron)), "{listed}");
    }
    assert_eq!(isolane.json(&["cron", "list", "--worker", "shop"]), listed);
    let table = isolane.good(&["cron", "list"]);
    assert!(table.starts_with("WORKER  CRON"), "{table}");
    assert!(table.contains(" UTC, in ") && table.contains("not by itself"), "{table}");
    let missing = isolane.bad(&["cron", "list", "--worker", "typo"], 1);
    assert!(missing.contains("typo"), "{missing}");
    let workers = isolane.good(&["list"]);
    assert!(workers.contains("CRONS AND QUEUES"), "{workers}");
    assert!(workers.contains("cron 0 9 * * MON-FRI, cron 0 0 30 2 *"), "{workers}");
    let versions = isolane.good(&["versions", "shop"]);
    assert!(versions.contains("cron 0 9 * * MON-FRI"), "{versions}");
}

#[test]
fn a_node_without_crons_says_so() {
    let node = Node::start();
    let said = node.isolane().good(&["cron", "list"]);
    assert!(said.starts_with("no worker of http://127.0.0.1:"), "{said}");
    node.isolane().good(&["deploy", "app"]);
    let said = node.isolane().good(&["cron", "list", "--worker", "app"]);
    assert!(said.starts_with("app has no crons on "), "{said}");
    let listed = node.isolane().good(&["list"]);
    assert!(!listed.contains("CRONS AND QUEUES"), "{listed}");
}

#[test]
fn a_run_by_hand_says_what_became_of_it() {
    let mut node = node();
    let isolane = node.isolane();
    let said = isolane.good(&["cron", "run", "shop"]);
    assert!(said.starts_with("ok: shop ran for "), "{said}");
    let time = ["--time", "2023-11-14 22:13:20"];
    let ran = isolane.json(&[&["cron", "run", "shop", "never again"][..], &time].concat());
    assert_eq!((&ran["outcome"], &ran["no_retry"]), (&json!("ok"), &json!(true)));
    let failed = isolane.bad(&["cron", "run", "shop", "fails"], 1);
    assert!(failed.starts_with("error: shop: exception: TypeError: no reason\n"), "{failed}");
    assert!(failed.contains("index.js:5:"), "{failed}");
    let failed = isolane.run(&["cron", "run", "shop", "fails", "--json"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let told: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(told["outcome"], "exception");
    assert_eq!(told["exception"]["message"], "TypeError: no reason");
    let missing = isolane.bad(&["cron", "run", "typo"], 1);
    assert!(missing.contains("typo"), "{missing}");
    let wrong = isolane.bad(&["cron", "run", "shop", "--time", "soon"], 2);
    assert!(wrong.contains("2026-12-24 09:00"), "{wrong}");
    // One of those that it has.
    node.process.stderr.until("ran 0 ");
    node.process.stderr.until("ran never again 1700000000000");
}

#[test]
fn a_node_of_tenants_has_no_url_that_runs_crons() {
    let node = node();
    for path in ["/cdn-cgi/local/scheduled", "/cdn-cgi/handler/scheduled", "/__scheduled"] {
        assert_eq!(get(node.port, "shop.test", path).body, "page", "{path}");
    }
}
