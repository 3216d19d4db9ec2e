//! What a worker's version is made of, and its limits. Plain data that the node fills in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// One version of a worker: everything an isolate needs to serve it.
#[derive(Clone)]
pub struct Definition {
    /// The worker's name.
    pub worker: Arc<str>,
    /// The version's identifier, content-addressed.
    pub version: Arc<str>,
    /// The URL of the module whose exports are the handlers.
    pub main: String,
    /// All modules; the main one among them.
    pub modules: Vec<Module>,
    /// Variables in `env`.
    pub vars: serde_json::Map<String, serde_json::Value>,
    /// KV namespaces in `env`: the binding's name and the namespace's identifier.
    pub kv_namespaces: Vec<(String, String)>,
    /// Bindings in `env` of kinds that the runtime does not have, and what asks for them in the
    /// project's configuration: whoever uses one is told so.
    pub missing_bindings: BTreeMap<String, String>,
    /// Limits of its events and isolates.
    pub limits: Limits,
    /// Whether the globals of Node are there: `Buffer`, `process`, `global`, `setImmediate`,
    /// `clearImmediate` (compatibility flag `nodejs_compat`).
    pub node_compat: bool,
    /// Whether `node:async_hooks` is there, though the rest of Node may not be (compatibility flag
    /// `nodejs_als`).
    pub node_als: bool,
    /// Whether `eval` and `new Function` are allowed while it starts.
    pub startup_eval: bool,
    /// Whether `eval`, `new Function` and Wasm from bytes are allowed at any time.
    pub unsafe_eval: bool,
    /// Whether there is `SharedArrayBuffer`.
    pub shared_memory: bool,
    /// What else its compatibility date and flags decide.
    pub switches: Switches,
}

/// What of the API is as it was before a compatibility date, or as it is from one on
/// (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>). The default is a
/// worker without a date, which is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Whether `setTimeout` and `setInterval` answer objects, as in Node (`enable_nodejs_global_timers`).
    /// Only where the globals of Node are there.
    pub node_timers: bool,
    /// Whether any method of a request is known in lower case, too (`upper_case_all_http_methods`).
    pub upper_case_methods: bool,
    /// Whether `request.cf.botManagement` is invented where nothing is known (`cf_botmanagement_default`).
    pub bot_management_default: bool,
    /// Whether subrequests that are made of the client's request end when the client goes away
    /// (`request_signal_passthrough`).
    pub signal_passthrough: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            node_timers: false,
            upper_case_methods: true,
            bot_management_default: false,
            signal_passthrough: false,
        }
    }
}

/// Without the variables, among which are secrets, and without the modules, which are long.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("worker", &self.worker)
            .field("version", &self.version)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One module of a version.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its URL, as stacks name it (`worker:///src/index.ts`).
    pub url: String,
    /// Its content.
    pub source: ModuleSource,
    /// What its import specifiers mean: as written, to the URL of a module of this version,
    /// or to a module that the runtime provides (`provided::find`).
    pub imports: BTreeMap<String, String>,
}

/// The content of a module, by type (product.md, Worker API).
#[derive(Debug, Clone)]
pub enum ModuleSource {
    /// An ES module in JavaScript.
    EsModule(Arc<str>),
    /// JSON; the default export is its value.
    Json(Arc<str>),
    /// Text; the default export is a string.
    Text(Arc<str>),
    /// Bytes; the default export is an `ArrayBuffer`.
    Data(Bytes),
    /// Wasm; the default export is a `WebAssembly.Module`.
    Wasm(Bytes),
}

/// Limits of one worker (product.md, Limits).
#[derive(Debug, Clone)]
pub struct Limits {
    /// CPU time of one event; [`DEFAULT_CPU`] where nobody names one.
    pub cpu: Duration,
    /// Heap, `ArrayBuffer`s and Wasm memory of one isolate, in bytes.
    pub memory_bytes: usize,
    /// Subrequests of one event.
    pub subrequests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { cpu: DEFAULT_CPU, memory_bytes: DEFAULT_MEMORY_BYTES, subrequests: 1000 }
    }
}

/// The default CPU time of an event: what hashing a password, drawing a picture or reading a PDF takes.
pub const DEFAULT_CPU: Duration = Duration::from_secs(1);

/// The default memory limit of an isolate, in bytes; spare isolates are made with it.
pub const DEFAULT_MEMORY_BYTES: usize = 128 << 20;
