//! Workers that call each other in development: those of one session, and those of several on one machine.

use super::says;
use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;

const FRONT: &str = "export default {
    async fetch(request, env) {
        const { pathname } = new URL(request.url);
        if (pathname === '/gone') return env.GONE.fetch(request);
        if (pathname === '/admin') return env.ADMIN.fetch('https://any.host/');
        if (pathname === '/send') { await env.MAIL.send('hello'); return new Response('sent') }
        if (pathname === '/throw') {
            try { return await env.AUTH.fetch('https://any.host/throw') }
            catch (error) { return new Response(`${error.name}: ${error.message}`) }
        }
        if (request.method === 'POST') return env.AUTH.fetch(request);
        return env.AUTH.fetch('https://any.host' + pathname);
    },
};";

const FRONT_CONFIGURATION: &str = "name = 'front'
services = [
    { binding = 'AUTH', service = 'auth' },
    { binding = 'ADMIN', service = 'auth', entrypoint = 'Admin', props = { level = 7 } },
    { binding = 'GONE', service = 'gone' },
]
[[queues.producers]]
binding = 'MAIL'
queue = 'mail'
";

const AUTH: &str = "import { WorkerEntrypoint } from 'cloudflare:workers';
export class Admin extends WorkerEntrypoint {
    fetch() { return Response.json(this.ctx.props) }
}
export default {
    async fetch(request) {
        if (request.url.endsWith('/throw')) throw new RangeError('not today');
        const { method, url, body } = request;
        const headers = { 'x-got': request.headers.get('x-my') ?? '' };
        if (method === 'POST') return new Response(body, { headers });
        return new Response(`${method} ${url}`, { status: 203 });
    },
    async queue(batch) {
        for (const message of batch.messages) console.log('got', message.body);
    },
};";

const AUTH_CONFIGURATION: &str = "name = 'auth'
[[queues.consumers]]
queue = 'mail'
";

fn projects() -> Folder {
    Folder::with(&[
        ("front/index.js", FRONT),
        ("front/isolane.toml", FRONT_CONFIGURATION),
        ("auth/index.js", AUTH),
        ("auth/isolane.toml", AUTH_CONFIGURATION),
    ])
}

/// A session whose neighbours are those of the same test.
fn session(folder: &Folder, projects: &[&str]) -> (Process, u16) {
    let state = format!("XDG_STATE_HOME={}", folder.path().join("state").display());
    let data = format!("data-of-{}", projects.join("-and-"));
    let isolane = env!("CARGO_BIN_EXE_isolane");
    let dev = [&*state, isolane, "dev", "--port", "0", "--data", &data];
    let arguments = [&dev[..], projects].concat();
    let mut process = Process::start_program("env", folder.path(), arguments);
    let port = process.dev_port();
    (process, port)
}

/// What the workers are to each other, whichever processes they are in.
fn check_calls(port: u16) {
    let mut connection = Connection::open(port);
    let answer = connection.get("front.localhost", "/who");
    assert_eq!((answer.status, &*answer.body), (203, "GET https://any.host/who"));
    assert_eq!(connection.get("front.localhost", "/admin").body, r#"{"level":7}"#);
    assert_eq!(connection.get("front.localhost", "/throw").body, "RangeError: not today");
    let headers = "x-my: mine\r\ntransfer-encoding: chunked\r\n";
    connection.send(&format!("POST / HTTP/1.1\r\nhost: front.localhost\r\n{headers}\r\n"));
    connection.send_chunk("one");
    let head = connection.head();
    assert_eq!((head.status, head.header("x-got")), (200, "mine"));
    assert_eq!(connection.chunk(), "one");
    connection.send_chunk("two");
    assert_eq!(connection.chunk(), "two");
    connection.send_chunk("");
    assert_eq!(connection.chunk(), "");
    let gone = connection.get("front.localhost", "/gone");
    let message = "Worker \"gone\" not found. Make sure it is running locally.";
    assert_eq!((gone.status, &*gone.body), (503, message));
}

#[test]
fn the_workers_of_one_session_call_each_other() {
    let folder = projects();
    let (mut process, port) = session(&folder, &["front", "auth"]);
    let line = process.stdout.until("queues");
    assert!(line.contains("MAIL (mail) [connected]"), "{line}");
    let line = process.stdout.until("services");
    for expected in
        ["AUTH (auth) [connected]", "ADMIN (auth#Admin) [connected]", "GONE (gone) [not connected]"]
    {
        assert!(line.contains(expected), "{line}");
    }
    check_calls(port);
    assert_eq!(get(port, "front.localhost", "/send").body, "sent");
    process.stdout.until("got hello");
}

#[test]
fn the_workers_of_two_sessions_call_each_other() {
    let folder = projects();
    let (mut front, port) = session(&folder, &["front"]);
    front.stdout.until("[not connected]");
    assert_eq!(get(port, "front.localhost", "/who").status, 503);
    let (mut auth, _) = session(&folder, &["auth"]);
    check_calls(port);
    assert_eq!(get(port, "front.localhost", "/send").body, "sent");
    auth.stdout.until("got hello");
    drop(auth);
    // It was killed, and has left its file behind.
    assert_eq!(get(port, "front.localhost", "/who").status, 503);
    let (_auth, _) = session(&folder, &["auth"]);
    assert_eq!(get(port, "front.localhost", "/who").status, 203);
    // Who comes later finds who is there.
    let other = "name = 'other'\nservices = [{ binding = 'AUTH', service = 'auth' }]\n";
    folder.write("other/index.js", &says("other"));
    folder.write("other/isolane.toml", other);
    let (mut other, _) = session(&folder, &["other"]);
    other.stdout.until("AUTH (auth) [connected]");
}

#[test]
fn two_sessions_whose_workers_call_each_other_for_ever_come_to_an_end() {
    let calls = "export default { fetch: (request, env) => env.NEXT.fetch(request) }";
    let next = |name: &str, next: &str| {
        format!("name = '{name}'\nservices = [{{ binding = 'NEXT', service = '{next}' }}]\n")
    };
    let folder = Folder::with(&[
        ("one/index.js", calls),
        ("one/isolane.toml", &next("one", "two")),
        ("two/index.js", calls),
        ("two/isolane.toml", &next("two", "one")),
    ]);
    let (_one, port) = session(&folder, &["one"]);
    let (_two, _) = session(&folder, &["two"]);
    let answer = get(port, "one.localhost", "/");
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("Subrequest depth limit exceeded"), "{}", answer.body);
}

#[test]
fn a_session_that_ends_takes_what_it_said_of_itself_along() {
    let folder = Folder::with(&[("a.js", &says("a"))]);
    let (mut process, _) = session(&folder, &["a.js"]);
    let state = folder.path().join("state/isolane/dev");
    let files = || std::fs::read_dir(&state).expect("it is there").count();
    assert_eq!(files(), 1);
    let id = i32::try_from(process.id()).expect("the identifier of a process is small");
    let pid = nix::unistd::Pid::from_raw(id);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it is there");
    assert_eq!(process.ended().code(), Some(0));
    assert_eq!(files(), 0);
}
