//! Which node a command speaks to, with which token, and how it knows that it is that node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::Isolane;
use crate::folder::Folder;
use crate::node::Node;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const WRONG: &str = "another-token-of-some-length";

fn with_token() -> Node {
    let admin = "[admin]\naddress = '127.0.0.1:0'\ntoken_file = 'token'\n";
    Node::with(admin, &[("token", TOKEN), ("wrong", WRONG)])
}

/// With TLS for `localhost`, as somebody's own authority certifies it.
fn with_tls() -> Node {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let admin = "[admin]\naddress = '127.0.0.1:0'\ntoken_file = 'token'\n\
                 cert = 'cert.pem'\nkey = 'key.pem'\n";
    let files = [
        ("token", TOKEN),
        ("cert.pem", &made.cert.pem()),
        ("key.pem", &made.signing_key.serialize_pem()),
    ];
    Node::with(admin, &files)
}

#[test]
fn a_node_on_this_machine_is_found_with_its_token() {
    let node = with_token();
    node.isolane().good(&["deploy", "app"]);
    assert_eq!(node.body("app.test"), "one");
    let me = node.isolane().json(&["whoami"]);
    assert_eq!(me["node"], format!("http://{}", node.admin));
    assert_eq!((&me["is"]["product"], &me["is"]["workers"]), (&json!("isolane"), &json!(1)));
    assert_eq!(me["token"], true);
    let said = node.isolane().good(&["whoami"]);
    assert!(said.starts_with("ada@") && said.contains("1 worker), with its token"), "{said}");
}

#[test]
fn a_node_that_is_named_is_shown_a_token_or_refuses() {
    let node = with_token();
    let elsewhere = Folder::with(&[("token", TOKEN), ("wrong", WRONG)]);
    let isolane = || Isolane::within(&elsewhere);
    let url = format!("http://{}", node.admin);
    let list = ["list", "--node", &url];
    let refused = isolane().bad(&list, 1);
    assert!(refused.contains(&url) && refused.contains("isolane login"), "{refused}");
    let refused = isolane().bad(&[&list[..], &["--token-file", "wrong"]].concat(), 1);
    assert!(refused.contains("the token is not that of this node"), "{refused}");
    let ended = isolane().run(&[&list[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &told["error"]["code"]), (Some(1), &json!("unauthorized")));
    isolane().good(&[&list[..], &["--token-file", "token"]].concat());
    isolane().with("ISOLANE_TOKEN", TOKEN).good(&list);
    isolane().with("ISOLANE_TOKEN", TOKEN).with("ISOLANE_NODE", &url).good(&["list"]);
    let refused = isolane().with("ISOLANE_TOKEN", "short").bad(&list, 2);
    assert!(refused.contains("ISOLANE_TOKEN"), "{refused}");
}

#[test]
fn a_command_without_a_node_says_how_to_have_one() {
    let folder = Folder::with(&[]);
    let isolane = || Isolane::within(&folder);
    let said = isolane().bad(&["list"], 1);
    for expected in ["none runs on the data in .isolane", "isolane serve", "isolane login URL"] {
        assert!(said.contains(expected), "{said}");
    }
    let said = isolane().bad(&["list", "--node", "http://127.0.0.1:1"], 1);
    assert!(said.contains("no node answers at 127.0.0.1:1"), "{said}");
    let said = isolane().bad(&["list", "--node", "127.0.0.1:1"], 2);
    assert!(said.contains("expected a node as http://ADDRESS:PORT"), "{said}");
}

#[test]
fn a_login_is_kept_for_its_owner_alone() {
    let node = with_token();
    let folder = Folder::with(&[]);
    let isolane = || Isolane::within(&folder);
    let url = format!("http://{}", node.admin);
    let kept = folder.path().join("home/isolane/nodes.json");
    let wrong = isolane().run_with(&["login", &url], WRONG);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("the token is not that of this node"), "{wrong:?}");
    let short = isolane().run_with(&["login", &url], "short");
    assert_eq!(short.code, Some(2), "{short:?}");
    assert!(!kept.exists());
    let said = isolane().good_with(&["login", &format!("{url}/")], &format!("{TOKEN}\n"));
    assert!(said.starts_with(&format!("logged in to {url} (isolane ")), "{said}");
    assert!(!said.contains(TOKEN));
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(isolane().json(&["list"])["node"], url);
    assert_eq!(isolane().json(&["whoami"])["token"], true);
    // Whoever names a folder means the node there.
    let data = node.folder.path().join("data");
    let local = isolane().json(&["list", "--data", data.to_str().unwrap()]);
    assert_eq!(local["node"], url);
    assert_eq!(isolane().good(&["logout"]), format!("logged out of {url}\n"));
    isolane().bad(&["list"], 1);
    assert!(isolane().bad(&["logout"], 1).contains("not logged in"));
    assert!(!fs::read_to_string(&kept).unwrap().contains(TOKEN));
}

#[test]
fn a_node_without_a_token_asks_for_none() {
    let node = Node::start();
    let folder = Folder::with(&[]);
    let isolane = || Isolane::within(&folder);
    isolane().good(&["login", &format!("http://{}", node.admin)]);
    assert_eq!(isolane().json(&["whoami"])["token"], false);
}

#[test]
fn a_node_is_known_by_its_certificate() {
    let node = with_tls();
    let folder = Folder::with(&[("token", TOKEN)]);
    let isolane = || Isolane::within(&folder);
    let port = node.admin.rsplit_once(':').unwrap().1;
    let url = format!("https://localhost:{port}");
    let untrusted = isolane().bad(&["login", &url, "--token-file", "token"], 1);
    assert!(untrusted.contains(&format!("cannot trust {url}")), "{untrusted}");
    let ca_file = node.folder.path().join("cert.pem");
    let ca_file = ca_file.to_str().unwrap();
    isolane().good(&["login", &url, "--token-file", "token", "--ca-file", ca_file]);
    // The login has all that later commands need.
    let app = node.folder.path().join("app");
    let deployed = isolane().json(&["deploy", app.to_str().unwrap()]);
    assert_eq!(deployed["node"], url);
    assert_eq!(node.body("app.test"), "one");
    // Another name than that of the certificate is another node.
    let address = format!("https://127.0.0.1:{port}");
    let by_address = ["list", "--node", &address, "--ca-file", ca_file, "--token-file", "token"];
    assert!(isolane().bad(&by_address, 1).contains("cannot trust"));
    let plain = isolane().bad(&["list", "--node", &format!("http://127.0.0.1:{port}")], 1);
    assert!(plain.contains("does not answer"), "{plain}");
}

#[test]
fn a_node_on_this_machine_is_known_by_the_certificate_in_its_files() {
    let node = with_tls();
    node.isolane().good(&["deploy", "app"]);
    assert_eq!(node.body("app.test"), "one");
    let listed = node.isolane().json(&["list"]);
    assert_eq!(listed["node"], format!("https://{}", node.admin));
    node.isolane().good(&["kv", "namespace", "list", "--node-config", "node.toml"]);
    // A certificate that the node does not have is not trusted.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    node.folder.write("other.pem", &other.cert.pem());
    let announced = node.folder.path().join("data/admin.json");
    replace(&announced, "cert.pem", "other.pem");
    assert!(node.isolane().bad(&["list"], 1).contains("cannot trust"));
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_certificate_that_cannot_be_used_stops_a_node_from_starting() {
    let folder = Folder::with(&[("token", TOKEN)]);
    let admin = "[admin]\ntoken_file = 'token'\ncert = 'none.pem'\nkey = 'none.key'\n";
    folder.write("node.toml", &format!("listen = [{{ address = '127.0.0.1:0' }}]\n{admin}"));
    let ended = Isolane::within(&folder).run(&["serve"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("the admin API: cannot read"), "{ended:?}");
}
