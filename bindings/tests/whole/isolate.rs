//! An isolate with all that a worker sees, made from a snapshot as the runtime's are, and events in it.
//! Not here: limits, and threads.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use compatibility::Compatibility;
use deno_core::snapshot::{CreateSnapshotOptions, create_snapshot};
use deno_core::{Extension, JsRuntime, PollEventLoopOptions, RuntimeOptions, v8};
use isolane_bindings::binding::{BindingKinds, EnvEntry, Environment, Grantee, Inside};
use isolane_bindings::blob::QuotaBlobStore;
use isolane_bindings::event::body::{RequestBody, ResponseBody};
use isolane_bindings::event::{CallContext, Event, Events, Fetch, Trigger};
use isolane_bindings::fetch::{Outbound, OutboundPolicy};
use libtest_mimic::Trial;
use tokio::task::LocalSet;

/// No test takes so long; one that waits in vain has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What each isolate begins with: to read all scripts anew takes seconds.
static SNAPSHOT: OnceLock<Box<[u8]>> = OnceLock::new();

/// Subrequests of an event, where a test does not say.
pub(crate) const SUBREQUESTS: u32 = 100;

/// Takes the functions that Rust calls, as the runtime does, and the script of a test for a worker.
const BEGIN: &str = "
    globalThis.isolane = globalThis.__isolane;
    isolane.bootstrap(Object.create(Object.prototype, Object.getOwnPropertyDescriptors(Date.prototype)));
    globalThis.failure = async (promise) => {
        try {
            await promise;
            return 'no failure';
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }
    };";

/// Makes what isolates begin with. Before there is any other thread.
pub(crate) fn prepare(extra: fn() -> Vec<Extension>) {
    JsRuntime::init_platform(None);
    let options = CreateSnapshotOptions {
        cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
        startup_snapshot: None,
        skip_op_registration: false,
        extensions: extensions(extra),
        extension_transpiler: None,
        with_runtime_cb: None,
    };
    let snapshot = create_snapshot(options, None).unwrap();
    SNAPSHOT.set(snapshot.output).expect("it is made once");
}

fn extensions(extra: fn() -> Vec<Extension>) -> Vec<Extension> {
    let mut extensions = isolane_bindings::extensions(QuotaBlobStore::new(1 << 20));
    extensions.extend(extra());
    extensions
}

/// A test that runs on a thread of its own, as a shard does.
pub(crate) fn trial<Fut: Future<Output = ()> + 'static>(
    name: &str,
    test: impl FnOnce() -> Fut + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            tokio::time::timeout(PATIENCE, test()).await.expect("the test hangs");
        });
        Ok(())
    })
}

/// What a version of the worker `caller` gets of these bindings.
pub(crate) fn granted(
    bindings: &BindingKinds,
    entries: &[EnvEntry],
    compatibility: Compatibility,
) -> Environment {
    let on_full = Arc::new(|_: String| ());
    bindings.grant(entries, &Grantee { worker: &"caller".into(), compatibility, on_full }).unwrap()
}

/// A worker in an isolate.
pub(crate) struct Worker {
    js: JsRuntime,
    events: Events,
}

impl Worker {
    /// One whose handler is the body of an `async` function of `request`, `env` and `ctx`. It answers with
    /// the text that this returns, or with its response.
    pub(crate) fn new(
        extra: fn() -> Vec<Extension>,
        environment: &Environment,
        handler: &str,
    ) -> Self {
        let mut js = JsRuntime::new(RuntimeOptions {
            extensions: extensions(extra),
            startup_snapshot: SNAPSHOT.get().map(|snapshot| &**snapshot),
            residual_lazy_js_sources: isolane_bindings::compat::SCRIPTS,
            skip_op_registration: true,
            ..RuntimeOptions::default()
        });
        js.execute_script("begin.js", BEGIN).unwrap();
        let events = js.op_state().borrow().borrow::<Events>().clone();
        let prepared = {
            let state = js.op_state();
            let mut state = state.borrow_mut();
            let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
            let outbound = outbound.for_worker(&"caller".into());
            isolane_bindings::fetch::connect(&mut state, outbound, Rc::new(events.clone()));
            environment.prepare(Inside { state: &mut state, belongings: &Arc::default() })
        };
        let function = js.execute_script("prepare.js", "isolane.prepare").unwrap();
        {
            deno_core::scope!(scope, js);
            let function = v8::Local::new(scope, function);
            let function = v8::Local::<v8::Function>::try_from(function).unwrap();
            let arguments = prepared.arguments(scope).unwrap();
            let this = v8::undefined(scope).into();
            assert!(function.call(scope, this, &arguments).is_some(), "prepare throws");
        }
        let script = format!(
            "isolane.install({{ default: {{ async fetch(request, env, ctx) {{
                 const answer = await (async () => {{ {handler} }})();
                 return answer instanceof Response ? answer : new Response(String(answer));
             }} }} }});"
        );
        js.execute_script("handler.js", script).unwrap();
        Self { js, events }
    }

    /// Begins an event.
    pub(crate) fn begin(&mut self, fetch: Fetch, call: CallContext, subrequests: u32) -> Rc<Event> {
        let has_body = matches!(fetch.body, RequestBody::Stream(_));
        let method = fetch.head.method.clone();
        let event = self.events.insert(Trigger::Fetch(Box::new(fetch)), call, subrequests);
        let id = event.id();
        let script = format!("isolane.dispatch(0, {id}, '{method}', {has_body}, undefined)");
        self.js.execute_script("dispatch.js", script).unwrap();
        event
    }

    /// The text that an event is answered with.
    pub(crate) async fn answer(&mut self, event: &Rc<Event>) -> String {
        let answer = poll_fn(|cx| {
            let _ = self.js.poll_event_loop(cx, PollEventLoopOptions::default());
            match event.take_answer() {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending,
            }
        })
        .await;
        match answer {
            Ok(response) => match response.into_body() {
                ResponseBody::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                ResponseBody::Empty => String::new(),
                ResponseBody::Stream(_) => panic!("the handler answers with a stream"),
            },
            Err(thrown) => format!("{}\n{}", thrown.message, thrown.stack),
        }
    }

    /// Runs the isolate's loop until something else is there.
    pub(crate) async fn until<T>(&mut self, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        poll_fn(|cx| {
            let _ = self.js.poll_event_loop(cx, PollEventLoopOptions::default());
            done.as_mut().poll(cx)
        })
        .await
    }

    /// Ends an event.
    pub(crate) fn end(&mut self, event: Rc<Event>) {
        self.events.remove(event.id());
    }

    /// The text of what a script comes to, which runs outside of any event.
    pub(crate) async fn run(&mut self, script: &'static str) -> String {
        let promise = self.js.execute_script("run.js", script).unwrap();
        let resolved = self.js.resolve(promise);
        let options = PollEventLoopOptions::default();
        let value = self.js.with_event_loop_promise(resolved, options).await.unwrap();
        deno_core::scope!(scope, self.js);
        v8::Local::new(scope, value).to_rust_string_lossy(scope)
    }

    /// What a plain request is answered with.
    pub(crate) async fn get(&mut self) -> String {
        let event = self.begin(get("http://caller.example/"), CallContext::default(), SUBREQUESTS);
        let text = self.answer(&event).await;
        self.end(event);
        text
    }
}

/// A request without a body.
pub(crate) fn get(url: &str) -> Fetch {
    let (head, ()) = http::Request::get(url).body(()).unwrap().into_parts();
    Fetch { head, body: RequestBody::Empty, client: None }
}
