//! Running the bundler: on threads with room for deeply nested code, and so that a fault of its
//! own ends in an error. What it is asked to do is `load/options.rs`'s.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rolldown::{BundleOutput, Bundler, BundlerOptions};
use rolldown_error::BatchedBuildDiagnostic;
use rolldown_plugin::Pluginable;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{MissedTickBehavior, interval};

use crate::error::BundleError;

/// The stack that modules are compiled on, in bytes. The compiler calls itself for each level of
/// nesting, and code that a generator wrote (a sum of thousands of strings) is nested deeply. Only
/// what is used takes memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// How often the bundler is looked at for having lost a task.
const LOST_TASK_INTERVAL: Duration = Duration::from_millis(50);

/// What the bundler answers.
pub(super) type Output = Result<BundleOutput, BatchedBuildDiagnostic>;

/// Runs the bundler.
/// To be called [with a large stack](with_large_stack).
///
/// # Errors
///
/// When the bundler itself fails: it panics, or one of its tasks does.
pub(super) fn run(
    options: BundlerOptions,
    plugin: Arc<dyn Pluginable>,
) -> Result<Output, BundleError> {
    let runtime = runtime()?;
    let run = AssertUnwindSafe(|| {
        runtime.block_on(async {
            let build = async {
                match Bundler::with_plugins(options, vec![plugin]) {
                    Ok(mut bundler) => bundler.generate().await,
                    Err(diagnostics) => Err(diagnostics),
                }
            };
            tokio::select! {
                biased;
                output = build => Ok(output),
                () = a_lost_task(runtime) => Err(BundleError::Bundler {
                    message: "a module could not be compiled".to_owned(),
                }),
            }
        })
    });
    catch_unwind(run).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// Ready when the bundler waits for tasks of which none is left: one panicked, and nothing will
/// ever be heard of it. Twice in a row, because the last task may have answered just before.
async fn a_lost_task(runtime: &Runtime) {
    let mut ticks = interval(LOST_TASK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut idle = 0;
    while idle < 2 {
        ticks.tick().await;
        idle = if runtime.metrics().num_alive_tasks() == 0 { idle + 1 } else { 0 };
    }
}

/// The threads of the bundler, made once: they wait for the next load.
fn runtime() -> Result<&'static Runtime, BundleError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // An error says that the pool exists already, made by another load.
    let _ = rayon::ThreadPoolBuilder::new()
        .thread_name(|index| format!("bundle-link-{index}"))
        .stack_size(STACK_BYTES)
        .build_global();
    let runtime = Builder::new_multi_thread()
        .thread_name("bundle-parse")
        .thread_stack_size(STACK_BYTES)
        .enable_time()
        .build()
        .map_err(|source| BundleError::Bundler { message: source.to_string() })?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Does something that parses code, on a thread with a large stack: parsers call themselves for each
/// level of nesting.
///
/// # Errors
///
/// Those of what is done, and a panic in it.
pub(super) fn with_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, BundleError> + Send,
) -> Result<T, BundleError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("bundle".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| Err(panicked(&*panic))),
            Err(source) => Err(BundleError::Bundler { message: source.to_string() }),
        }
    })
}

fn panicked(panic: &(dyn Any + Send)) -> BundleError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned());
    BundleError::Bundler { message }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use rolldown_plugin::{
        HookLoadArgs, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn,
        HookUsage, Plugin, PluginContext, SharedLoadPluginContext,
    };

    use super::*;

    /// A fault of the bundler in the task that reads a module.
    #[derive(Debug)]
    struct Faulty;

    impl Plugin for Faulty {
        fn name(&self) -> Cow<'static, str> {
            "faulty".into()
        }

        fn register_hook_usage(&self) -> HookUsage {
            HookUsage::ResolveId | HookUsage::Load
        }

        async fn resolve_id(
            &self,
            _context: &PluginContext,
            args: &HookResolveIdArgs<'_>,
        ) -> HookResolveIdReturn {
            assert_ne!(args.specifier, "resolve", "cannot resolve");
            Ok(Some(HookResolveIdOutput::from_id(args.specifier)))
        }

        async fn load(
            &self,
            _context: SharedLoadPluginContext,
            args: &HookLoadArgs<'_>,
        ) -> HookLoadReturn {
            panic!("cannot load {}", args.id)
        }
    }

    #[test]
    fn a_panic_of_the_bundler_is_an_error() {
        for entry in ["load", "resolve"] {
            let input = Some(vec![entry.to_owned().into()]);
            let options = BundlerOptions { input, ..BundlerOptions::default() };
            let error = run(options, Arc::new(Faulty)).err().unwrap();
            assert!(matches!(error, BundleError::Bundler { .. }), "{error}");
        }
    }
}
