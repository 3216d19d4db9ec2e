//! Loads a worker into a spare isolate: its modules are compiled and evaluated, its handler
//! found, within the start-up limits.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bindings::event::{IllegibleRejection, Thrown, describe};
use bindings::intl::DateFormats;
use bindings::kv::KvNamespaces;
use bindings::modules::ModuleBytes;
use deno_core::error::{CoreError, CoreErrorKind};
use deno_core::{ModuleId, ModuleSpecifier, v8};

use super::ledger::{Payer, Verdict};
use super::{Isolate, ShortOf, Slice};
use crate::code_cache::CodeCache;
use crate::definition::{Definition, Switches};

/// Turns of the event loop that top-level code gets. It can wait for promises only (there
/// are no timers and no I/O outside of an event), so a few turns are enough for all of it.
const START_TURNS: usize = 1000;

/// A worker that has started.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// CPU time of its top-level code, compilation included.
    pub(crate) cpu: Duration,
    /// The names of its handlers, called or not.
    pub(crate) handlers: Vec<String>,
}

/// Why a worker does not start.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// Its code does not compile, throws, never settles, or has no handler.
    Failed(Thrown),
    /// It exceeded a start-up limit.
    Exceeded(Verdict),
    /// It threw, after the node had no room for memory that it asked for.
    NodeFull,
}

impl Isolate {
    /// Loads a worker into this isolate, which must be a spare.
    pub(crate) fn load(
        &mut self,
        definition: &Arc<Definition>,
        cache: &Arc<CodeCache>,
        kv: KvNamespaces,
        start_cpu: Duration,
    ) -> Result<Loaded, LoadError> {
        let modules = self.loader.set(definition, cache);
        let compiling = self.ledger.compiling();
        {
            let state = self.op_state();
            let mut state = state.borrow_mut();
            state.put(ModuleBytes { modules, compiling });
            state.put(DateFormats::of_worker(&definition.worker));
            bindings::kv::install(&mut state, kv);
        }
        self.ledger.open_start(start_cpu, definition.limits.cpu, definition.unsafe_eval);
        let (result, end) = self.enter(Payer::Start, |slice| slice.start(definition));
        match (end.verdict, result) {
            (Some(verdict), _) => Err(LoadError::Exceeded(verdict)),
            (None, Err(_)) if self.ledger.take_refused() == Some(ShortOf::Node) => {
                Err(LoadError::NodeFull)
            }
            (None, Err(thrown)) => Err(LoadError::Failed(thrown)),
            (None, Ok(handlers)) => Ok(Loaded { cpu: self.ledger.used_by_start(), handlers }),
        }
    }
}

impl Slice<'_> {
    fn start(&mut self, definition: &Definition) -> Result<Vec<String>, Thrown> {
        self.prepare(definition)?;
        let main = ModuleSpecifier::parse(&definition.main).map_err(|error| {
            thrown(format!("\"{}\" is no module URL: {error}", definition.main))
        })?;
        let id = self.compile(&main)?;
        self.allow_eval(definition.startup_eval || definition.unsafe_eval);
        self.evaluate(id)?;
        if let Some(thrown) = self.illegible_rejection() {
            return Err(thrown);
        }
        self.allow_eval(definition.unsafe_eval);
        self.install(id)
    }

    fn allow_eval(&mut self, is_allowed: bool) {
        deno_core::scope!(scope, self.js);
        scope.get_current_context().set_allow_generation_from_strings(is_allowed);
    }

    /// Fills `env`, and defines what the worker's settings ask for.
    fn prepare(&mut self, definition: &Definition) -> Result<(), Thrown> {
        let Definition { vars, missing_bindings: missing, .. } = definition;
        let vars = (!vars.is_empty()).then(|| serde_json::to_string(vars));
        let missing = (!missing.is_empty()).then(|| serde_json::to_string(missing));
        deno_core::scope!(scope, self.js);
        let vars = written(scope, vars, "the variables")?;
        let missing = written(scope, missing, "the names of bindings")?;
        let switches = switches_of(scope, &definition.switches);
        let mut names = Vec::with_capacity(definition.kv_namespaces.len());
        for (name, _) in &definition.kv_namespaces {
            if let Some(name) = v8::String::new(scope, name) {
                names.push(name.into());
            }
        }
        let names = v8::Array::new_with_elements(scope, &names);
        let node_compat = v8::Boolean::new(scope, definition.node_compat);
        let shared_memory = v8::Boolean::new(scope, definition.shared_memory);
        let prepare = v8::Local::new(scope, &self.functions.prepare);
        let this = v8::undefined(scope).into();
        v8::tc_scope!(let scope, scope);
        let arguments = [
            vars,
            names.into(),
            missing,
            node_compat.into(),
            shared_memory.into(),
            switches.into(),
        ];
        if prepare.call(scope, this, &arguments).is_none() {
            return Err(caught(scope.exception().map(|error| describe(scope, error))));
        }
        Ok(())
    }

    fn compile(&mut self, main: &ModuleSpecifier) -> Result<ModuleId, Thrown> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut load = pin!(self.js.load_main_es_module(main));
        // The loader answers at once, so each turn makes progress.
        for _ in 0..START_TURNS {
            if let Poll::Ready(result) = load.as_mut().poll(&mut cx) {
                return result.map_err(|error| core_error(&error));
            }
        }
        Err(thrown("the modules could not be loaded".to_owned()))
    }

    fn evaluate(&mut self, id: ModuleId) -> Result<(), Thrown> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut evaluation = pin!(self.js.mod_evaluate(id));
        for _ in 0..START_TURNS {
            if let Poll::Ready(result) = evaluation.as_mut().poll(&mut cx) {
                return result.map_err(|error| core_error(&error));
            }
            match self.poll(&mut cx) {
                Poll::Ready(Err(error)) => return Err(core_error(&error)),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if self.js.v8_isolate().is_execution_terminating() {
                break;
            }
        }
        Err(thrown("top-level await never settles: nothing it waits for is pending".to_owned()))
    }

    /// An exception of the top level that is too long for deno_core to put into words.
    fn illegible_rejection(&mut self) -> Option<Thrown> {
        // Has the rejections reported that nobody has handled, the module's own among them.
        let _ = self.poll(&mut Context::from_waker(Waker::noop()));
        IllegibleRejection::take(&mut self.js.op_state().borrow_mut())
    }

    fn install(&mut self, id: ModuleId) -> Result<Vec<String>, Thrown> {
        let namespace = self.js.get_module_namespace(id).map_err(|error| core_error(&error))?;
        deno_core::scope!(scope, self.js);
        let namespace = v8::Local::new(scope, namespace);
        let install = v8::Local::new(scope, &self.functions.install);
        let this = v8::undefined(scope).into();
        v8::tc_scope!(let scope, scope);
        let Some(names) = install.call(scope, this, &[namespace.into()]) else {
            return Err(caught(scope.exception().map(|error| describe(scope, error))));
        };
        let names = names.to_rust_string_lossy(scope);
        Ok(names.split(' ').map(str::to_owned).collect())
    }
}

/// JSON for the bindings; nothing where there is nothing to write.
fn written<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    json: Option<serde_json::Result<String>>,
    what: &str,
) -> Result<v8::Local<'s, v8::Value>, Thrown> {
    let Some(json) = json else { return Ok(v8::undefined(scope).into()) };
    let json = json.map_err(|error| thrown(format!("{what} cannot be written: {error}")))?;
    let text = v8::String::new(scope, &json);
    text.map(Into::into).ok_or_else(|| thrown(format!("{what} are too long")))
}

/// What the compatibility date and flags decide, as the bindings read it (`switches.js`).
fn switches_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    switches: &Switches,
) -> v8::Local<'s, v8::Object> {
    let object = v8::Object::new(scope);
    for (name, value) in [
        ("botManagementDefault", switches.bot_management_default),
        ("nodeTimers", switches.node_timers),
        ("upperCaseMethods", switches.upper_case_methods),
        ("signalPassthrough", switches.signal_passthrough),
    ] {
        let name = v8::String::new(scope, name).expect("it is short");
        let value = v8::Boolean::new(scope, value);
        object.set(scope, name.into(), value.into());
    }
    object
}

fn thrown(message: String) -> Thrown {
    Thrown { message, stack: String::new() }
}

fn caught(error: Option<Thrown>) -> Thrown {
    error.unwrap_or_else(|| thrown("execution was terminated".to_owned()))
}

fn core_error(error: &CoreError) -> Thrown {
    match error.as_kind() {
        CoreErrorKind::Js(error) => {
            let message = &error.exception_message;
            let message = message.strip_prefix("Uncaught ").unwrap_or(message);
            Thrown { message: message.to_owned(), stack: error.stack.clone().unwrap_or_default() }
        }
        _ => thrown(error.to_string()),
    }
}
