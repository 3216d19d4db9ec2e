//! A node that is supervised, with a worker that says which configuration it is of.

use std::path::Path;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::{PATIENCE, Process};

/// The host of the worker that has a KV namespace.
pub(crate) const HOST: &str = "app.test";
/// The host of one whose code costs a shard.
pub(crate) const OFFENDER: &str = "offender.test";
/// The host of one that has no namespace, and streams.
pub(crate) const STREAMS: &str = "streams.test";

const WORKER: &str = "
    export default { async fetch(request, env) {
      const { pathname, search } = new URL(request.url);
      const [, verb, key] = pathname.split('/');
      switch (verb) {
        case 'put': await env.KV.put(key, search.slice(1)); return new Response('put');
        case 'get': return new Response(await env.KV.get(key) ?? 'nothing');
        case 'echo': return new Response(echo(request.body, env));
        default: return new Response(env.NAME);
      }
    } };
    const encoder = new TextEncoder();
    const echo = (body, env) => body.pipeThrough(new TransformStream({
      async transform(chunk, controller) {
        const text = new TextDecoder().decode(chunk);
        if (text !== 'get') return controller.enqueue(chunk);
        const found = await env.KV.get('key').catch((error) => error.message);
        controller.enqueue(encoder.encode(String(found)));
      },
    }));
";

const OFFENDING: &str = "export default { fetch() {
    return new Response(String(Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)));
} };";

/// Answers with as many chunks as the path says; one takes 20 ms.
const STREAMING: &str = "
    const encoder = new TextEncoder();
    const stream = (chunks) => new ReadableStream({
      async pull(controller) {
        if (chunks-- === 0) return controller.close();
        await new Promise((resolve) => setTimeout(resolve, 20));
        controller.enqueue(encoder.encode('chunk\\n'));
      },
    });
    export default { fetch(request) {
      return new Response(stream(Number(new URL(request.url).pathname.slice(1))));
    } };
";

/// A running node.
pub(crate) struct Node {
    pub(crate) folder: Folder,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
}

/// A folder with a configuration.
pub(crate) fn folder() -> Folder {
    let folder = Folder::with(&[
        ("app/index.js", WORKER),
        ("streams/index.js", STREAMING),
        ("offender/index.js", OFFENDING),
    ]);
    configure(&folder, "first", "");
    folder
}

/// Writes a configuration whose worker answers with that name, with more in it.
pub(crate) fn configure(folder: &Folder, name: &str, more: &str) {
    let listen = "log = 'json'\nlisten = [{ address = '127.0.0.1:0' }]\n";
    let workers = "workers = [{ path = 'app' }, { path = 'streams' }, { path = 'offender' }]\n";
    folder.write("node.toml", &format!("{listen}{more}\n{workers}"));
    folder.write("streams/isolane.toml", &format!("routes = ['{STREAMS}']\n"));
    folder.write("offender/isolane.toml", &format!("routes = ['{OFFENDER}']\n"));
    let namespace = "kv_namespaces = [{ binding = 'KV', id = 'kv' }]";
    let app = format!("routes = ['{HOST}']\nvars = {{ NAME = '{name}' }}\n{namespace}\n");
    folder.write("app/isolane.toml", &app);
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::at(folder(), env!("CARGO_BIN_EXE_isolane"))
    }

    /// With more in its configuration.
    pub(crate) fn with(more: &str) -> Self {
        let folder = folder();
        configure(&folder, "first", more);
        Self::at(folder, env!("CARGO_BIN_EXE_isolane"))
    }

    /// With the program at that path.
    pub(crate) fn at(folder: Folder, program: &str) -> Self {
        let mut process = Process::start_program(program, folder.path(), ["serve"]);
        let admin_port = port(&process.stderr.until("\"admin API\""));
        let port = port(&process.stderr.until("\"listening\""));
        Self { folder, process, port, admin_port }
    }

    /// Sends a signal to the process that people know.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.process.id(), signal);
    }

    /// Has a new process take over, and waits until it serves. Answers its number.
    pub(crate) fn restart(&mut self) -> u32 {
        let before = self.process.node_id();
        self.signal(Signal::SIGUSR2);
        self.serves_anew();
        let after = self.process.node_id();
        assert_ne!(before, after);
        after
    }

    /// Waits until a new process serves.
    pub(crate) fn serves_anew(&mut self) {
        self.process.stderr.until("the new process serves");
    }

    /// What the worker answers.
    pub(crate) fn body(&self, path: &str) -> String {
        get(self.port, HOST, path).body
    }

    /// A line of the metrics.
    pub(crate) fn metric(&self, name: &str) -> String {
        let metrics = Connection::open(self.admin_port).get("localhost", "/metrics").body;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().to_owned()
    }
}

/// Sends a signal to a process.
pub(crate) fn send(id: u32, signal: Signal) {
    let id = i32::try_from(id).expect("the identifier of a process is small");
    kill(Pid::from_raw(id), signal).expect("the process is there");
}

/// Waits until a process is no more.
pub(crate) fn until_gone(id: u32) {
    let end = Instant::now() + PATIENCE;
    while Path::new(&format!("/proc/{id}")).exists() {
        assert!(Instant::now() < end, "the process {id} goes on");
        std::thread::yield_now();
    }
}

fn port(line: &str) -> u16 {
    let event: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    let address = event["address"].as_str().expect("it names an address");
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.expect("an address has a port")
}
