//! `isolane serve`: a node made of its `node.toml`.

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;

/// Starts a node that listens on free ports of its own, with a log that a program can read.
/// `node.toml` is `configuration` below that. Returns the port of the first listener.
pub(crate) fn serve(folder: &Folder, configuration: &str) -> (Process, u16) {
    configure(folder, configuration);
    let mut process = Process::start(folder.path(), ["serve"]);
    let port = listening(&mut process);
    (process, port)
}

/// Writes a `node.toml` of a node that listens somewhere and logs lines of JSON.
pub(crate) fn configure(folder: &Folder, configuration: &str) {
    const LISTEN: &str = "log = \"json\"\nlisten = [{ address = \"127.0.0.1:0\" }]\n";
    folder.write("node.toml", &format!("{LISTEN}{configuration}"));
}

/// The port at which a node listens that logs lines of JSON.
pub(crate) fn listening(process: &mut Process) -> u16 {
    port_of(&process.stderr.until("\"listening\""))
}

/// A figure of the metrics of a node that listens, by its name and labels; 0 where there is none.
pub(crate) fn metric(process: &Process, name: &str) -> u64 {
    let log = process.stderr.seen();
    let admin = log.lines().find(|line| line.contains("\"admin API\"")).expect("it has said where");
    let metrics = get(port_of(admin), "localhost", "/metrics").body;
    let figure = |line: &str| {
        let value = line.strip_prefix("isolane_")?.strip_prefix(name)?.strip_prefix(' ')?;
        value.parse().ok()
    };
    metrics.lines().find_map(figure).unwrap_or(0)
}

/// The port that a line of a log says that it is listened on.
pub(crate) fn port_of(line: &str) -> u16 {
    let event: serde_json::Value = serde_json::from_str(line).expect("a line of the log is JSON");
    let address = event["address"].as_str().and_then(|address| address.rsplit_once(':'));
    let port = address.and_then(|(_, port)| port.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {line}"))
}

const SHOWS: &str = "export default { fetch(request, env) {
    const { host, pathname } = new URL(request.url);
    return Response.json([env.NAME, host, pathname]) } }";

#[test]
fn requests_find_their_worker_by_host_and_path() {
    let folder = Folder::with(&[
        ("shop/index.js", SHOWS),
        ("shop/isolane.toml", "vars = { NAME = 'shop' }\nroutes = ['shop.example.com']"),
        ("blog.js", SHOWS),
        ("rest.js", SHOWS),
    ]);
    let configuration = r#"
        [[workers]]
        path = "shop"
        [[workers]]
        path = "blog.js"
        routes = ["shop.example.com/blog/*", "blog.example.com"]
        vars = { NAME = "blog" }
        [[workers]]
        path = "rest.js"
        routes = ["*.example.com"]
        vars = { NAME = "rest" }
    "#;
    let (_process, port) = serve(&folder, configuration);
    let mut connection = Connection::open(port);
    let cases = [
        ("shop.example.com", "/", "shop"),
        ("SHOP.example.com.", "/a", "shop"),
        ("shop.example.com", "/blog/1", "blog"),
        ("shop.example.com", "/x/../blog/1", "blog"),
        ("shop.example.com", "/blogs", "shop"),
        ("blog.example.com", "/", "blog"),
        ("a.b.example.com", "/", "rest"),
    ];
    for (host, path, worker) in cases {
        let response = connection.get(host, path);
        assert_eq!(response.status, 200, "{host}{path}");
        let shown: Vec<String> = serde_json::from_str(&response.body).expect("an array");
        assert_eq!(shown[0], worker, "{host}{path}");
    }
}

#[test]
fn a_node_runs_no_command_of_a_project() {
    let folder = Folder::with(&[
        ("shop/index.js", SHOWS),
        ("shop/wrangler.toml", "vars = { NAME = 'shop' }\nbuild.command = 'echo > made'"),
    ]);
    configure(&folder, "workers = [{ path = 'shop', routes = ['*'] }]");
    let mut process = Process::start(folder.path(), ["serve"]);
    let warning = process.stderr.until("a node does not run the build command");
    assert!(warning.contains("shop/wrangler.toml:2:17: "), "{warning}");
    let port = listening(&mut process);
    assert!(get(port, "a.test", "/").body.starts_with("[\"shop\""));
    assert!(!folder.path().join("shop/made").exists());
}

#[test]
fn a_tsconfig_at_fault_is_mended_below_the_nodes_data() {
    let folder = Folder::with(&[
        (
            "app/index.ts",
            "import { text } from '@/text';\nexport default { fetch: () => new Response(text) }",
        ),
        ("app/lib/text.ts", "export const text: string = 'mended'"),
        (
            "app/tsconfig.json",
            "{ \"extends\": \"./gone.json\", \"compilerOptions\": { \"paths\": { \"@/*\": [\"./lib/*\"] } } }",
        ),
    ]);
    configure(&folder, "workers = [{ path = 'app', routes = ['*'] }]");
    // The node may write nowhere else. Not every kernel sees to that, so there is no other place:
    // `env`, which starts the program, takes a variable before it.
    let serve = [env!("CARGO_BIN_EXE_isolane"), "serve"];
    let mut process = Process::start_program("TMPDIR=/nowhere", folder.path(), serve);
    let warning = process.stderr.until("app/tsconfig.json:1:14: ");
    assert!(warning.contains("is not there: what it says has no effect"), "{warning}");
    let port = listening(&mut process);
    assert_eq!(get(port, "a.test", "/").body, "mended");
    assert!(!folder.path().join("data/.isolane-scratch").exists());
}

#[test]
fn a_host_that_nobody_serves_is_named_in_the_answer() {
    let folder = Folder::with(&[("a.js", SHOWS)]);
    let (_process, port) = serve(&folder, "workers = [{ path = 'a.js', routes = ['a.test'] }]");
    let cases = [
        ("b.test", 404, "1001", "b.test"),
        ("b.localhost", 404, "1001", "b.localhost"),
        ("localhost", 404, "1001", "localhost"),
        ("sub.a.test", 404, "1001", "sub.a.test"),
        ("a b.test", 400, "1400", "not valid"),
        ("", 400, "1400", ""),
    ];
    for (host, status, code, named) in cases {
        let response = get(port, host, "/");
        assert_eq!(response.status, status, "{host:?}");
        assert_eq!(response.header("isolane-error"), code, "{host:?}");
        assert!(response.body.contains(named), "{}", response.body);
    }
    let twice = Connection::open(port).get_with("a.test", "/", "host: a.test\r\n");
    assert_eq!((twice.status, twice.header("isolane-error")), (400, "1400"));
}

#[test]
fn a_node_listens_wherever_it_is_told() {
    let folder = Folder::with(&[("a.js", SHOWS)]);
    let configuration = "log = 'json'
        listen = [{ address = '127.0.0.1:0' }, { address = '127.0.0.1:0' }]
        workers = [{ path = 'a.js', routes = ['*'], vars = { NAME = 'a' } }]";
    folder.write("etc/node.toml", &configuration.replace("a.js", "../a.js"));
    let mut process = Process::start(folder.path(), ["serve", "--config", "etc/node.toml"]);
    let ports = [listening(&mut process), listening(&mut process)];
    assert_ne!(ports[0], ports[1]);
    for port in ports {
        assert_eq!(get(port, "x", "/").status, 200);
    }
}

#[test]
fn an_exception_shows_nothing_to_the_client_and_its_place_in_the_log() {
    let main = "const secret: string = 'hunter2';\nexport default { fetch() {\n  throw new Error(secret) } }";
    let folder = Folder::with(&[("a.ts", main)]);
    let (mut process, port) = serve(&folder, "workers = [{ path = 'a.ts', routes = ['*'] }]");
    let response = get(port, "a.test", "/");
    assert_eq!(response.status, 500);
    assert_eq!(response.body, "Error 1101: The worker threw an exception.\n");
    let line = process.stderr.until("Error: hunter2");
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line of the log is JSON");
    assert_eq!(event["target"], "isolane::event");
    assert_eq!(event["worker"], "a");
    assert_eq!(event["outcome"], "exception");
    let stack = event["stack"].as_str().expect("there is a stack");
    assert!(stack.contains("(a.ts:3:9)"), "{stack}");
}

#[test]
fn handlers_that_nothing_calls_are_named_once_in_the_log() {
    let main = "export default {
        fetch({ url }) {
            if (url.endsWith('/throw')) throw new Error('thrown');
            return new Response('done');
        },
        email() {}, tailStream() {} }";
    let folder = Folder::with(&[("shop.js", main)]);
    let (mut process, port) = serve(&folder, "workers = [{ path = 'shop.js', routes = ['*'] }]");
    assert_eq!(get(port, "a.test", "/").body, "done");
    let line = process.stderr.until("does not call yet");
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line of the log is JSON");
    assert_eq!((&event["level"], &event["worker"]), (&"WARN".into(), &"shop".into()));
    assert!(line.contains("shop has the handlers email and tailStream, which"), "{line}");
    assert_eq!(get(port, "a.test", "/throw").status, 500);
    process.stderr.until("Error: thrown");
    assert_eq!(process.stderr.seen().matches("does not call yet").count(), 1);
}

#[test]
fn an_event_that_used_much_of_its_cpu_time_is_in_the_log() {
    let work = "export default { async fetch({ url }) {
        for (let n = Number(new URL(url).pathname.slice(1)); n > 0; n--) {
            for (let i = 0; i < 1e6; i++) Math.sqrt(i);
            await scheduler.wait(0);
        }
        return new Response('done') } }";
    let folder = Folder::with(&[("a.js", work)]);
    let (mut process, port) = serve(
        &folder,
        "limits = { cpu_ms = 500 }
        workers = [{ path = 'a.js', routes = ['*'] }]",
    );
    let mut laps = 0;
    let line = loop {
        assert_eq!(get(port, "a.test", &format!("/{laps}")).status, 200);
        process.stderr.until(&format!("\"/{laps}\""));
        let seen = process.stderr.seen();
        if let Some(line) = seen.lines().find(|line| line.contains("isolane::event")) {
            break line.to_owned();
        }
        // More, until it is much on this machine, and before it is too much.
        laps += 10 + laps / 2;
    };
    assert!(laps > 0, "an idle event is in the log: {line}");
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line of the log is JSON");
    assert_eq!((&event["outcome"], &event["level"]), (&"ok".into(), &"INFO".into()));
    assert_eq!(event["cpu_limit_ms"], 500.0);
    assert!(event["cpu_ms"].as_f64().is_some_and(|ms| ms > 50.0), "{line}");
}

#[test]
fn a_worker_that_goes_over_its_limits_hurts_nobody_else() {
    let hog = "export default { fetch() { while (true); } }";
    let folder = Folder::with(&[("hog.js", hog), ("good.js", SHOWS)]);
    let configuration = r#"
        limits = { cpu_ms_max = 20 }
        workers = [
            { path = "hog.js", routes = ["hog.test"] },
            { path = "good.js", routes = ["good.test"], vars = { NAME = "good" } },
        ]
    "#;
    let (_process, port) = serve(&folder, configuration);
    for _ in 0..5 {
        let over = get(port, "hog.test", "/");
        assert_eq!((over.status, over.header("isolane-outcome")), (503, "exceededCpu"));
        assert_eq!(over.body, "Error 1102: The worker exceeded its CPU limit of 20 ms.\n");
        assert_eq!(get(port, "good.test", "/").status, 200);
    }
}

#[test]
fn requests_over_the_nodes_limits_are_refused() {
    let folder = Folder::with(&[(
        "a.js",
        "export default { async fetch(request) {
        return new Response((await request.text()).length) } }",
    )]);
    let configuration = "limits = { request_body_mb = 1, url_kb = 1, headers_kb = 2 }
        workers = [{ path = 'a.js', routes = ['*'] }]";
    let (_process, port) = serve(&folder, configuration);
    let long = "a".repeat(3000);
    assert_eq!(get(port, "a.test", &format!("/{long}")).status, 414);
    let headers = format!("x: {long}\r\n");
    assert_eq!(Connection::open(port).get_with("a.test", "/", &headers).status, 431);
    let large = format!("content-length: {}\r\n", (1 << 20) + 1);
    assert_eq!(Connection::open(port).get_with("a.test", "/", &large).status, 413);
}

#[test]
fn what_a_worker_prints_cannot_pass_for_a_line_of_the_log() {
    const FORGES: &str = "export default { fetch() {
        console.log('first\\n2026-01-01T00:00:00Z  INFO forged\\r\\x1b[2K2026 forged');
        return new Response('done') } }";
    let folder = Folder::with(&[("a.js", FORGES)]);
    folder.write(
        "node.toml",
        "listen = [{ address = '127.0.0.1:0' }]\nworkers = [{ path = 'a.js', routes = ['a.test'] }]",
    );
    let mut process = Process::start(folder.path(), ["serve"]);
    let line = process.stderr.until("listening");
    let (_, port) = line.trim_end().rsplit_once(':').expect("an address");
    assert_eq!(get(port.parse().expect("a port"), "a.test", "/").body, "done");
    let line = process.stderr.until("forged");
    assert!(line.starts_with("    2026-01-01T00:00:00Z  INFO forged\\x0d"), "{line:?}");
    assert!(!line.contains('\x1b'), "{line:?}");
}
