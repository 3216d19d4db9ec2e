//! From a file or a folder of JavaScript or TypeScript to the modules of a worker: the project's
//! configuration, its modules bundled with the npm packages that they use, their source maps. No
//! V8, no sockets.
#![forbid(unsafe_code)]

mod archive;
mod bundle;
mod config;
mod custom_build;
mod dev_server;
mod dev_vars;
mod error;
mod load;
mod name;
mod paths;
mod project;
mod settings;
mod source_maps;
mod text;

pub use archive::{ArchiveError, ArchiveLimits, Unpacked};
pub use bundle::{Bundle, Module, ModuleKind, VersionId};
pub use compatibility::{Compatibility, Flag as CompatibilityFlag, TABLE as COMPATIBILITY_FLAGS};
pub use config::{KnownKey, known_keys};
pub use custom_build::CustomBuild;
pub use dev_server::DevServer;
pub use dev_vars::{DevVars, dev_vars};
pub use error::{
    BundleError, ConfigError, Dependencies, FileSize, LoadError, Location, SourceError,
    SourceFault, Warning,
};
pub use load::{LoadOptions, MAX_BUNDLE_BYTES, NodeEnv};
pub use project::{OpenOptions, Outline, Project};
pub use settings::{
    CPU_MS_RANGE, InvalidSettings, KvNamespace, Limits, MAX_CRONS, MEMORY_MB_RANGE,
    QUEUE_BATCH_SIZE_RANGE, QUEUE_BATCH_TIMEOUT_S_RANGE, QUEUE_CONCURRENCY_RANGE,
    QUEUE_DELAY_S_RANGE, QUEUE_NAME_RULE, QUEUE_RETRIES_RANGE, QueueConsumer, QueueProducer,
    SUBREQUESTS_RANGE, Service, Settings,
};
pub use source_maps::{MODULE_PREFIX, Position, SourceMaps, module_url, specifier_of_url};
