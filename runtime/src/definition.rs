//! What a worker's version is made of, and its limits. Plain data that the node fills in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bindings::binding::EnvEntry;
use bytes::Bytes;
use compatibility::Compatibility;

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
    /// What its `env` has: variables, secrets, and bindings of every kind.
    pub env: Vec<EnvEntry>,
    /// Limits of its events and isolates.
    pub limits: Limits,
    /// What its compatibility date and flags decide
    /// (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>).
    pub compatibility: Compatibility,
    /// Whether `eval`, `new Function` and Wasm from bytes are allowed at any time.
    pub unsafe_eval: bool,
}

/// Without the environment, in which there are secrets, and without the modules, which are long.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("worker", &self.worker)
            .field("version", &self.version)
            .field("limits", &self.limits)
            .field("compatibility", &self.compatibility)
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
    /// CPU time of one request; [`DEFAULT_CPU`] where nobody names one.
    pub cpu: Duration,
    /// Whether the worker's own configuration names that: it holds for its events of all kinds then,
    /// of which each has its own otherwise.
    pub is_cpu_named: bool,
    /// Heap, `ArrayBuffer`s and Wasm memory of one isolate, in bytes.
    pub memory_bytes: usize,
    /// Subrequests of one event.
    pub subrequests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            cpu: DEFAULT_CPU,
            is_cpu_named: false,
            memory_bytes: DEFAULT_MEMORY_BYTES,
            subrequests: 1000,
        }
    }
}

/// The default CPU time of a request: what hashing a password, drawing a picture or reading a PDF takes.
pub const DEFAULT_CPU: Duration = Duration::from_secs(1);

/// The default memory limit of an isolate, in bytes; spare isolates are made with it.
pub const DEFAULT_MEMORY_BYTES: usize = 128 << 20;
