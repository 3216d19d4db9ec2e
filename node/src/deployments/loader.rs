//! Reads deployed versions from the disk when they are first asked for, on threads of its own: no
//! shard waits for the disk, and each version is read by one however many requests wait for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bundle::{ArchiveLimits, Bundle, SourceMaps};
use parking_lot::Mutex;
use registry::Registry;
use runtime::Failure;
use tokio::sync::watch;

use super::definition::{self, Origin};
use super::shared::Shared;
use super::target::{Begin, LoadResult, Loaded, Target};
use crate::log::cut;
use crate::refusal::Served;

/// Threads that read versions.
const THREADS: usize = 2;

/// Requests of one worker that may wait for its version to be read (product.md, Limits).
const MAX_WAITING: usize = 1000;

/// How often it is looked whether versions that were replaced are still in use.
const SWEEP: Duration = Duration::from_secs(1);

/// Has versions read. Its threads end with it.
pub(super) struct Loader {
    jobs: Sender<Job>,
    sweeps: Sender<()>,
}

struct Job {
    target: Arc<Target>,
    result: watch::Sender<Option<LoadResult>>,
}

/// The other end of a [`Loader`], for the threads.
pub(super) struct Inbox {
    jobs: Receiver<Job>,
    sweeps: Receiver<()>,
}

impl Loader {
    pub(super) fn new() -> (Self, Inbox) {
        let (jobs, jobs_inbox) = channel();
        let (sweeps, sweeps_inbox) = channel();
        (Self { jobs, sweeps }, Inbox { jobs: jobs_inbox, sweeps: sweeps_inbox })
    }

    /// Has the leaving versions looked at from now on.
    pub(super) fn sweep(&self) {
        // Nobody is there to do it only when the node ends.
        let _ = self.sweeps.send(());
    }
}

impl Inbox {
    /// Starts the threads.
    pub(super) fn serve(self, shared: &Arc<Shared>) -> io::Result<()> {
        let jobs = Arc::new(Mutex::new(self.jobs));
        for index in 0..THREADS {
            let jobs = Arc::clone(&jobs);
            let shared = Arc::downgrade(shared);
            let thread = thread::Builder::new().name(format!("loader-{index}"));
            thread.spawn(move || {
                loop {
                    // The lock is held by one thread that waits for a job, and by none that has one.
                    let Ok(job) = jobs.lock().recv() else { return };
                    let Some(shared) = shared.upgrade() else { return };
                    shared.do_job(job);
                }
            })?;
        }
        let shared = Arc::downgrade(shared);
        let sweeps = self.sweeps;
        thread::Builder::new().name("sweeper".to_owned()).spawn(move || sweep(&shared, &sweeps))?;
        Ok(())
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
        let Some(_waiter) = target.wait(MAX_WAITING) else {
            return Err(Failure::LoadShed { what: format!("worker {target}") });
        };
        let mut result = self.read_later(target)?;
        let result = result.wait_for(Option::is_some).await;
        result.ok().and_then(|result| result.clone()).unwrap_or(Err(Failure::ShuttingDown))
    }

    /// Has a version read and started ahead of the first request.
    pub(super) fn warm(&self, target: &Arc<Target>) {
        target.touch(self.now_ms());
        match target.loaded() {
            Some(loaded) => self.runtime.warm(&loaded.version),
            // Whoever asks for it hears of a failure.
            None => drop(self.read_later(target)),
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
                self.loader.jobs.send(job).map_err(|_| Failure::ShuttingDown)?;
                Ok(receiver)
            }
        }
    }

    fn do_job(&self, Job { target, result }: Job) {
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
        // Those who waited may have gone.
        let _ = result.send(Some(read));
    }

    /// Reads a version now, on this thread.
    pub(super) fn read(&self, served: &Served) -> Result<Arc<Loaded>, String> {
        let Some(registry) = self.registry.get() else {
            return Err("it is not on disk".to_owned());
        };
        read(self, registry, served)
    }

    /// Takes note of a version that was read.
    pub(super) fn came_into_memory(&self, target: &Arc<Target>, loaded: &Arc<Loaded>) {
        self.cache.add(&self.runtime, target, loaded.bytes);
        // Whoever replaced it may have looked before it was there.
        if target.is_retired()
            && let Some(loaded) = target.evict()
        {
            self.cache.leave(&self.runtime, loaded);
        }
        self.loader.sweep();
    }
}

fn read(shared: &Shared, registry: &Registry, served: &Served) -> Result<Arc<Loaded>, String> {
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
    let secrets = registry.secrets(worker).map_err(|error| error.to_string())?;
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
) -> Result<Arc<Loaded>, super::DeployError> {
    let bytes = bundle_bytes(&bundle);
    let maps = SourceMaps::of(&bundle);
    let definition = definition::of(bundle, origin, shared.mode, &shared.limits, warnings)?;
    let served =
        Served { worker: Arc::clone(&definition.worker), version: Arc::clone(&definition.version) };
    let version = shared.runtime.version(definition);
    Ok(Arc::new(Loaded { served, version, maps, bytes }))
}

/// What a bundle takes in memory.
fn bundle_bytes(bundle: &Bundle) -> u64 {
    let of_module = |module: &bundle::Module| {
        let map = module.source_map.as_ref().map_or(0, |map| map.len());
        (module.source.len() + map + module.specifier.len()) as u64
    };
    bundle.modules.iter().map(of_module).sum()
}

/// Looks at the leaving versions as long as there are any, and then waits for the next.
fn sweep(shared: &Weak<Shared>, sweeps: &Receiver<()>) {
    if let Some(shared) = shared.upgrade() {
        shared.remove_orphans();
    }
    let mut next: Option<Instant> = None;
    loop {
        let told = match next {
            Some(at) => sweeps.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => sweeps.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match told {
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(()) => {
                next.get_or_insert_with(|| Instant::now() + SWEEP);
            }
            Err(RecvTimeoutError::Timeout) => {
                let Some(shared) = shared.upgrade() else { return };
                let is_left = shared.cache.sweep(&shared.runtime);
                next = is_left.then(|| Instant::now() + SWEEP);
            }
        }
    }
}
