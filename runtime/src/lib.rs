//! V8 isolates that serve workers: the snapshot, shards, placement, spares, code cache,
//! limits and the dispatch of events.
//! Not here: HTTP servers, files, routes (the node), what a worker sees (the bindings).

mod caution;
mod clock;
mod code_cache;
mod config;
mod definition;
mod event;
mod eviction;
mod fleet;
mod incident;
mod inspect;
mod isolate;
mod limits;
mod memory;
mod observers;
mod outcome;
mod placement;
mod quarantine;
mod runtime;
mod services;
mod shard;
mod share;
mod version;
mod watchdog;

pub use bindings::binding::{BindingKinds, EnvEntry, GrantError, kinds};
pub use bindings::dispatch::{Address, CallError, Dispatcher, Ended, Reply, Socket, Upgrade};
pub use bindings::event::{
    CallContext, EventId, Idle, Kind, KindResult, QueueBatch, Scheduled, TailBatch, Thrown,
    Trigger, redact_request,
};
pub use bindings::fetch::OutboundPolicy;
pub use bindings::hops::{Hops, MAX_HOPS};
pub use bindings::pace::Pace;
pub use compatibility::{Compatibility, Flag};
pub use config::Config;
pub use definition::{DEFAULT_CPU, DEFAULT_MEMORY_BYTES, Definition, Limits, Module, ModuleSource};
pub use event::{
    BodyError, Call, Chunks, Client, Detail, EventBegan, EventReport, FetchDetail, FetchEvent,
    RequestBody, ResponseBody, WaitingBytes,
};
pub use eviction::Eviction;
pub use incident::{Incident, IncidentKind, Resource};
pub use inspect::{Inspect, InspectSession, InspectTarget};
pub use isolate::process::{NICE_LIMIT, REAL_TIME_LIMIT, round_trip};
pub use memory::{MemoryFigures, ProgramMemory};
pub use observers::{ConsoleLevel, ConsoleLine, Observer};
pub use outcome::{Failure, Outcome};
pub use runtime::{FrontShard, Offender, RestartReason, Runtime, StartReport, Stats, Succession};
pub use version::Version;
