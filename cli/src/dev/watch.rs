//! Reloads a worker when a file it was made from changes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use node::{Deployments, Runtime, Worker};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::terminal::{DIM, ERROR, GOOD, WARNING, took};

/// Editors write a file in several steps: changes are gathered for this long.
const SETTLE: Duration = Duration::from_millis(8);

/// Watches until it is dropped.
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches the folders of all files that the workers were made from.
    pub(super) fn start(
        deployments: &Arc<Deployments>,
        runtime: &Runtime,
    ) -> anyhow::Result<Watch> {
        let (sender, changes) = channel();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if let Ok(event) = event
                    && !matches!(event.kind, EventKind::Access(_))
                {
                    let _ = sender.send(event.paths);
                }
            })
            .context("cannot watch files")?;
        let mut watched = HashSet::new();
        for worker in deployments.workers() {
            watch_folders(&mut watcher, &mut watched, &worker);
        }
        let (deployments, runtime) = (Arc::clone(deployments), runtime.clone());
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            while let Some(paths) = settled(&changes) {
                reload(&deployments, &runtime, &paths);
            }
        })?;
        Ok(Watch { _watcher: watcher })
    }
}

fn watch_folders(
    watcher: &mut RecommendedWatcher,
    watched: &mut HashSet<PathBuf>,
    worker: &Worker,
) {
    let folders = worker.inputs().iter().filter_map(|file| file.parent());
    for folder in folders.chain([worker.root()]) {
        if watched.insert(folder.to_owned())
            && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
        {
            anstream::eprintln!(
                "{WARNING}warning{WARNING:#}: cannot watch {}: {error}",
                folder.display()
            );
        }
    }
}

/// Waits for changes, and then until there are no more for a moment.
fn settled(changes: &Receiver<Vec<PathBuf>>) -> Option<HashSet<PathBuf>> {
    let mut paths: HashSet<_> = changes.recv().ok()?.into_iter().collect();
    loop {
        match changes.recv_timeout(SETTLE) {
            Ok(more) => paths.extend(more),
            Err(RecvTimeoutError::Timeout) => return Some(paths),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// Reloads the workers that the changed files concern.
fn reload(deployments: &Deployments, runtime: &Runtime, changed: &HashSet<PathBuf>) {
    for (index, worker) in deployments.workers().iter().enumerate() {
        if !changed.iter().any(|path| concerns(worker, path)) {
            continue;
        }
        let began = Instant::now();
        match deployments.reload(index) {
            Ok(reload) if reload.changed => {
                runtime.warm(reload.worker.version());
                for warning in reload.worker.warnings() {
                    anstream::eprintln!("{WARNING}warning{WARNING:#}: {warning}");
                }
                anstream::println!(
                    "{GOOD}reloaded{GOOD:#} {name} {DIM}{took}{DIM:#}",
                    name = worker.name(),
                    took = took(began.elapsed()),
                );
            }
            Ok(_) => {}
            Err(error) => {
                anstream::eprintln!("{ERROR}error{ERROR:#}: {error}");
                anstream::eprintln!("{DIM}{} goes on as it was{DIM:#}", worker.name());
            }
        }
    }
}

/// Whether a worker may be another one after this file has changed. A file that is not part of
/// it may be what a broken import was waiting for.
fn concerns(worker: &Worker, path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    worker.inputs().iter().any(|input| input == path)
        || (!hidden && path.starts_with(worker.root()))
}
