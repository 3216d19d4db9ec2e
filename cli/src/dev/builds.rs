//! The commands that make the modules of workers: they run before a worker is loaded, and again when
//! something changes that they read. What is loaded then is `watch`'s.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bundle::{CustomBuild, Outline};
use node::WorkerConfig;

use super::folders::{Change, Folders, is_written_by_hand};
use crate::project;
use crate::project::build::{self, Purpose, Show};
use crate::terminal::{DIM, GOOD, Lines, took};

/// How often a command runs for one change: what changes meanwhile may have come too late for it.
const MOST_RUNS: usize = 2;

/// The commands of all workers, in their order.
pub(super) struct Builds {
    workers: Vec<Build>,
    lines: Arc<Lines>,
    show: Show,
}

struct Build {
    worker: WorkerConfig,
    outline: Option<Outline>,
    /// What of what it reads changed while it ran, which is what it wrote itself, as a rule, and as it
    /// was at its end.
    written: HashMap<PathBuf, Option<Stamp>>,
}

/// When a file or its name changed, in seconds and nanoseconds: one that was moved to its place has a
/// new one, too.
type Stamp = (i64, i64);

impl Builds {
    /// Runs nothing yet.
    pub(super) fn of(workers: &[WorkerConfig], lines: &Arc<Lines>) -> Self {
        let build = |worker: &WorkerConfig| Build {
            worker: worker.clone(),
            // A configuration at fault has its error told when the worker is loaded.
            outline: project::outline(worker).ok(),
            written: HashMap::new(),
        };
        let printed = Arc::clone(lines);
        let show: Show = Arc::new(move |line| printed.print(format!("{DIM}build{DIM:#} {line}")));
        let workers = workers.iter().map(build).collect();
        Self { workers, lines: Arc::clone(lines), show }
    }

    /// Runs them all for the first time.
    ///
    /// # Errors
    /// The first that fails.
    pub(super) fn begin(&self) -> anyhow::Result<()> {
        for build in &self.workers {
            build.run(&self.lines, &self.show)?;
        }
        Ok(())
    }

    /// Watches what they read.
    pub(super) fn watch(&self, folders: &mut Folders) {
        for command in self.workers.iter().filter_map(Build::command) {
            for path in &command.watched {
                folders.watch_project(path);
            }
        }
    }

    /// Whether one of them may make something else after a change of that path.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.workers.iter().any(|build| build.concerns(path))
    }

    /// Runs the command of a worker if a change makes that necessary, and adds to it what has changed
    /// since. Answers whether it has run.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn run_after(
        &mut self,
        index: usize,
        change: &mut Change,
        folders: &mut Folders,
    ) -> anyhow::Result<bool> {
        let Some(build) = self.workers.get_mut(index) else { return Ok(false) };
        let is_another = build.read_again(change);
        let is_asked = change.asked && build.command().is_some();
        if !is_another && !is_asked && !change.paths.iter().any(|path| build.concerns(path)) {
            return Ok(false);
        }
        for _ in 0..MOST_RUNS {
            let result = build.run(&self.lines, &self.show);
            let meanwhile = folders.lately();
            let written: HashMap<_, _> = meanwhile
                .paths
                .iter()
                .filter(|path| build.reads(path))
                .map(|path| (path.clone(), stamp(path)))
                .collect();
            // What changes each time is written by the command itself.
            let is_late = written.keys().any(|path| !build.written.contains_key(path));
            build.written = written;
            change.extend(meanwhile);
            result?;
            if !is_late {
                break;
            }
        }
        Ok(true)
    }
}

impl Build {
    fn command(&self) -> Option<&CustomBuild> {
        self.outline.as_ref()?.custom_build.as_ref()
    }

    fn run(&self, lines: &Lines, show: &Show) -> anyhow::Result<()> {
        let Some(command) = self.command().cloned() else { return Ok(()) };
        let began = Instant::now();
        build::run(&command, Purpose::Development, show)?;
        let took = took(began.elapsed());
        let name = self.outline.as_ref().map_or("", |outline| outline.name.as_str());
        lines.say(&format!("{GOOD}built{GOOD:#} {name} {DIM}{took}{DIM:#}"));
        Ok(())
    }

    /// Reads the configuration again if it has changed; answers whether there is another command to
    /// run.
    fn read_again(&mut self, change: &Change) -> bool {
        let file = self.outline.as_ref().and_then(|outline| outline.config_file.as_deref());
        let has_changed = change.asked
            || file.is_none_or(|file| change.paths.iter().any(|path| file.starts_with(path)));
        if !has_changed {
            return false;
        }
        let Ok(outline) = project::outline(&self.worker) else { return false };
        let what = |build: &CustomBuild| (build.command.clone(), build.folder.clone());
        let before = self.command().map(what);
        self.outline = Some(outline);
        let after = self.command().map(what);
        after.is_some() && after != before
    }

    fn reads(&self, path: &Path) -> bool {
        let watched = self.command().map_or(&[][..], |command| command.watched.as_slice());
        watched.iter().any(|root| is_written_by_hand(root, path))
    }

    /// Whether the command reads the path, and it is not as the command left it.
    fn concerns(&self, path: &Path) -> bool {
        self.reads(path) && self.written.get(path) != Some(&stamp(path))
    }
}

/// Nothing for what is gone.
fn stamp(path: &Path) -> Option<Stamp> {
    let about = path.symlink_metadata().ok()?;
    Some((about.ctime(), about.ctime_nsec()))
}
