//! `isolane dev`: names, reloads, and errors with the lines of the sources. Beside it: what makes
//! modules (`dev/builds.rs`), what it watches (`dev/files.rs`), how it starts (`dev/start.rs`), keys
//! (`dev/keys.rs`), the URLs by which crons are run (`dev/local.rs`), and workers that call each other, of
//! one session and of several (`dev/sessions.rs`).

#[path = "dev/builds.rs"]
mod builds;
#[path = "dev/files.rs"]
mod files;
#[path = "dev/keys.rs"]
mod keys;
#[path = "dev/local.rs"]
mod local;
#[path = "dev/sessions.rs"]
mod sessions;
#[path = "dev/start.rs"]
mod start;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;

fn dev(folder: &Folder, workers: &[&str]) -> (Process, u16) {
    let arguments = ["dev", "--port", "0"].iter().chain(workers).copied();
    let mut process = Process::start(folder.path(), arguments);
    let port = process.dev_port();
    (process, port)
}

fn says(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response('{text}') }} }};\n")
}

#[test]
fn each_worker_is_at_its_name_and_the_first_at_every_other_host_of_the_developers() {
    let routes =
        "name = \"shop\"\nmain = \"index.js\"\nroutes = [\"shop.test\", \"*.shop.test/a\"]\n";
    let folder = Folder::with(&[
        ("shop/index.js", &says("shop")),
        ("shop/wrangler.toml", routes),
        ("My_API.ts", &says("api")),
    ]);
    let (_process, port) = dev(&folder, &["shop", "My_API.ts", "--host", "My-Machine.local"]);
    let cases = [
        ("shop.localhost", "shop"),
        ("my-api.localhost", "api"),
        ("MY-API.LOCALHOST.", "api"),
        ("localhost", "shop"),
        ("127.0.0.1", "shop"),
        ("[::1]", "shop"),
        ("192.0.2.1", "shop"),
        ("shop.test", "shop"),
        ("www.shop.test", "shop"),
        ("my-machine.local", "shop"),
    ];
    for (host, expected) in cases {
        assert_eq!(get(port, host, "/").body, expected, "{host}");
        assert_eq!(get(port, &format!("{host}:{port}"), "/").body, expected, "{host} with port");
    }
}

#[test]
fn a_name_that_is_no_workers_is_told_those_there_are() {
    let folder = Folder::with(&[("one.js", &says("one")), ("two.js", &says("two"))]);
    let (_process, port) = dev(&folder, &["one.js", "two.js"]);
    for host in ["typo.localhost", "x.one.localhost"] {
        let answer = get(port, host, "/");
        assert_eq!((answer.status, answer.header("isolane-error")), (404, "1001"), "{host}");
        let expected = "The workers are at one.localhost, two.localhost.";
        assert!(answer.body.contains(expected), "{}", answer.body);
    }
    // Of a single one all names are.
    let folder = Folder::with(&[("one.js", &says("one"))]);
    let (_process, port) = dev(&folder, &["one.js"]);
    assert_eq!(get(port, "tenant.localhost", "/").body, "one");
}

#[test]
fn a_worker_that_cannot_start_says_so_before_the_first_request() {
    let folder = Folder::with(&[("a.ts", "const a: number = 1;\nthrow new Error(`at ${a}`);\n")]);
    let (mut process, _port) = dev(&folder, &["a.ts"]);
    process.stderr.until("a cannot start: Error: at 1");
}

#[test]
fn a_page_of_another_site_does_not_reach_a_worker_under_its_own_name() {
    let folder = Folder::with(&[("a.js", &says("secret"))]);
    let (_process, port) = dev(&folder, &["a.js"]);
    for host in ["evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "evil.test."] {
        let answer = get(port, &format!("{host}:{port}"), "/");
        assert_eq!(answer.status, 421, "{host}");
        assert!(answer.body.contains("--host"), "{}", answer.body);
        assert!(!answer.body.contains("secret"), "{}", answer.body);
    }
}

#[test]
fn a_change_is_served_once_it_says_reloaded() {
    let folder = Folder::with(&[("a.js", &says("one")), ("b.js", &says("other"))]);
    let (mut process, port) = dev(&folder, &["a.js", "b.js"]);
    let mut connection = Connection::open(port);
    assert_eq!(connection.get("a.localhost", "/").body, "one");
    for text in ["two", "three", "four"] {
        folder.write("a.js", &says(text));
        process.stdout.until("reloaded a ");
        // Also over a connection that was there before.
        assert_eq!(connection.get("a.localhost", "/").body, text);
        assert_eq!(connection.get("b.localhost", "/").body, "other");
    }
}

#[test]
fn a_change_in_an_imported_file_or_in_the_configuration_reloads() {
    let main = "import { text } from './lib/text.ts';
        export default { fetch(_: Request, env: { NAME: string }) {
            return new Response(text + ' ' + env.NAME) } }";
    let folder = Folder::with(&[
        ("app/index.ts", main),
        ("app/lib/text.ts", "export const text: string = 'hello'"),
        ("app/isolane.toml", "vars = { NAME = 'Ada' }"),
    ]);
    let (mut process, port) = dev(&folder, &["app"]);
    assert_eq!(get(port, "localhost", "/").body, "hello Ada");
    folder.write("app/lib/text.ts", "export const text: string = 'good day'");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "good day Ada");
    folder.write("app/isolane.toml", "vars = { NAME = 'Grace' }");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "good day Grace");
}

#[test]
fn a_file_that_an_editor_replaces_is_reloaded() {
    let folder = Folder::with(&[("a.js", &says("one"))]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    for text in ["two", "three"] {
        folder.write(".a.js.swap", &says(text));
        let path = |name| folder.path().join(name);
        std::fs::rename(path(".a.js.swap"), path("a.js")).expect("the file is replaced");
        process.stdout.until("reloaded a ");
        assert_eq!(get(port, "localhost", "/").body, text);
    }
}

#[test]
fn a_broken_change_leaves_the_worker_as_it_was_until_it_is_mended() {
    let folder = Folder::with(&[("a.ts", &says("good"))]);
    let (mut process, port) = dev(&folder, &["a.ts"]);
    folder.write("a.ts", "export default {\n  fetch( {\n");
    process.stderr.until("error: a.ts:");
    process.stderr.until("a goes on as it was");
    assert_eq!(get(port, "localhost", "/").body, "good");
    folder.write("a.ts", "import './gone.ts';\n");
    process.stderr.until("error: a.ts:1:8");
    process.stderr.until("a goes on as it was");
    assert_eq!(get(port, "localhost", "/").body, "good");
    folder.write("a.ts", &says("better"));
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "better");
}

#[test]
fn a_request_that_runs_is_not_lost_when_its_worker_is_replaced() {
    let echo = "export default { fetch(request) { return new Response(request.body) } }";
    let folder = Folder::with(&[("a.js", echo)]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    let mut running = Connection::open(port);
    running.begin_post("localhost", "/");
    running.send_chunk("one");
    assert_eq!(running.head().status, 200);
    assert_eq!(running.chunk(), "one");
    folder.write("a.js", &says("new"));
    process.stdout.until("reloaded a ");
    assert_eq!(get(port, "localhost", "/").body, "new");
    running.send_chunk("two");
    assert_eq!(running.chunk(), "two");
    running.send_chunk("");
    assert_eq!(running.chunk(), "");
}

const THROWS: &str = "interface Order { id: number; }

type Total = { of: Order };

function total(order: Order | null): Total {
  throw new RangeError(`no order <${order}>`);
}

export default {
  async fetch(_request: Request): Promise<Response> {
    return Response.json(total(null));
  },
};
";

#[test]
fn an_exception_shows_the_lines_of_the_typescript_source() {
    let folder =
        Folder::with(&[("app/src/shop.ts", THROWS), ("app/isolane.toml", "main = 'src/shop.ts'")]);
    let (mut process, port) = dev(&folder, &["app"]);
    let mut connection = Connection::open(port);
    let text = connection.get("localhost", "/");
    assert_eq!((text.status, text.header("isolane-error")), (500, "1101"));
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let places = ["at total (src/shop.ts:6:9)", "fetch (src/shop.ts:11:26)"];
    let page = connection.get_with("localhost", "/", "accept: text/html,*/*;q=0.8\r\n");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("isolane-outcome"), "exception");
    for place in places {
        assert!(text.body.contains(place), "{}", text.body);
        assert!(page.body.contains(place), "{}", page.body);
    }
    assert!(page.body.contains("no order &lt;null&gt;"), "{}", page.body);
    process.stderr.until("app: RangeError: no order <null>");
    for place in places {
        process.stderr.until(place);
    }
    let line = "> 6 |   throw new RangeError(`no order <${order}>`);";
    process.stderr.until(line);
    assert!(text.body.contains(line), "{}", text.body);
    assert!(page.body.contains("<mark>&gt; 6 |   throw new RangeError("), "{}", page.body);
    assert!(text.body.contains("Request  GET /\nHost     localhost\nWorker   app\n"));
}

#[test]
fn a_version_that_cannot_start_is_told_of_before_anybody_asks() {
    let folder = Folder::with(&[("a.ts", &says("good"))]);
    let (mut process, port) = dev(&folder, &["a.ts"]);
    folder.write("a.ts", "const a: number = 1;\nthrow new TypeError('at start ' + a);\n");
    process.stdout.until("reloaded a ");
    process.stderr.until("a cannot start: TypeError: at start 1");
    process.stderr.until("> 2 | throw new TypeError('at start ' + a);");
    let page = get(port, "localhost", "/");
    assert_eq!(page.status, 503);
    assert!(page.body.contains("a.ts:2:7"), "{}", page.body);
}

#[test]
fn a_worker_that_prints_without_end_stops_neither_the_node_nor_the_terminal() {
    let main = "export default { fetch(request) {
        if (request.url.endsWith('/loud')) { while (true) console.log('x'.repeat(100)); }
        return new Response('calm');
    } }";
    let folder = Folder::with(&[("a.js", main)]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    for _ in 0..3 {
        assert_eq!(get(port, "localhost", "/loud").header("isolane-outcome"), "exceededCpu");
    }
    process.stderr.until("written too much");
    assert_eq!(get(port, "localhost", "/").body, "calm");
    process.stdout.until("200 GET");
}

#[test]
fn the_terminal_shows_requests_and_what_workers_print() {
    let main = "export default { fetch(request) {
        const { pathname } = new URL(request.url);
        console.log('seen', pathname, { a: 1 });
        console.error('careful');
        return new Response('', { status: pathname === '/' ? 200 : 404 });
    } }";
    let folder = Folder::with(&[("a.js", main)]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    get(port, "localhost", "/?secret");
    let line = process.stdout.until("log seen / { a: 1 }");
    let time = line.split(' ').next().unwrap_or_default();
    let digits = time.bytes().filter(u8::is_ascii_digit).count();
    assert!(time.len() == "14:03:07".len() && digits == 6, "{line}");
    let line = process.stdout.until("200 GET");
    assert!(line.contains(" / ") && line.ends_with(" ms") && !line.contains("secret"), "{line}");
    process.stderr.until("error careful");
    get(port, "localhost", "/nothing");
    process.stdout.until("404 GET");
}

#[test]
fn of_several_workers_each_line_names_its_own() {
    let prints = "export default { fetch() { console.warn('here'); return new Response() } }";
    let folder = Folder::with(&[("a.js", prints), ("b.js", prints)]);
    let (mut process, port) = dev(&folder, &["a.js", "b.js"]);
    get(port, "b.localhost", "/");
    process.stderr.until("warn b here");
    let line = process.stdout.until("200 GET");
    assert!(line.ends_with(" ms b"), "{line}");
}

#[test]
fn what_is_printed_of_an_error_shows_the_lines_of_the_source_and_no_control_characters() {
    let main = "type Unused = { a: string };

export default {
  fetch(request: Request) {
    console.error('failed:', new Error('no', { cause: new TypeError('why') }));
    console.log(request.headers.get('x'), '\\x1b[2J\\u009b');
    return new Response();
  },
};
";
    let folder = Folder::with(&[("a.ts", main)]);
    let (mut process, port) = dev(&folder, &["a.ts"]);
    get(port, "localhost", "/");
    process.stderr.until("error failed: Error: no");
    process.stderr.until("fetch (a.ts:5:30)");
    process.stderr.until("[cause]: TypeError: why");
    process.stderr.until("fetch (a.ts:5:55)");
    process.stdout.until("log null \\x1b[2J\\x9b");
}

#[test]
fn the_terminal_names_the_limit_that_broke_an_answer_off() {
    let main = "export default { fetch({ body }) {
        let pieces = 0;
        return new Response(body.pipeThrough(new TransformStream({
            transform(piece, controller) {
                pieces += 1;
                while (pieces === 2);
                controller.enqueue(piece);
            },
        }))) } }";
    let folder = Folder::with(&[("a.js", main)]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    let mut connection = Connection::open(port);
    connection.begin_post("localhost", "/");
    connection.send_chunk("one");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "one");
    connection.send_chunk("two");
    process.stderr.until("a: exceededCpu after ");
}

#[test]
fn the_terminal_tells_of_an_event_that_used_much_of_its_cpu_time_also_if_it_threw() {
    let work = "export default { async fetch({ url }) {
        const [laps, end] = new URL(url).pathname.slice(1).split('/');
        for (let n = Number(laps); n > 0; n--) {
            for (let i = 0; i < 1e6; i++) Math.sqrt(i);
            await scheduler.wait(0);
        }
        if (end === 'throw') throw new Error('after all');
        return new Response();
    } }";
    let folder =
        Folder::with(&[("app/index.js", work), ("app/isolane.toml", "limits = { cpu_ms = 500 }")]);
    let (mut process, port) = dev(&folder, &["app"]);
    let mut laps = 0;
    let line = loop {
        assert_eq!(get(port, "localhost", &format!("/{laps}")).status, 200);
        process.stdout.until(&format!(" /{laps} "));
        let seen = process.stdout.seen();
        if let Some(line) = seen.lines().find(|line| line.contains(" of 500 ms of CPU time")) {
            break line.to_owned();
        }
        // More, until it is much on this machine, and before it is too much.
        laps += 10 + laps / 2;
    };
    assert!(line.contains(" app: "), "{line}");
    assert!(laps > 0, "an idle event is told of: {line}");
    assert_eq!(get(port, "localhost", &format!("/{}/throw", 2 * laps)).status, 500);
    process.stderr.until("app: Error: after all");
    process.stdout.until(" of 500 ms of CPU time");
}

#[test]
fn nothing_coloured_is_printed_where_there_is_no_terminal() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    get(port, "localhost", "/");
    let line = process.stdout.until("200 GET");
    assert!(!line.contains('\u{1b}'), "{line:?}");
}
