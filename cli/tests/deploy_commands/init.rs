//! Projects to begin with: each runs as it is written.

use std::fs;

use bundle::Project;

use crate::command::Isolane;
use crate::folder::Folder;
use crate::http::get;
use crate::node::Node;

/// What of hono the template uses, so that it can be served without npm.
const HONO: &str = "export class Hono {
    routes = [];
    get(path, handler) { this.routes.push([path, handler]); }
    notFound(handler) { this.missing = handler; }
    fetch = (request) => {
      const { pathname } = new URL(request.url);
      const c = {
        req: { path: pathname, param: () => pathname.split('/').at(-1) },
        text: (text) => new Response(text),
        json: (value, status) => Response.json(value, { status }),
      };
      for (const [path, handler] of this.routes) {
        if (new RegExp(`^${path.replace(/:[a-z]+/, '[^/]+')}$`).test(pathname)) return handler(c);
      }
      return this.missing(c);
    };
}";

#[test]
fn each_template_is_a_worker_that_can_be_deployed() {
    let node = Node::start();
    let isolane = || node.isolane();
    for template in ["hello", "typescript", "hono", "kv"] {
        let folder = format!("my {template}");
        let said = isolane().good(&["init", &folder, "--template", template]);
        assert!(said.contains(&format!("created the worker my-{template}")), "{said}");
        assert!(said.contains("isolane deploy"), "{said}");
        if template == "hono" {
            assert!(said.contains("npm install"), "{said}");
            let package = "{ \"name\": \"hono\", \"type\": \"module\", \"main\": \"index.js\" }";
            node.folder.write("my hono/node_modules/hono/package.json", package);
            node.folder.write("my hono/node_modules/hono/index.js", HONO);
        }
        let project = Project::open(&node.folder.path().join(&folder)).unwrap();
        assert!(
            project.settings().compatibility().has(bundle::CompatibilityFlag::NodejsCompat),
            "{template}"
        );
        let ended = isolane().run(&["deploy", &folder]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stderr, "", "{template} has no warnings");
    }
    let body = |host: &str, path: &str| get(node.port, host, path).body;
    assert_eq!(body("my-hello.localhost", "/x"), "Hello from my-hello! You asked for /x.\n");
    assert_eq!(body("my-typescript.localhost", "/?name=Ada"), r#"{"message":"Hello, Ada!"}"#);
    assert_eq!(body("my-typescript.localhost", "/x"), r#"{"error":"there is no /x"}"#);
    assert_eq!(body("my-hono.localhost", "/"), "Hello from my-hono!\n");
    assert_eq!(body("my-hono.localhost", "/hello/ada"), r#"{"message":"Hello, ada!"}"#);
    assert_eq!(body("my-kv.localhost", "/a"), r#"{"path":"/a","visits":1}"#);
    assert_eq!(body("my-kv.localhost", "/a"), r#"{"path":"/a","visits":2}"#);
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let folder = Folder::with(&[("here/index.js", "mine"), ("here/notes", "mine")]);
    let isolane = Isolane::within(&folder).below("here");
    let refused = isolane.bad(&["init"], 2);
    assert!(refused.contains("./index.js is there already"), "{refused}");
    assert_eq!(fs::read_dir(folder.path().join("here")).unwrap().count(), 2);
    isolane.good(&["init", "--template", "kv", "--name", "counter"]);
    assert_eq!(fs::read_to_string(folder.path().join("here/index.js")).unwrap(), "mine");
    let configuration = fs::read_to_string(folder.path().join("here/isolane.toml")).unwrap();
    assert!(configuration.contains("name = \"counter\""), "{configuration}");
    assert!(configuration.contains("id = \"counter-visits\""), "{configuration}");
    let refused = isolane.bad(&["init", "new", "--name", "No Name"], 2);
    assert!(refused.contains("expected a name of up to 63"), "{refused}");
    assert!(!folder.path().join("here/new").exists());
}

#[test]
fn what_was_written_is_told_as_json() {
    let folder = Folder::with(&[]);
    let told = Isolane::within(&folder).json(&["init", "a"]);
    let expected = serde_json::json!({
        "name": "a", "folder": "a", "files": ["isolane.toml", "index.js"],
    });
    assert_eq!(told, expected);
}
