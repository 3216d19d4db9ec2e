//! Loads a worker into a spare isolate: its modules are compiled and evaluated, its handler
//! found, within the start-up limits.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bindings::binding::{Environment, Inside, Prepared};
use bindings::event::{IllegibleRejection, Thrown, describe};
use bindings::intl::DateFormats;
use bindings::modules::ModuleBytes;
use compatibility::Flag;
use deno_core::error::{CoreError, CoreErrorKind};
use deno_core::{ModuleId, ModuleSpecifier, v8};
use kv::Belongings;

use super::ledger::{Payer, Verdict};
use super::{Isolate, ShortOf, Slice};
use crate::code_cache::CodeCache;
use crate::definition::Definition;

/// Turns of the event loop that top-level code gets. It can wait for promises only (there
/// are no timers and no I/O outside of an event), so a few turns are enough for all of it.
const START_TURNS: usize = 1000;

/// A worker that has started.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// CPU time of its top-level code, compilation included.
    pub(crate) cpu: Duration,
    /// The names of its handlers, called or not; `Name.fetch` is one of the export `Name`.
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
    /// Loads a worker into this isolate, which must be a spare. `environment` is what the node has
    /// granted of the one in the definition; what of that is read and written piece by piece is given
    /// up with `belongings`.
    pub(crate) fn load(
        &mut self,
        definition: &Arc<Definition>,
        cache: &Arc<CodeCache>,
        environment: &Environment,
        belongings: &Arc<Belongings>,
        start_cpu: Duration,
    ) -> Result<Loaded, LoadError> {
        let modules = self.loader.set(definition, cache);
        let compiling = self.ledger.compiling();
        let prepared = {
            let state = self.op_state();
            let mut state = state.borrow_mut();
            state.put(ModuleBytes { modules, compiling });
            state.put(DateFormats::of_worker(&definition.worker));
            environment.prepare(Inside { state: &mut state, belongings })
        };
        self.ledger.open_start(start_cpu, definition.limits.cpu, definition.unsafe_eval);
        let (result, end) = self.enter(Payer::Start, |slice| slice.start(definition, &prepared));
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
    fn start(
        &mut self,
        definition: &Definition,
        prepared: &Prepared,
    ) -> Result<Vec<String>, Thrown> {
        self.prepare(prepared)?;
        let main = ModuleSpecifier::parse(&definition.main).map_err(|error| {
            thrown(format!("\"{}\" is no module URL: {error}", definition.main))
        })?;
        let id = self.compile(&main)?;
        let at_start = definition.compatibility.has(Flag::AllowEvalDuringStartup);
        self.allow_eval(at_start || definition.unsafe_eval);
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
    fn prepare(&mut self, prepared: &Prepared) -> Result<(), Thrown> {
        deno_core::scope!(scope, self.js);
        let arguments = prepared.arguments(scope);
        let arguments =
            arguments.ok_or_else(|| thrown("the environment is too long".to_owned()))?;
        let prepare = v8::Local::new(scope, &self.functions.prepare);
        let this = v8::undefined(scope).into();
        v8::tc_scope!(let scope, scope);
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
        // A class that has only methods of its own has no handlers.
        let names = names.split(' ').filter(|name| !name.is_empty());
        Ok(names.map(str::to_owned).collect())
    }
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
