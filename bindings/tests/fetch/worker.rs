//! An isolate with the few globals of `js/main.js`, and scripts in it. Not here: a worker's
//! whole environment.

use std::rc::Rc;
use std::sync::OnceLock;

use deno_core::error::CoreError;
use deno_core::snapshot::{CreateSnapshotOptions, create_snapshot};
use deno_core::{Extension, JsRuntime, PollEventLoopOptions, RuntimeOptions, v8};
use isolane_bindings::fetch::{EventLimits, Outbound, OutboundPolicy, Unlimited, WorkerOutbound};

deno_core::extension!(
    deno_telemetry,
    lazy_loaded_js = [
        dir "tests/fetch/js",
        "ext:deno_telemetry/telemetry.ts" = "telemetry.js",
        "ext:deno_telemetry/util.ts" = "telemetry_util.js",
    ]
);
deno_core::extension!(
    deno_net,
    lazy_loaded_js = [dir "tests/fetch/js", "ext:deno_net/02_tls.js" = "tls_keys.js"],
);
deno_core::extension!(
    fetch_test,
    esm_entry_point = "ext:fetch_test/main.js",
    esm = [dir "tests/fetch/js", "ext:fetch_test/main.js" = "main.js"],
);

/// What every script can use: the words of an error, the text of a body, and turns of the
/// event loop.
const PRELUDE: &str = r#"
    async function failure(promise) {
        try { await promise; return "no failure"; } catch (e) { return `${e.name}: ${e.message}`; }
    }
    async function text(url, init) { return await (await fetch(url, init)).text(); }
    async function turns(n) { while (n-- > 0) await new Promise((done) => setTimeout(done, 0)); }
"#;

/// What each isolate begins with: to read all scripts anew takes a second.
static SNAPSHOT: OnceLock<Box<[u8]>> = OnceLock::new();

/// Makes what isolates begin with.
pub(crate) fn prepare() {
    let options = CreateSnapshotOptions {
        cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
        startup_snapshot: None,
        skip_op_registration: false,
        extensions: extensions(),
        extension_transpiler: None,
        with_runtime_cb: None,
    };
    let snapshot = create_snapshot(options, None).unwrap();
    SNAPSHOT.set(snapshot.output).expect("it is made once");
}

/// An isolate.
pub(crate) struct Worker {
    runtime: JsRuntime,
}

impl Worker {
    /// One that may reach the servers of the tests.
    pub(crate) fn new() -> Self {
        Self::with(loopback(), Rc::new(Unlimited))
    }

    /// One with a way out of its own.
    pub(crate) fn with(outbound: Outbound, limits: Rc<dyn EventLimits>) -> Self {
        Self::named("worker", &outbound, limits)
    }

    /// One of a worker of this name.
    pub(crate) fn named(name: &str, outbound: &Outbound, limits: Rc<dyn EventLimits>) -> Self {
        Self::with_way_out(outbound.for_worker(&name.into()), limits)
    }

    /// One of the worker that has this way out.
    pub(crate) fn with_way_out(outbound: WorkerOutbound, limits: Rc<dyn EventLimits>) -> Self {
        let worker = Self::without_network();
        let state = worker.runtime.op_state();
        isolane_bindings::fetch::connect(&mut state.borrow_mut(), outbound, limits);
        worker
    }

    /// One whose state holds no way out.
    pub(crate) fn without_network() -> Self {
        let options = RuntimeOptions {
            extensions: extensions(),
            startup_snapshot: SNAPSHOT.get().map(|snapshot| &**snapshot),
            ..RuntimeOptions::default()
        };
        let mut runtime = JsRuntime::new(options);
        runtime.execute_script("prelude.js", PRELUDE).unwrap();
        Self { runtime }
    }

    /// Puts something into the isolate's state.
    pub(crate) fn put<T: 'static>(&mut self, value: T) {
        self.runtime.op_state().borrow_mut().put(value);
    }

    /// Runs the body of an `async` function; what it returns must be a string.
    pub(crate) async fn run(&mut self, script: &str) -> String {
        self.try_run(script).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Asks so many times, one after the other; answers how often the answer was that text. In the URL
    /// `${i}` is the number of the request.
    pub(crate) async fn count_answers(
        &mut self,
        requests: usize,
        url: &str,
        answer: &str,
    ) -> usize {
        let script = format!(
            "let count = 0;
             for (let i = 0; i < {requests}; i++) count += await text(`{url}`) === '{answer}';
             return String(count);"
        );
        self.run(&script).await.parse().expect("it is a number")
    }

    async fn try_run(&mut self, script: &str) -> Result<String, CoreError> {
        let script = format!("(async () => {{ {script} }})()");
        let promise = self.runtime.execute_script("test.js", script)?;
        let resolved = self.runtime.resolve(promise);
        let options = PollEventLoopOptions::default();
        let value = self.runtime.with_event_loop_promise(resolved, options).await?;
        deno_core::scope!(scope, self.runtime);
        Ok(v8::Local::new(scope, value).to_rust_string_lossy(scope))
    }
}

/// A way out that may reach 127.0.0.1 and nothing else that is private.
pub(crate) fn loopback() -> Outbound {
    outbound_to(&["127.0.0.1/32"])
}

/// A way out to these networks.
pub(crate) fn outbound_to(allow: &[&str]) -> Outbound {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    Outbound::new(OutboundPolicy { allow, ..OutboundPolicy::default() }, Vec::new()).unwrap()
}

fn extensions() -> Vec<Extension> {
    let mut fetch = deno_fetch::deno_fetch::init(deno_fetch::Options::default());
    isolane_bindings::fetch::replace_ops(&mut fetch);
    vec![
        deno_telemetry::init(),
        deno_net::init(),
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(
            deno_web::BlobStore::default_arc(),
            None,
            false,
            deno_web::InMemoryBroadcastChannel::default(),
        ),
        fetch,
        fetch_test::init(),
    ]
}
