//! The guard: the only way into an isolate. It enters, tells the watchdog, runs a slice of
//! work, charges for it and leaves. Slices never nest and never span an `.await`.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bindings::event::body::RequestBody;
use bindings::event::outgoing::{self, Outgoing, Untaken};
use bindings::event::{EventId, Kind, Trigger};
use deno_core::error::CoreError;
use deno_core::{JsRuntime, PollEventLoopOptions, v8};

use super::allocator;
use super::clock::thread_cpu_ns;
use super::ledger::{Ledger, Payer, Verdict};
use super::{Functions, Isolate};

thread_local! {
    /// The ledger of the isolate that is entered on this thread.
    static ENTERED: RefCell<Option<Rc<Ledger>>> = const { RefCell::new(None) };
}

/// The ledger of the isolate that runs on this thread.
pub(super) fn current_ledger() -> Option<Rc<Ledger>> {
    ENTERED.with(|entered| entered.borrow().clone())
}

/// Whether an isolate is entered on this thread.
pub(crate) fn is_entered() -> bool {
    ENTERED.with(|entered| entered.borrow().is_some())
}

/// Checks that no isolate is entered on this thread. A nested or a missed entry does not
/// crash a release build of V8 but corrupts it, so this is checked always: it costs a
/// nanosecond.
pub(super) fn assert_parked() {
    assert!(!is_entered(), "an isolate is entered on this thread already");
}

/// The inside of an isolate during one slice.
pub(crate) struct Slice<'a> {
    pub(super) js: &'a mut JsRuntime,
    pub(super) functions: &'a Functions,
}

/// How a slice ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceEnd {
    /// CPU time of the thread.
    pub(crate) cpu: Duration,
    /// The limit that was exceeded. V8 has then dropped the isolate's microtasks: it is not
    /// fit for new events.
    pub(crate) verdict: Option<Verdict>,
}

impl Isolate {
    /// Runs one slice of work inside the isolate.
    pub(crate) fn enter<R>(
        &mut self,
        payer: Payer,
        work: impl FnOnce(&mut Slice<'_>) -> R,
    ) -> (R, SliceEnd) {
        assert_parked();
        let js = self.js.as_mut().expect("only Drop takes the runtime");
        ENTERED.with(|entered| *entered.borrow_mut() = Some(self.ledger.clone()));
        self.clock.look();
        allocator::begin(self.ledger.limit_bytes());
        let started_ns = thread_cpu_ns();
        let deadline_ns = self.ledger.begin(payer, started_ns);
        let unlooked_since_ns = started_ns.saturating_sub(self.ledger.unpaid_ns());
        self.pulse.begin(&self.handle, unlooked_since_ns, deadline_ns);
        // SAFETY: no isolate is entered on this thread, and this one was made on it; it is
        // left again below, on every path: a panic in `work` does not come through.
        unsafe { js.v8_isolate().enter() };

        let no_unwinding = AbortOnUnwind;
        let result = work(&mut Slice { js, functions: &self.functions });
        std::mem::forget(no_unwinding);

        let js = self.js.as_mut().expect("only Drop takes the runtime");
        allocator::end();
        self.pulse.end();
        let ended_ns = thread_cpu_ns();
        let verdict = self.ledger.end(ended_ns);
        let verdict = verdict.or(self.ledger.look_at_end(js.v8_isolate(), ended_ns));
        if verdict.is_some() || js.v8_isolate().is_execution_terminating() {
            recover(js);
        }
        // SAFETY: entered above, on this thread.
        unsafe { js.v8_isolate().exit() };
        ENTERED.with(|entered| *entered.borrow_mut() = None);
        let cpu = Duration::from_nanos(ended_ns.saturating_sub(started_ns));
        (result, SliceEnd { cpu, verdict })
    }
}

/// Ends the shard when it is dropped, as V8's own fatal errors do (`fatal.rs`): a panic that was
/// caught further up would leave the isolate entered.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Makes a terminated isolate usable for what is left to do in it.
fn recover(js: &mut JsRuntime) {
    // Always, whatever `is_execution_terminating` says: V8 may have forgotten the request
    // while a later stack check still acts on it.
    js.v8_isolate().cancel_terminate_execution();
    deno_core::scope!(scope, js);
    let none = v8::undefined(scope);
    scope.set_continuation_preserved_embedder_data(none.into());
}

/// What JavaScript is told of an event when it is to be handled, beside its number and whose handler it is.
pub(crate) enum Opening {
    /// A request: its method, and whether it has a body.
    Fetch {
        /// The method.
        method: http::Method,
        /// Whether there is a body to be read.
        has_body: bool,
    },
    /// An event of another kind, of which JavaScript asks what it needs to know.
    Other(Kind),
}

impl Opening {
    pub(crate) fn of(trigger: &Trigger) -> Opening {
        match trigger {
            Trigger::Fetch(fetch) => Opening::Fetch {
                method: fetch.head.method.clone(),
                has_body: matches!(fetch.body, RequestBody::Stream(_)),
            },
            other => Opening::Other(other.kind()),
        }
    }
}

impl Slice<'_> {
    /// Calls the worker's handler for an event, that of its default export where no other entrypoint is
    /// named, and runs its microtasks. Answers the text of a plain response that is ready at once.
    pub(crate) fn dispatch(
        &mut self,
        event: EventId,
        opening: &Opening,
        entrypoint: Option<&str>,
        outgoing: &Outgoing,
    ) -> Option<Result<bytes::Bytes, Untaken>> {
        deno_core::scope!(scope, self.js);
        let function = v8::Local::new(scope, &self.functions.dispatch);
        let none: v8::Local<'_, v8::Value> = v8::undefined(scope).into();
        let id = v8::Integer::new_from_unsigned(scope, event.get()).into();
        let entrypoint: v8::Local<'_, v8::Value> = match entrypoint {
            Some(name) => v8::String::new(scope, name)?.into(),
            None => none,
        };
        let (arguments, count): ([v8::Local<'_, v8::Value>; 5], usize) = match opening {
            Opening::Fetch { method, has_body } => {
                let kind = v8::Integer::new(scope, i32::from(Kind::Fetch as u8)).into();
                let method = match method_index(method) {
                    Some(index) => v8::Integer::new(scope, index).into(),
                    None => v8::String::new(scope, method.as_str())?.into(),
                };
                let has_body = v8::Boolean::new(scope, *has_body).into();
                ([kind, id, method, has_body, entrypoint], 5)
            }
            Opening::Other(kind) => {
                let kind = v8::Integer::new(scope, i32::from(*kind as u8)).into();
                ([kind, id, entrypoint, none, none], 3)
            }
        };
        v8::tc_scope!(let scope, scope);
        let answer = function.call(scope, none, &arguments[..count]);
        scope.perform_microtask_checkpoint();
        let text = v8::Local::<v8::String>::try_from(answer?).ok()?;
        Some(outgoing::text(Some(outgoing), scope, text))
    }

    /// Aborts the signal of an event's request.
    pub(crate) fn abort(&mut self, event: EventId) {
        let functions = self.functions;
        self.call_with_id(&functions.abort, event);
    }

    /// Lets go of what JavaScript keeps for an event.
    pub(crate) fn finish(&mut self, event: EventId) {
        let functions = self.functions;
        self.call_with_id(&functions.finish, event);
    }

    /// One turn of the event loop.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CoreError>> {
        self.js.poll_event_loop(cx, PollEventLoopOptions::default())
    }

    fn call_with_id(&mut self, function: &v8::Global<v8::Function>, event: EventId) {
        deno_core::scope!(scope, self.js);
        let function = v8::Local::new(scope, function);
        let this = v8::undefined(scope).into();
        let id = v8::Integer::new_from_unsigned(scope, event.get()).into();
        v8::tc_scope!(let scope, scope);
        function.call(scope, this, &[id]);
        scope.perform_microtask_checkpoint();
    }
}

/// The index of a method in `event.js`.
fn method_index(method: &http::Method) -> Option<i32> {
    const METHODS: [http::Method; 7] = [
        http::Method::GET,
        http::Method::HEAD,
        http::Method::POST,
        http::Method::PUT,
        http::Method::DELETE,
        http::Method::PATCH,
        http::Method::OPTIONS,
    ];
    METHODS.iter().position(|known| known == method).map(|index| index as i32)
}
