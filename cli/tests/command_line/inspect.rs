//! `isolane dev --inspect`: what a debugger does over the Chrome DevTools Protocol, with sources
//! found through the source map as DevTools finds them.

use std::net::TcpStream;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oxc_sourcemap::SourceMap;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client, http::Request};

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::{PATIENCE, Process};

const SOURCE: &str = "interface Point { x: number; y: number }

function add(p: Point): number {
  const sum: number = p.x + p.y;
  return sum;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const y = Number(new URL(request.url).searchParams.get('y'));
    return new Response('total ' + add({ x: 1, y }));
  },
};
";

/// Where `return sum` is in [`SOURCE`], from 0.
const RETURN_LINE: u32 = 4;

/// A debugger that is connected to one worker.
struct Debugger {
    socket: WebSocket<TcpStream>,
    next_id: u32,
    events: Vec<Value>,
}

impl Debugger {
    fn connect(port: u16, worker: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the inspector listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a time-out");
        let url = format!("ws://127.0.0.1:{port}/{worker}");
        let (socket, _) = client(url, stream).expect("the worker can be debugged");
        Self { socket, next_id: 0, events: Vec::new() }
    }

    /// Sends a command and waits for its answer.
    fn command(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let message = json!({ "id": id, "method": method, "params": params });
        self.socket.send(Message::text(message.to_string())).expect("the command is taken");
        loop {
            let said = self.read();
            if said["id"] == id {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
            self.events.push(said);
        }
    }

    /// Waits for an event of that name, which may have come before.
    fn event(&mut self, method: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        loop {
            while let Some(event) = self.events.get(seen) {
                if event["method"] == method && wanted(&event["params"]) {
                    return self.events.remove(seen)["params"].clone();
                }
                seen += 1;
            }
            let said = self.read();
            self.events.push(said);
        }
    }

    fn read(&mut self) -> Value {
        let message = self.socket.read().expect("the debugger is answered in time");
        serde_json::from_str(message.to_text().expect("a text")).expect("JSON")
    }

    /// Waits for the worker's script; its URL and its source map.
    fn script(&mut self) -> (String, SourceMap) {
        let is_worker = |script: &Value| {
            script["url"].as_str().is_some_and(|url| url.starts_with("worker:///"))
        };
        let script = self.event("Debugger.scriptParsed", is_worker);
        let map = script["sourceMapURL"].as_str().expect("a script has a source map");
        let (_, map) = map.split_once("base64,").expect("the map is in its URL");
        let map = BASE64_STANDARD.decode(map).expect("base64");
        let map = String::from_utf8(map).expect("a text");
        let url = script["url"].as_str().expect("a script has a URL").to_owned();
        (url, SourceMap::from_json_string(&map).expect("a source map"))
    }

    /// Sets a breakpoint where the first code of that line of the source is.
    fn break_at(&mut self, (url, map): &(String, SourceMap), line: u32) {
        let token = map.get_tokens().find(|token| token.get_src_line() == line);
        let token = token.expect("there is code on the line");
        let at = json!({
            "url": url,
            "lineNumber": token.get_dst_line(),
            "columnNumber": token.get_dst_col(),
        });
        self.command("Debugger.setBreakpointByUrl", at);
    }

    /// Waits until it is paused; what is in that variable there, and on which line of the source.
    fn paused(&mut self, variable: &str, map: &SourceMap) -> (Value, u32) {
        let paused = self.event("Debugger.paused", |_| true);
        let frame = &paused["callFrames"][0];
        let at = &frame["location"];
        let place = |name: &str| at[name].as_u64().expect("a place has numbers") as u32;
        let lookup = map.generate_lookup_table();
        let token = map.lookup_token(&lookup, place("lineNumber"), place("columnNumber"));
        let line = token.expect("the place is in the source").get_src_line();
        let asked = json!({ "callFrameId": frame["callFrameId"], "expression": variable });
        let value = self.command("Debugger.evaluateOnCallFrame", asked);
        (value["result"]["value"].clone(), line)
    }
}

fn inspected(folder: &Folder) -> (Process, u16, u16) {
    let arguments = ["dev", "--port", "0", "--inspect=127.0.0.1:0", "app"];
    let mut process = Process::start(folder.path(), arguments);
    let port = process.dev_port();
    let line = process.stdout.until("debuggers connect to");
    let address = line.split_whitespace().nth(3).and_then(|it| it.rsplit_once(':'));
    let inspector = address.and_then(|(_, port)| port.parse().ok());
    (process, port, inspector.unwrap_or_else(|| panic!("no address in {line:?}")))
}

#[test]
fn a_breakpoint_in_typescript_pauses_and_outlives_a_reload() {
    let folder = Folder::with(&[("app/src/index.ts", SOURCE)]);
    let (mut process, port, inspector) = inspected(&folder);
    assert_eq!(get(port, "localhost", "/?y=1").body, "total 2");
    let mut debugger = Debugger::connect(inspector, "app");
    debugger.command("Runtime.enable", json!({}));
    debugger.command("Debugger.enable", json!({}));
    let script = debugger.script();
    let root = folder.path().canonicalize().expect("the folder is there");
    let sources: Vec<_> = script.1.get_sources().map(|source| source.to_string()).collect();
    assert_eq!(sources, ["src/index.ts"]);
    assert_eq!(script.1.get_source_root(), Some(&*format!("file://{}/app/", root.display())));
    debugger.break_at(&script, RETURN_LINE);

    let request = thread::spawn(move || get(port, "localhost", "/?y=40").body);
    assert_eq!(debugger.paused("sum", &script.1), (json!(41), RETURN_LINE));
    // The node serves while one worker is at a breakpoint.
    assert_eq!(get(inspector, "localhost", "/json/version").status, 200);
    debugger.command("Debugger.resume", json!({}));
    assert_eq!(request.join().expect("the request is answered"), "total 41");

    folder.write("app/src/index.ts", &SOURCE.replace("'total '", "'sum '"));
    process.stdout.until("reloaded app ");
    debugger.event("Runtime.executionContextsCleared", |_| true);
    let script = debugger.script();
    let request = thread::spawn(move || get(port, "localhost", "/?y=5").body);
    assert_eq!(debugger.paused("sum", &script.1), (json!(6), RETURN_LINE));
    debugger.command("Debugger.resume", json!({}));
    assert_eq!(request.join().expect("the request is answered"), "sum 6");
}

#[test]
fn a_debugger_that_leaves_lets_the_worker_go_on() {
    let folder = Folder::with(&[("app/index.ts", SOURCE)]);
    let (_process, port, inspector) = inspected(&folder);
    let mut debugger = Debugger::connect(inspector, "app");
    debugger.command("Debugger.enable", json!({}));
    let script = debugger.script();
    debugger.break_at(&script, RETURN_LINE);
    let request = thread::spawn(move || get(port, "localhost", "/?y=2").body);
    assert_eq!(debugger.paused("p.y", &script.1).0, json!(2));
    drop(debugger);
    assert_eq!(request.join().expect("the request is answered"), "total 3");
}

#[test]
fn web_pages_and_strange_hosts_do_not_debug() {
    let folder = Folder::with(&[("app/index.ts", SOURCE)]);
    let (_process, _, inspector) = inspected(&folder);
    let list = Connection::open(inspector).get("evil.example.com", "/json/list");
    assert_eq!(list.status, 403);
    let list: Value = serde_json::from_str(&get(inspector, "localhost", "/json/list").body)
        .expect("the list is JSON");
    assert_eq!(list[0]["title"], "app");
    let url = list[0]["webSocketDebuggerUrl"].as_str().expect("a worker has a URL");

    let stream = TcpStream::connect(("127.0.0.1", inspector)).expect("the inspector listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a time-out");
    let request = Request::builder()
        .uri(url)
        .header("host", format!("127.0.0.1:{inspector}"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .header("origin", "https://evil.example.com")
        .body(())
        .expect("a request");
    let refused = client(request, stream).expect_err("a page is refused");
    let tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(response)) = refused
    else {
        panic!("{refused}")
    };
    assert_eq!(response.status(), 403);
}
