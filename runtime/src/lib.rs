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
mod incident;
mod inspect;
mod isolate;
mod memory;
mod outcome;
mod placement;
mod quarantine;
mod runtime;
mod shard;
mod share;
mod version;
mod watchdog;

pub use bindings::event::Idle;
pub use bindings::fetch::OutboundPolicy;
pub use bindings::hops::{Hops, MAX_HOPS};
pub use bindings::pace::Pace;
pub use config::{Config, ConsoleLevel, Observer};
pub use definition::{
    DEFAULT_CPU, DEFAULT_MEMORY_BYTES, Definition, Limits, Module, ModuleSource, Switches,
};
pub use event::{
    BodyError, Chunks, Client, EventReport, FetchEvent, RequestBody, ResponseBody, WaitingBytes,
};
pub use eviction::Eviction;
pub use incident::{Incident, IncidentKind, Resource};
pub use inspect::{Inspect, InspectSession, InspectTarget};
pub use isolate::process::{NICE_LIMIT, REAL_TIME_LIMIT, round_trip};
pub use memory::{MemoryFigures, ProgramMemory};
pub use outcome::{Failure, Outcome};
pub use runtime::{FrontShard, Offender, RestartReason, Runtime, StartReport, Stats, Succession};
pub use version::Version;
