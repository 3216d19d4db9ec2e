//! From a file or a folder of JavaScript or TypeScript to the modules of a worker: the project's
//! configuration, its modules, their source maps. No V8, no sockets, no asynchronous I/O.
#![forbid(unsafe_code)]

mod archive;
mod bundle;
mod config;
mod error;
mod load;
mod name;
mod project;
mod settings;
mod source_maps;
mod text;
mod transpile;

pub use archive::{ArchiveError, ArchiveLimits, Unpacked};
pub use bundle::{Bundle, Module, ModuleKind, VersionId};
pub use error::{BundleError, ConfigError, FileSize, Location, SourceError, SourceFault, Warning};
pub use load::MAX_BUNDLE_BYTES;
pub use project::Project;
pub use settings::{
    CPU_MS_RANGE, KvNamespace, Limits, MEMORY_MB_RANGE, SUBREQUESTS_RANGE, Settings,
};
pub use source_maps::{MODULE_PREFIX, Position, SourceMaps, module_url, specifier_of_url};
