//! Loads a worker again when a file that it was made from changes, and says what became of it.
//! Which folders are watched is `folders`'.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use node::{DeployError, Deployments, Failure, Reload, Runtime, Worker, uncalled_handlers};

use super::awaited::{Awaited, depends};
use super::builds::Builds;
use super::folders::{Change, Folders, Happening, holds_variables, is_written_by_hand};
use super::greeting::{self, Around};
use crate::failure;
use crate::terminal::{DIM, ERROR, GOOD, Lines, took};

/// Files beside the code from which it follows how the code is read.
const MANIFESTS: [&str; 7] = [
    "bun.lock",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "tsconfig.json",
    "yarn.lock",
    "jsconfig.json",
];
/// How often one change can lead to folders that were not watched before.
const MAX_ROUNDS: usize = 3;

/// Watches until the process ends.
pub(super) struct Watch {
    happenings: Sender<Happening>,
}

/// What became of the command that makes a worker's modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Built {
    /// There is none, or it need not run.
    Not,
    Done,
    Failed,
}

/// What loads workers again.
struct Reloader {
    deployments: Arc<Deployments>,
    around: Around,
    runtime: Runtime,
    lines: Arc<Lines>,
    folders: Folders,
    builds: Builds,
    /// For each worker whose files cannot be loaded as they are, what may mend that.
    broken: Vec<Option<Awaited>>,
    /// Runs the trial starts of new versions.
    trials: tokio::runtime::Runtime,
}

impl Watch {
    /// Watches the folders of all files that the workers were made from, too.
    pub(super) fn start(
        around: &Around,
        runtime: &Runtime,
        lines: &Arc<Lines>,
        builds: Builds,
        folders: Folders,
    ) -> anyhow::Result<Watch> {
        let happenings = folders.sender();
        let deployments = &around.deployments;
        let mut reloader = Reloader {
            deployments: Arc::clone(deployments),
            around: around.clone(),
            runtime: runtime.clone(),
            lines: Arc::clone(lines),
            folders,
            builds,
            broken: deployments.workers().iter().map(|_| None).collect(),
            trials: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        };
        reloader.watch_all(true);
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            loop {
                reloader.next();
            }
        })?;
        Ok(Watch { happenings })
    }

    /// Loads all workers again.
    pub(super) fn reload(&self) {
        let _ = self.happenings.send(Happening::Asked);
    }
}

impl Reloader {
    fn next(&mut self) {
        let workers = self.deployments.workers();
        let (broken, builds) = (&self.broken, &self.builds);
        let mut change = self.folders.changed(|path, structural| {
            let mut workers = workers.iter().zip(broken);
            builds.concern(path)
                || workers
                    .any(|(worker, broken)| concerns(worker, path, structural, broken.as_ref()))
        });
        // Before anything is read: what changes from now on is noticed.
        self.watch_all(!change.structural.is_empty());
        let built = self.build(&mut change);
        if built.iter().any(|built| *built != Built::Not) {
            self.watch_all(!change.structural.is_empty());
        }
        for round in 0..MAX_ROUNDS {
            let workers = self.deployments.workers();
            let mut reloaded = false;
            for (index, worker) in workers.iter().enumerate() {
                let broken = self.broken(index);
                let is_it = |path: &PathBuf| {
                    concerns(worker, path, change.structural.contains(path), broken)
                };
                let built = built.get(index).copied().unwrap_or(Built::Not);
                let is_due = change.asked || change.paths.iter().any(is_it);
                if built != Built::Failed && (is_due || (round == 0 && built == Built::Done)) {
                    self.reload(index, worker, change.asked);
                    reloaded = true;
                }
            }
            // Files in a folder that is new to the worker may have changed before it was watched.
            if !reloaded || !self.watch_all(false) {
                return;
            }
            change.asked = false;
        }
    }

    /// Runs the commands that a change concerns; what changes meanwhile becomes part of it.
    fn build(&mut self, change: &mut Change) -> Vec<Built> {
        let workers = self.deployments.workers();
        let each = workers.iter().enumerate().map(|(index, worker)| {
            match self.builds.run_after(index, change, &mut self.folders) {
                Ok(false) => Built::Not,
                Ok(true) => Built::Done,
                Err(error) => {
                    self.complain(worker, &failure::explain(&error));
                    Built::Failed
                }
            }
        });
        each.collect()
    }

    /// Watches what the workers are made from now; answers whether that is more than before.
    fn watch_all(&mut self, whole: bool) -> bool {
        let mut more = false;
        for worker in self.deployments.workers() {
            // The project of a single file is a folder that may hold anything.
            let whole = whole && worker.is_folder();
            more |= self.folders.watch_worker(&worker, whole);
        }
        for awaited in self.broken.iter().flatten() {
            more |= awaited.watch(&mut self.folders);
        }
        if whole {
            self.builds.watch(&mut self.folders);
        }
        if let Some(refusal) = self.folders.refusal() {
            self.lines.warn(&refusal);
        }
        more
    }

    fn reload(&mut self, index: usize, before: &Worker, asked: bool) {
        let began = Instant::now();
        let was_broken = self.broken(index).is_some();
        match self.load(index) {
            Ok(reload) if reload.changed => {
                let worker = &reload.worker;
                // Its first request finds an isolate.
                self.runtime.warm(worker.version());
                let took = took(began.elapsed());
                let name = worker.name();
                self.lines.say(&format!("{GOOD}reloaded{GOOD:#} {name} {DIM}{took}{DIM:#}"));
                self.say_what_is_new(before, worker);
                try_start(&self.trials, &self.deployments, &self.lines, worker);
            }
            Ok(_) if was_broken || asked => {
                let name = before.name();
                self.lines.say(&format!("{GOOD}loaded{GOOD:#} {name} {DIM}as it was{DIM:#}"));
            }
            Ok(_) => {}
            Err(error) => self.complain(before, &error.to_string()),
        }
    }

    /// Loads a worker again. What may mend an error is watched from then on.
    fn load(&mut self, index: usize) -> Result<Reload, DeployError> {
        loop {
            let result = self.deployments.reload(index);
            let awaited = result.as_ref().err().map(Awaited::of);
            let is_new = awaited.as_ref().is_some_and(|it| it.watch(&mut self.folders));
            if let Some(broken) = self.broken.get_mut(index) {
                *broken = awaited;
            }
            if !is_new {
                return result;
            }
            // Once more, for what has changed before it was watched.
        }
    }

    /// Says why a change has no effect.
    fn complain(&self, worker: &Worker, error: &str) {
        self.lines.complain(&format!("{ERROR}error{ERROR:#}: {error}"));
        let name = worker.name();
        self.lines.complain(&format!("{DIM}{name} goes on as it was before this change{DIM:#}"));
    }

    /// What of a worker's configuration is not as it was.
    fn say_what_is_new(&self, before: &Worker, worker: &Worker) {
        if worker.name() != before.name() {
            let (old, new) = (before.name(), worker.name());
            self.lines.say(&format!("{old} is now {new}, at {new}.localhost"));
        }
        // Before others are told whom they find here.
        self.around.sessions.look_again(&self.deployments);
        let known = greeting::details(&self.around, before);
        for (what, names) in greeting::details(&self.around, worker) {
            if !known.contains(&(what.clone(), names.clone())) {
                self.lines.say(&format!("{DIM}{what}{DIM:#} {names}"));
            }
        }
        for cron in worker.crons().iter().filter(|cron| !before.crons().contains(cron)) {
            self.lines.say(&greeting::cron(cron));
        }
        for warning in worker.warnings() {
            if !before.warnings().contains(warning) {
                self.lines.warn(&warning.to_string());
            }
        }
    }

    fn broken(&self, index: usize) -> Option<&Awaited> {
        self.broken.get(index)?.as_ref()
    }
}

/// Starts each worker once, on a thread of its own, to tell of those that cannot answer.
///
/// # Errors
/// When there can be no such thread.
pub(super) fn try_all(deployments: &Arc<Deployments>, lines: &Arc<Lines>) -> anyhow::Result<()> {
    let trials = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (deployments, lines) = (Arc::clone(deployments), Arc::clone(lines));
    std::thread::Builder::new().name("first-start".to_owned()).spawn(move || {
        for worker in deployments.workers() {
            try_start(&trials, &deployments, &lines, &worker);
        }
    })?;
    Ok(())
}

/// Starts the version once, to tell of what would fail with the next request, and of handlers that no
/// request calls.
fn try_start(
    trials: &tokio::runtime::Runtime,
    deployments: &Deployments,
    lines: &Lines,
    worker: &Worker,
) {
    let failure = match trials.block_on(deployments.try_start(worker)) {
        Ok(started) => {
            if let Some(warning) = uncalled_handlers(worker.name(), &started.handlers) {
                lines.warn_once(warning);
            }
            return;
        }
        Err(failure) => failure,
    };
    let what = format!("{} cannot start: ", worker.name());
    match &failure {
        Failure::CannotStart { message, stack, .. } => {
            lines.exception(worker.served(), &what, message, stack);
        }
        other => lines.complain(&format!("{ERROR}{other}{ERROR:#}")),
    }
}

/// Whether a worker may be another one after a change of that path, which was structural when
/// something came, went or got another name. While the worker's files cannot be loaded, any of its
/// author's files may be what mends them.
fn concerns(worker: &Worker, path: &Path, structural: bool, broken: Option<&Awaited>) -> bool {
    if depends(worker.inputs(), worker.folders(), path, structural)
        || broken.is_some_and(|awaited| awaited.concerns(path, structural))
    {
        return true;
    }
    let matters = structural || broken.is_some() || is_manifest(path);
    matters && is_written_by_hand(worker.root(), path)
}

fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    MANIFESTS.contains(&&*name) || holds_variables(&name)
}
