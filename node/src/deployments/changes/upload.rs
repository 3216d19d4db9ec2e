//! A version comes: it is taken apart, started in an isolate that is thrown away, and kept. It
//! serves nobody before it is made active.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bundle::{ArchiveError, ArchiveLimits, Bundle, Unpacked, VersionId};
use bytes::Bytes;
use registry::{Binding, VersionRecord};
use router::Pattern;
use runtime::{Failure, Outcome, StartReport};

use super::super::activations::recorded;
use super::super::definition::Origin;
use super::super::handlers::uncalled_handlers;
use super::super::loader;
use super::super::shared::Shared;
use super::super::target::Loaded;
use super::{Arriving, Change, ChangeError, Uploaded, blocking, checks};

/// An archive that has come.
pub(super) struct Archive {
    /// The file that it has arrived in; `None` where it has come otherwise.
    pub(super) file: Option<Arriving>,
    pub(super) bytes: Bytes,
}

/// A version that is one, as far as can be told without running it.
struct Prepared {
    record: VersionRecord,
    is_known: bool,
    loaded: Arc<Loaded>,
    warnings: Vec<String>,
}

impl Archive {
    /// One that is in no file.
    pub(super) fn of(bytes: Bytes) -> Self {
        Self { file: None, bytes }
    }
}

/// Validates a version, and keeps it if that is the `change`.
pub(super) async fn receive(
    shared: &Arc<Shared>,
    worker: &str,
    id: &VersionId,
    archive: Archive,
    change: Option<Change>,
) -> Result<Uploaded, ChangeError> {
    let Archive { file, bytes: archive } = archive;
    checks::name(shared, worker)?;
    let is_kept = change.is_some();
    let change = change.unwrap_or_default();
    let Ok(_permit) = shared.validations.acquire().await else {
        return Err(ChangeError::Unavailable { message: "the node is shutting down".to_owned() });
    };
    let prepared = {
        let (shared, archive) = (Arc::clone(shared), archive.clone());
        let (worker, id) = (worker.to_owned(), id.clone());
        blocking(move || prepare(&shared, &worker, &id, &archive, change)).await?
    };
    let Prepared { mut record, is_known, loaded, mut warnings } = prepared;
    if !is_known {
        let report = start(shared, &loaded).await?;
        record.start_cpu_us = report.cpu.as_micros() as u64;
        record.handlers = report.handlers;
    }
    warnings.extend(uncalled_handlers(&record.worker, &record.handlers));
    if !is_kept {
        return Ok(Uploaded { version: record, created: !is_known, warnings });
    }
    let (shared, file) = (Arc::clone(shared), file.map(Arriving::into_file));
    blocking(move || {
        let registry = shared.registry()?;
        let (version, created) = match file {
            Some(file) => registry.put_received(&record, file, &archive)?,
            None => registry.put_version(&record, &archive)?,
        };
        Ok(Uploaded { version, created, warnings })
    })
    .await
}

/// Does with a version what a node would that has no others, and keeps nothing.
pub(super) async fn rehearse(
    shared: &Arc<Shared>,
    archive: Bytes,
) -> Result<Uploaded, ChangeError> {
    let (mut version, loaded, mut warnings) = {
        let shared = Arc::clone(shared);
        blocking(move || {
            let Unpacked { bundle, id, gzip_bytes } = unpacked(&archive)?;
            let version = record(&bundle, &id, gzip_bytes, Change::default())?;
            let origin = Origin::deployed(&version.id, Vec::new());
            let (loaded, warnings) = load(&shared, bundle, origin)?;
            Ok((version, loaded, warnings))
        })
        .await?
    };
    let report = start(shared, &loaded).await?;
    version.start_cpu_us = report.cpu.as_micros() as u64;
    version.handlers = report.handlers;
    warnings.extend(uncalled_handlers(&version.worker, &version.handlers));
    Ok(Uploaded { version, created: true, warnings })
}

/// Takes an archive apart, and looks whether the node could run what is in it.
fn prepare(
    shared: &Shared,
    worker: &str,
    id: &VersionId,
    archive: &[u8],
    change: Change,
) -> Result<Prepared, ChangeError> {
    let registry = shared.registry()?;
    let Unpacked { bundle, id: found, gzip_bytes } = unpacked(archive)?;
    if bundle.name != worker {
        let name = &bundle.name;
        return checks::invalid(format!("the bundle is one of worker {name}, not of {worker}"));
    }
    if found != *id {
        return checks::invalid(format!("the bundle's content has the address {found}, not {id}"));
    }
    let fresh = record(&bundle, id, gzip_bytes, change)?;
    let active = registry.worker(worker)?;
    let secrets = active.map(|active| active.secrets).unwrap_or_default();
    no_secret_among(worker, &fresh.bindings, &secrets)?;
    let known = registry.version(worker, id.as_str())?;
    let is_known = known.is_some();
    let origin = Origin::deployed(id.as_str(), registry.secrets(worker)?);
    let (loaded, warnings) = load(shared, bundle, origin)?;
    Ok(Prepared { record: known.unwrap_or(fresh), is_known, loaded, warnings })
}

fn unpacked(archive: &[u8]) -> Result<Unpacked, ChangeError> {
    Unpacked::from_archive(archive, ArchiveLimits::default()).map_err(refused)
}

/// What is kept of a version that has not been started yet.
fn record(
    bundle: &Bundle,
    id: &VersionId,
    gzip_bytes: u64,
    change: Change,
) -> Result<VersionRecord, ChangeError> {
    let bindings = bindings(bundle)?;
    let settings = &bundle.settings;
    for route in &settings.routes {
        Pattern::parse(route).or_else(|error| checks::invalid(error.to_string()))?;
    }
    Ok(VersionRecord {
        id: id.to_string(),
        worker: bundle.name.clone(),
        created_at_ms: now_ms(),
        who: change.who,
        message: change.message,
        size_bytes: bundle.modules.iter().map(|module| module.source.len() as u64).sum(),
        gzip_bytes,
        start_cpu_us: 0,
        handlers: Vec::new(),
        routes: settings.routes.clone(),
        bindings,
        compatibility_date: settings.compatibility_date.clone(),
        crons: settings.crons.clone(),
        consumers: settings.queue_consumers.iter().map(recorded).collect(),
        tail_consumers: settings.tail_consumers.clone(),
    })
}

fn load(
    shared: &Shared,
    bundle: Bundle,
    origin: Origin,
) -> Result<(Arc<Loaded>, Vec<String>), ChangeError> {
    let mut warnings = Vec::new();
    let loaded = loader::load(shared, bundle, origin, &mut warnings)
        .or_else(|error| checks::invalid(error.to_string()))?;
    Ok((loaded, warnings.iter().map(ToString::to_string).collect()))
}

/// Starts a version in an isolate of its own.
async fn start(shared: &Shared, loaded: &Arc<Loaded>) -> Result<StartReport, ChangeError> {
    let failure = match shared.runtime.check(&loaded.version).await {
        Ok(report) => return Ok(report),
        Err(failure) => failure,
    };
    let message = failure.to_string();
    Err(match failure {
        Failure::ShuttingDown
        | Failure::LoadShed { .. }
        | Failure::NodeFull
        | Failure::Quarantined { .. } => ChangeError::Unavailable { message },
        Failure::CannotStart { stack, .. } => {
            // A map of many megabytes is decoded for that.
            let loaded = Arc::clone(loaded);
            let stack = blocking(move || Ok(loaded.program.maps.map_stack(&stack))).await?;
            ChangeError::StartFailed { message, stack, outcome: Outcome::Exception }
        }
        other => {
            let outcome = other.outcome();
            ChangeError::StartFailed { message, stack: String::new(), outcome }
        }
    })
}

/// What the version sees in `env`. Each name is there once.
fn bindings(bundle: &Bundle) -> Result<Vec<Binding>, ChangeError> {
    let settings = &bundle.settings;
    let binding = |kind: &str, name: &str, target: Option<&str>| Binding {
        kind: kind.to_owned(),
        name: name.to_owned(),
        target: target.map(str::to_owned),
    };
    let namespaces = settings.kv_namespaces.iter();
    let namespaces = namespaces.map(|it| binding("kv_namespace", &it.binding, it.id.as_deref()));
    let queues = settings.queue_producers.iter();
    let queues = queues.map(|it| binding("queue", &it.binding, Some(&it.queue)));
    let services = settings.services.iter();
    let services = services.map(|it| binding("service", &it.binding, Some(&it.service)));
    let vars = settings.vars.keys().map(|name| binding("var", name, None));
    let mut bindings: Vec<_> = namespaces.chain(queues).chain(services).chain(vars).collect();
    bindings.sort_by(|one, other| one.name.cmp(&other.name));
    let twice = bindings.windows(2).find_map(|pair| match pair {
        [one, other] if one.name == other.name => Some(one.name.clone()),
        _ => None,
    });
    match twice {
        Some(name) => checks::invalid(format!("two bindings are named {name}")),
        None => Ok(bindings),
    }
}

/// A binding and a secret of one name: one of them would be hidden.
pub(super) fn no_secret_among(
    worker: &str,
    bindings: &[Binding],
    secrets: &[String],
) -> Result<(), ChangeError> {
    let Some(both) = bindings.iter().find(|binding| secrets.contains(&binding.name)) else {
        return Ok(());
    };
    let Binding { kind, name, .. } = both;
    let message = format!(
        "worker {worker} has a secret named {name}, and the version a {kind} of that name: delete \
         the secret, or give the other another name"
    );
    Err(ChangeError::Conflict { message })
}

/// Milliseconds since the UNIX epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_millis() as u64
}

fn refused(error: ArchiveError) -> ChangeError {
    let message = error.to_string();
    match error {
        ArchiveError::TooLarge { .. } => ChangeError::TooLarge { message },
        ArchiveError::Newer { .. } | ArchiveError::Malformed { .. } => {
            ChangeError::Invalid { message }
        }
    }
}
