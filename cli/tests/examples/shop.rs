//! `examples/shop`: which worker answers what, and what they are to each other.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::app::App;
use crate::command::Isolane;
use crate::examples;
use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;

const PROJECTS: [&str; 3] = ["shop/front", "shop/catalog", "shop/cart"];

/// A node for the machine itself.
const NODE: &str = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n";

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("shop::the_workers_answer_for_each_other", answers),
        Trial::test("shop::the_workers_are_shown_with_what_they_are_connected_to", connected),
        Trial::test("shop::a_node_takes_the_workers_after_those_that_they_call", deployed),
    ]
}

fn answers() -> Result<(), Failed> {
    let app = App::start(&PROJECTS);
    for host in ["localhost", "front.localhost", "shop.example.com"] {
        assert_eq!(app.get(host, "/").body, "bread 250\ntea 450\n", "{host}");
    }
    let body = |host: &str, path: &str| app.get(host, path).body;
    let list = r#"[{"name":"bread","cents":250},{"name":"tea","cents":450}]"#;
    assert_eq!(body("catalog.localhost", "/"), list);
    // Of two carts, each has its own, at the price of the cart.
    for whose in ["ada", "grace"] {
        let answer = app.post("localhost", &format!("/cart/{whose}/tea"), "");
        assert_eq!(answer.body, r#"{"items":["tea"],"cents":405}"#, "{whose}");
        assert_eq!(body("localhost", &format!("/cart/{whose}")), answer.body, "{whose}");
    }
    assert_eq!(body("localhost", "/cart/nobody"), r#"{"items":[],"cents":0}"#);
    let missing = app.post("localhost", "/cart/ada/cake", "");
    assert_eq!((missing.status, &*missing.body), (404, "There is no cake\n"));
    assert_eq!(body("localhost", "/cart/ada"), r#"{"items":["tea"],"cents":405}"#);
    for path in ["/cart/", "/cart", "/elsewhere"] {
        assert_eq!(app.get("localhost", path).status, 404, "{path}");
    }
    // It has methods alone.
    assert_eq!(app.get("cart.localhost", "/ada").status, 500);
    Ok(())
}

fn connected() -> Result<(), Failed> {
    let mut app = App::start(&PROJECTS);
    let of_front = app.process.stdout.until("services");
    for expected in ["CATALOG (catalog) [connected]", "CART (cart) [connected]"] {
        assert!(of_front.contains(expected), "{of_front}");
    }
    let of_cart = app.process.stdout.until("services");
    assert!(of_cart.contains("PRICES (catalog#Prices) [connected]"), "{of_cart}");
    Ok(())
}

fn deployed() -> Result<(), Failed> {
    let folder = Folder::with(&[("node.toml", NODE)]);
    let mut node = Process::start(folder.path(), ["serve"]);
    let line: Value = serde_json::from_str(&node.stderr.until("\"listening\""))?;
    let port = line["address"].as_str().and_then(|address| address.rsplit_once(':'));
    let port: u16 = port.and_then(|(_, port)| port.parse().ok()).ok_or("it has no port")?;
    let isolane = Isolane::within(&folder);
    let path = |project: &str| examples().join(project).to_string_lossy().into_owned();
    let refused = isolane.bad(&["deploy", &path("shop/front")], 1);
    assert!(refused.contains("CATALOG calls the worker catalog, which is not on "), "{refused}");
    for project in ["shop/catalog", "shop/cart", "shop/front"] {
        isolane.good(&["deploy", &path(project)]);
    }
    let host = "shop.example.com";
    assert_eq!(get(port, host, "/").body, "bread 250\ntea 450\n");
    let added = Connection::open(port).request("POST", host, "/cart/ada/tea", "", b"");
    assert_eq!(added.body, r#"{"items":["tea"],"cents":405}"#);
    Ok(())
}
