//! One V8 isolate: made from the snapshot, parked except while it runs, entered only through
//! [`Isolate::enter`]. The only folder of the project with `unsafe` code.
//! Not here: which events run in it and when (the shard).
#![allow(unsafe_code, reason = "the one place of the project that may")]

mod allocator;
pub(crate) mod clock;
mod copy;
pub(crate) mod cores;
mod enter;
pub(crate) mod fatal;
pub(crate) mod icu;
mod interrupt;
pub(crate) mod ledger;
mod load;
mod loader;
mod memory;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod restraint;
mod room;
pub(crate) mod stack;
mod trace;
pub(crate) mod turns;

use std::rc::Rc;
use std::sync::Arc;

use bindings::blob::QuotaBlobStore;
use bindings::clock::Clock;
use bindings::compat::LimitCheck;
use bindings::crypto::CpuAccount;
use bindings::event::outgoing::Outgoing;
use bindings::event::{Console, Events};
use bindings::fetch::WorkerOutbound;
use bindings::memory::Meter;
use deno_core::futures::channel::mpsc::UnboundedSender;
use deno_core::{InspectorSessionProxy, JsRuntime, RuntimeOptions, v8};

use ledger::Ledger;
use loader::WorkerLoader;
use memory::BufferQuota;
use pulse::Pulse;
use room::Room;

use crate::memory as memory_of_node;

pub(crate) use enter::{Opening, Slice, SliceEnd, is_entered};
pub(crate) use load::{LoadError, Loaded};
pub(crate) use memory::ShortOf;

static SNAPSHOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/isolane.snapshot"));

/// An isolate. Bound to the thread that made it; parked whenever no slice runs.
pub(crate) struct Isolate {
    /// Taken when dropped, for that has to happen inside the isolate.
    js: Option<JsRuntime>,
    functions: Functions,
    loader: Rc<WorkerLoader>,
    events: Events,
    ledger: Rc<Ledger>,
    handle: v8::IsolateHandle,
    clock: Clock,
    pulse: Arc<Pulse>,
}

/// The functions of the bindings that Rust calls.
struct Functions {
    abort: v8::Global<v8::Function>,
    dispatch: v8::Global<v8::Function>,
    finish: v8::Global<v8::Function>,
    install: v8::Global<v8::Function>,
    prepare: v8::Global<v8::Function>,
}

impl Isolate {
    /// Makes an isolate with no worker in it: a spare. Takes 5 to 10 ms, nearly all of it
    /// V8's deserialisation of the snapshot. Must be called on a shard, inside its tokio
    /// runtime.
    pub(crate) fn new(pulse: Arc<Pulse>, memory_limit_bytes: usize, inspectable: bool) -> Isolate {
        let _armed = pulse.outside_of_slices();
        let quota = BufferQuota::new(memory_limit_bytes);
        let blobs = QuotaBlobStore::new(memory_limit_bytes);
        let loader = Rc::new(WorkerLoader::default());
        let params = v8::CreateParams::default()
            .heap_limits(0, memory_limit_bytes)
            .array_buffer_allocator(memory::allocator(quota.clone()));
        let params = stack::known(params);
        let mut js = JsRuntime::new(RuntimeOptions {
            extensions: bindings::extensions(blobs.clone()),
            startup_snapshot: Some(SNAPSHOT),
            residual_lazy_js_sources: bindings::compat::SCRIPTS,
            skip_op_registration: true,
            module_loader: Some(loader.clone()),
            create_params: Some(params),
            inspector: inspectable,
            is_main: inspectable,
            ..Default::default()
        });
        let handle = js.v8_isolate().thread_safe_handle();
        let meter = js.op_state().borrow().borrow::<Meter>().clone();
        let ledger = Rc::new(Ledger::new(memory_limit_bytes, quota, blobs, meter.clone()));
        let on_heap_limit = (ledger.clone(), handle.clone());
        js.add_near_heap_limit_callback(move |current, initial| {
            let (ledger, handle) = &on_heap_limit;
            if ledger.wants_a_buffer() {
                return current;
            }
            ledger.memory_exhausted();
            handle.terminate_execution();
            current.max(initial + memory_of_node::emergency_bytes())
        });
        js.v8_isolate().set_allow_atomics_wait(false);
        js.v8_isolate().set_prepare_stack_trace_callback(trace::prepare);
        js.v8_isolate().set_allow_wasm_code_generation_callback(interrupt::allow_wasm);
        let functions = Functions::take(&mut js);
        ledger.set_context(Some(js.main_context()));
        meter.set_limit(Some(Rc::new(Room(ledger.clone()))));
        let asked = ledger.clone();
        js.op_state().borrow_mut().put(LimitCheck::new(move || asked.exceeded()));
        js.op_state().borrow_mut().put(CpuAccount::new(ledger.clone()));
        let events = js.op_state().borrow().borrow::<Events>().clone();
        let clock = js.op_state().borrow().borrow::<Clock>().clone();
        // SAFETY: the runtime was made on this thread a moment ago, so V8 has it entered;
        // nothing of it is used from here on but through `enter`.
        unsafe { js.v8_isolate().exit() };
        Isolate { js: Some(js), functions, loader, events, ledger, handle, clock, pulse }
    }

    /// The events that run in this isolate.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// What the isolate and its events have used.
    pub(crate) fn ledger(&self) -> &Rc<Ledger> {
        &self.ledger
    }

    /// Where debuggers ask for a session, if it was made for them.
    pub(crate) fn debugger_door(&mut self) -> UnboundedSender<InspectorSessionProxy> {
        self.js.as_ref().expect("only Drop takes the runtime").inspector().get_session_sender()
    }

    /// Lets its clocks go on while code runs.
    pub(crate) fn let_clocks_go(&mut self) {
        self.clock.go_live();
    }

    /// Sets where `console` goes.
    pub(crate) fn set_console(&mut self, console: Console) {
        self.op_state().borrow_mut().put(console);
    }

    /// Sets where the bodies of its answers are charged.
    pub(crate) fn set_outgoing(&mut self, outgoing: Outgoing) {
        self.op_state().borrow_mut().put(outgoing);
    }

    /// Gives it its way to the network.
    pub(crate) fn connect(&mut self, outbound: WorkerOutbound) {
        let limits = Rc::new(self.events.clone());
        bindings::fetch::connect(&mut self.op_state().borrow_mut(), outbound, limits);
    }

    /// The state that the ops share.
    pub(crate) fn op_state(&mut self) -> Rc<std::cell::RefCell<deno_core::OpState>> {
        self.js.as_ref().expect("only Drop takes the runtime").op_state()
    }
}

impl Functions {
    /// Runs `bootstrap` and takes the functions; `__isolane` is gone from the globals then.
    fn take(js: &mut JsRuntime) -> Functions {
        deno_core::scope!(scope, js);
        let context = scope.get_current_context();
        context.set_allow_generation_from_strings(false);
        let global = context.global(scope);
        let key = v8::String::new(scope, "__isolane").expect("a short string");
        let isolane = global.get(scope, key.into()).expect("made by the snapshot");
        let isolane = isolane.to_object(scope).expect("an object");
        let function = |name: &str| {
            let key = v8::String::new(scope, name).expect("a short string");
            let value = isolane.get(scope, key.into()).expect("made by the snapshot");
            let function = v8::Local::<v8::Function>::try_from(value).expect("a function");
            v8::Global::new(scope, function)
        };
        let functions = Functions {
            abort: function("abort"),
            dispatch: function("dispatch"),
            finish: function("finish"),
            install: function("install"),
            prepare: function("prepare"),
        };
        let bootstrap = function("bootstrap");
        let this = v8::undefined(scope).into();
        let bootstrap = v8::Local::new(scope, &bootstrap);
        let date_prototype = copy::of_date_prototype(scope);
        let called = bootstrap.call(scope, this, &[date_prototype.into()]);
        called.expect("bootstrap does not throw");
        functions
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        let Some(mut js) = self.js.take() else { return };
        enter::assert_parked();
        let _armed = self.pulse.outside_of_slices();
        self.ledger.set_context(None);
        // SAFETY: the isolate is parked and this is its thread; V8 wants an isolate to be the
        // current one when it is disposed, and exits it in doing so.
        unsafe { js.v8_isolate().enter() };
        drop(js);
        self.ledger.let_go();
    }
}
