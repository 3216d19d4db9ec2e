//! Reads deployed versions from the disk when they are first asked for, on threads of its own: no
//! shard waits for the disk, and each version is read by one however many requests wait for it.

mod guesses;
mod queue;
mod threads;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use bundle::{ArchiveLimits, Bundle, SourceMaps};
use registry::{Registry, Secret};
use runtime::{Definition, Failure};
use tokio::sync::watch;

use super::DeployError;
use super::definition::{self, Origin};
use super::environment;
use super::shared::Shared;
use super::target::{Begin, LoadResult, Loaded, Program, Target};
use crate::log::cut;
use crate::refusal::Served;
use guesses::Guesses;
use threads::Told;

pub(super) use threads::Inbox;

/// Events of one worker that may wait for its version to be read (product.md, Limits).
const MAX_WAITING: usize = 1000;

/// A version that was asked for within this time is read ahead of a request that is only likely,
/// however many of these there are.
const WARMED_WITHIN: Duration = Duration::from_secs(3600);

/// Has versions read. Its threads end with it.
pub(super) struct Loader {
    told: Sender<Told>,
    sweeps: Sender<()>,
    guesses: Guesses,
}

/// A version to be read, and where to say so.
struct Job {
    target: Arc<Target>,
    result: watch::Sender<Option<LoadResult>>,
}

impl Loader {
    pub(super) fn new() -> (Self, Inbox) {
        let (told, told_inbox) = channel();
        let (sweeps, sweeps_inbox) = channel();
        (
            Self { told, sweeps, guesses: Guesses::default() },
            Inbox { told: told_inbox, sweeps: sweeps_inbox },
        )
    }

    /// Has the leaving versions looked at from now on.
    pub(super) fn sweep(&self) {
        // Nobody is there to do it only when the node ends.
        let _ = self.sweeps.send(());
    }
}

impl Shared {
    /// The version of a target; it is read first where it has to be.
    pub(super) async fn load(&self, target: &Arc<Target>) -> LoadResult {
        target.touch(self.now_ms());
        if let Some(loaded) = target.loaded() {
            return Ok(loaded);
        }
        if target.is_retired()
            && let Some(loaded) = self.cache.find_leaving(target.served())
        {
            return Ok(loaded);
        }
        let turned_away =
            |failure: &Failure| self.runtime.turned_away(&target.served().worker, failure);
        let Some(_waiter) = target.wait(MAX_WAITING) else {
            let failure = Failure::LoadShed { what: format!("worker {target}") };
            turned_away(&failure);
            return Err(failure);
        };
        let mut result = self.read_later(target).inspect_err(turned_away)?;
        let result = result.wait_for(Option::is_some).await;
        result.ok().and_then(|result| result.clone()).unwrap_or(Err(Failure::ShuttingDown))
    }

    /// Has a version made ready for a request that is only likely: a handshake names its host, and
    /// anybody can begin one. So that is no use of the version, which keeps it in memory, and of those
    /// that nobody has asked for lately a few in a second are read.
    pub(super) fn warm(&self, target: &Arc<Target>) {
        match target.loaded() {
            Some(loaded) => self.runtime.warm(&loaded.version),
            // Whoever asks for it hears of a failure.
            None => {
                let now_ms = self.now_ms();
                if target.was_used_within(WARMED_WITHIN, now_ms)
                    || self.loader.guesses.count(now_ms)
                {
                    drop(self.read_later(target));
                }
            }
        }
    }

    fn read_later(
        &self,
        target: &Arc<Target>,
    ) -> Result<watch::Receiver<Option<LoadResult>>, Failure> {
        match target.begin() {
            Begin::Wait(result) => Ok(result),
            Begin::Failed(failure) => Err(failure),
            Begin::Read(sender, receiver) => {
                let job = Job { target: Arc::clone(target), result: sender };
                self.loader.told.send(Told::Wanted(job)).map_err(|_| Failure::ShuttingDown)?;
                Ok(receiver)
            }
        }
    }

    /// Reads a version. Answers what it takes in memory, in bytes.
    fn do_job(&self, Job { target, result }: Job) -> u64 {
        let served = target.served();
        let read = catch_unwind(AssertUnwindSafe(|| self.read(served)));
        let read = read.unwrap_or_else(|_| Err("the loader panicked".to_owned()));
        let read = read.map_err(|message| {
            tracing::error!(
                worker = &*served.worker,
                version = &*served.version,
                "cannot load: {}",
                cut(&message)
            );
            Failure::CannotStart {
                worker: served.worker.to_string(),
                version: served.version.to_string(),
                message,
                stack: String::new(),
            }
        });
        target.finish(&read);
        if let Ok(loaded) = &read {
            self.came_into_memory(&target, loaded);
            if !target.is_retired() {
                self.runtime.warm(&loaded.version);
            }
        }
        let bytes = read.as_ref().map_or(0, |loaded| loaded.program.bytes);
        // Those who waited may have gone.
        let _ = result.send(Some(read));
        bytes
    }

    /// What it takes to read a version, in bytes: what it had in memory the last time, or as much of
    /// that as its record and the length of its archive tell.
    fn bytes_to_read(&self, target: &Target) -> u64 {
        let (known, Served { worker, version }) = (target.known_bytes(), target.served());
        let Some(registry) = self.registry.get().filter(|_| known == 0) else { return known };
        let record = registry.version(worker, version).ok().flatten();
        let archive = fs::metadata(registry.archive_path(version));
        let modules_bytes = record.map_or(0, |record| record.size_bytes);
        modules_bytes.max(archive.map_or(0, |archive| archive.len()))
    }

    /// Reads a version now, on this thread. What is in memory of it is not read once more: other
    /// secrets are all that can be new.
    pub(super) fn read(&self, served: &Served) -> Result<Arc<Loaded>, String> {
        let Some(registry) = self.registry.get() else {
            return Err("it is not on disk".to_owned());
        };
        let secrets = registry.secrets(&served.worker).map_err(|error| error.to_string())?;
        match self.find(served) {
            Some(present) => {
                with_secrets(self, &present, secrets).map_err(|error| error.to_string())
            }
            None => read(self, registry, served, secrets),
        }
    }

    /// Takes note of a version that was read.
    pub(super) fn came_into_memory(&self, target: &Arc<Target>, loaded: &Arc<Loaded>) {
        self.cache.add(&self.runtime, target, loaded);
        // Whoever replaced it may have looked before it was there.
        if target.is_retired()
            && let Some(loaded) = target.evict()
        {
            self.cache.leave(&self.runtime, loaded);
        }
        self.loader.sweep();
    }
}

fn read(
    shared: &Shared,
    registry: &Registry,
    served: &Served,
    secrets: Vec<(String, Secret)>,
) -> Result<Arc<Loaded>, String> {
    let (worker, id) = (&*served.worker, &*served.version);
    let archive = registry.archive(id).map_err(|error| error.to_string())?;
    // It was within the limits when it was uploaded, whatever they were.
    let limits = ArchiveLimits {
        gzip_bytes: u64::MAX >> 8,
        raw_bytes: u64::MAX >> 8,
        map_bytes: u64::MAX >> 8,
    };
    let bundle = Bundle::from_archive(&archive, limits)
        .map_err(|error| format!("{}: {error}", registry.archive_path(id).display()))?;
    if bundle.name != worker {
        let path = registry.archive_path(id);
        return Err(format!("{} is an archive of worker {}", path.display(), bundle.name));
    }
    let origin = Origin::deployed(id, secrets);
    let loaded =
        load(shared, bundle, origin, &mut Vec::new()).map_err(|error| error.to_string())?;
    Ok(loaded)
}

/// Makes a bundle known to the runtime.
pub(super) fn load(
    shared: &Shared,
    bundle: Bundle,
    origin: Origin,
    warnings: &mut Vec<bundle::Warning>,
) -> Result<Arc<Loaded>, DeployError> {
    let (bytes, maps) = (bundle_bytes(&bundle), SourceMaps::of(&bundle));
    let env = environment::of(&bundle.settings, &bundle.name, shared.mode)?;
    let definition = definition::of(bundle, env.clone(), origin, &shared.limits, warnings);
    let memory = shared.runtime.program(&definition.worker, bytes as usize);
    known(shared, definition, Arc::new(Program { maps, env, bytes, memory }))
}

/// A version that is in memory, with the secrets that its worker has now. They share modules and
/// source maps.
fn with_secrets(
    shared: &Shared,
    present: &Loaded,
    secrets: Vec<(String, Secret)>,
) -> Result<Arc<Loaded>, DeployError> {
    let mut env = present.program.env.clone();
    env.extend(environment::secrets(secrets));
    let definition = Definition { env, ..present.version.definition().clone() };
    known(shared, definition, Arc::clone(&present.program))
}

/// Has the runtime grant a version what it is bound to.
fn known(
    shared: &Shared,
    definition: Definition,
    program: Arc<Program>,
) -> Result<Arc<Loaded>, DeployError> {
    let served =
        Served { worker: Arc::clone(&definition.worker), version: Arc::clone(&definition.version) };
    let owner = shared.owners.of(&served.worker);
    let version = shared
        .runtime
        .version(definition)
        .map_err(|source| DeployError::Binding { worker: served.worker.to_string(), source })?;
    Ok(Arc::new(Loaded { served, owner, version, program }))
}

/// What a bundle takes in memory.
fn bundle_bytes(bundle: &Bundle) -> u64 {
    let of_module = |module: &bundle::Module| {
        let map = module.source_map.as_ref().map_or(0, |map| map.len());
        (module.source.len() + map + module.specifier.len()) as u64
    };
    bundle.modules.iter().map(of_module).sum()
}
