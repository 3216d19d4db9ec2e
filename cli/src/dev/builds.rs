//! The commands that make the modules of workers: they run before a worker is loaded, and again when
//! something changes that they read. What is loaded then is `watch`'s.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bundle::{CustomBuild, Outline};
use node::WorkerConfig;

use super::folders::{Change, Folders, is_written_by_hand};
use crate::project;
use crate::project::build::{self, Purpose, Show};
use crate::terminal::{DIM, GOOD, Lines, took};

/// What is another after each of so many runs in a row is written by the command itself.
const OWN_RUNS: usize = 3;
/// How often a command runs for what changes while it runs, after a person's last change: one that
/// writes other files each time would not end.
const MOST_RUNS: usize = 5;

/// The commands of all workers, in their order.
pub(super) struct Builds {
    workers: Vec<Build>,
    /// What has changed, of what they read, while none of them ran: that is a person's.
    by_hand: HashSet<PathBuf>,
    /// When the last command ended.
    ended: Option<Stamp>,
    lines: Arc<Lines>,
    show: Show,
}

struct Build {
    worker: WorkerConfig,
    outline: Option<Outline>,
    /// What has changed while it ran last, of what it or a command before it reads.
    meanwhile: HashMap<PathBuf, Touched>,
    /// How often it has run since a person's last change.
    runs: usize,
}

/// A file that has changed while a command ran: that has written it, or a person, too late for the
/// command to read it.
struct Touched {
    /// A hash of what the file held at the end of the run; nothing for what is none.
    content: Option<u64>,
    /// In how many runs in a row.
    runs: usize,
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
            meanwhile: HashMap::new(),
            runs: 0,
        };
        let printed = Arc::clone(lines);
        let show: Show = Arc::new(move |line| printed.print(format!("{DIM}build{DIM:#} {line}")));
        let workers = workers.iter().map(build).collect();
        let lines = Arc::clone(lines);
        Self { workers, by_hand: HashSet::new(), ended: None, lines, show }
    }

    /// Runs them all for the first time. What they read is watched from then on.
    ///
    /// # Errors
    /// The first that fails.
    pub(super) fn begin(&mut self, folders: &mut Folders) -> anyhow::Result<()> {
        self.watch(folders);
        for index in 0..self.workers.len() {
            self.run(index, &mut Change::default(), folders)?;
        }
        Ok(())
    }

    /// Watches what they read; answers whether there were new folders.
    pub(super) fn watch(&self, folders: &mut Folders) -> bool {
        let mut is_new = false;
        for build in &self.workers {
            is_new |= build.watch(folders);
        }
        is_new
    }

    /// Whether one of them may make something else after a change of that path.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.workers.iter().any(|build| build.concerns(path, &self.by_hand))
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
        self.note(change);
        let Some(build) = self.workers.get_mut(index) else { return Ok(false) };
        let is_another = build.read_again(change);
        if is_another {
            build.watch(folders);
        }
        let is_asked = change.asked && build.command().is_some();
        let concerns = |path: &PathBuf| build.concerns(path, &self.by_hand);
        if !is_another && !is_asked && !change.paths.iter().any(concerns) {
            return Ok(false);
        }
        self.run(index, change, folders)?;
        Ok(true)
    }

    /// Notes what a person has changed. Not all is: of what a command writes it may be told late.
    fn note(&mut self, change: &Change) {
        let is_persons = |path: &&PathBuf| {
            stamp(path) > self.ended && self.workers.iter().any(|build| build.reads(path))
        };
        let persons: Vec<_> = change.paths.iter().filter(is_persons).cloned().collect();
        if persons.is_empty() {
            return;
        }
        self.by_hand.extend(persons);
        for build in &mut self.workers {
            build.runs = 0;
        }
    }

    /// Runs the command of a worker, if it has one, and adds to a change what has changed since. What
    /// came too late, for it or for those before it, is a change of its own.
    fn run(
        &mut self,
        index: usize,
        change: &mut Change,
        folders: &mut Folders,
    ) -> anyhow::Result<()> {
        let until = self.workers.get_mut(..=index).and_then(|until| until.split_last_mut());
        let Some((build, earlier)) = until else { return Ok(()) };
        if build.command().is_none() {
            return Ok(());
        }
        let result = build.run(&self.lines, &self.show);
        self.ended = now();
        let meanwhile = folders.lately();
        let late = build.late(&meanwhile, earlier, &mut self.by_hand);
        change.extend(meanwhile);
        if build.runs >= MOST_RUNS {
            // It seems to write what a person has changed, too.
            self.by_hand.retain(|path| !late.contains(path));
        } else if !late.is_empty() {
            folders.repeat(late);
        }
        result
    }
}

impl Build {
    fn command(&self) -> Option<&CustomBuild> {
        self.outline.as_ref()?.custom_build.as_ref()
    }

    fn watch(&self, folders: &mut Folders) -> bool {
        let mut is_new = false;
        for path in self.command().into_iter().flat_map(|command| &command.watched) {
            is_new |= folders.watch_project(path);
        }
        is_new
    }

    fn run(&self, lines: &Lines, show: &Show) -> anyhow::Result<()> {
        let Some(command) = self.command() else { return Ok(()) };
        let began = Instant::now();
        build::run(command, Purpose::Development, show)?;
        let took = took(began.elapsed());
        let name = self.outline.as_ref().map_or("", |outline| outline.name.as_str());
        lines.say(&format!("{GOOD}built{GOOD:#} {name} {DIM}{took}{DIM:#}"));
        Ok(())
    }

    /// Takes in what has changed while the command ran. Answers what of that may have come too late to
    /// be read, by it or by those that ran before it.
    fn late(
        &mut self,
        change: &Change,
        earlier: &[Self],
        by_hand: &mut HashSet<PathBuf>,
    ) -> HashSet<PathBuf> {
        self.runs += 1;
        let before = std::mem::take(&mut self.meanwhile);
        for path in &change.paths {
            if !self.reads(path) && !earlier.iter().any(|build| build.reads(path)) {
                continue;
            }
            let known = before.get(path);
            if known.is_none() && !by_hand.contains(path) && stamp(path).is_none() {
                // It came and went.
                continue;
            }
            let content = content(path);
            let runs = match known {
                // Nobody else writes again what is there already.
                Some(known) if known.content == content => {
                    by_hand.remove(path);
                    OWN_RUNS
                }
                Some(known) => known.runs + 1,
                None => 1,
            };
            self.meanwhile.insert(path.clone(), Touched { content, runs });
        }
        let by_hand = &*by_hand;
        let is_late = |path: &&PathBuf| self.own(path, by_hand).is_none();
        self.meanwhile.keys().filter(is_late).cloned().collect()
    }

    /// Reads the configuration again if it has changed; answers whether there is another command to
    /// run, or for other changes.
    fn read_again(&mut self, change: &Change) -> bool {
        let file = self.outline.as_ref().and_then(|outline| outline.config_file.as_deref());
        let has_changed = change.asked
            || file.is_none_or(|file| change.paths.iter().any(|path| file.starts_with(path)));
        if !has_changed {
            return false;
        }
        let Ok(outline) = project::outline(&self.worker) else { return false };
        // Not where it stands in the configuration.
        let what = |build: &CustomBuild| {
            (build.command.clone(), build.folder.clone(), build.watched.clone())
        };
        let before = self.command().map(what);
        self.outline = Some(outline);
        let after = self.command().map(what);
        after.is_some() && after != before
    }

    fn reads(&self, path: &Path) -> bool {
        let watched = self.command().map_or(&[][..], |command| command.watched.as_slice());
        watched.iter().any(|root| is_written_by_hand(root, path))
    }

    /// Whether the command reads the path, and it is not as the command has written it.
    fn concerns(&self, path: &Path, by_hand: &HashSet<PathBuf>) -> bool {
        let is_another = |own: &Touched| own.content != content(path);
        self.reads(path) && self.own(path, by_hand).is_none_or(is_another)
    }

    /// A path as the command has left it, if it is the command that writes it.
    fn own(&self, path: &Path, by_hand: &HashSet<PathBuf>) -> Option<&Touched> {
        let touched = self.meanwhile.get(path)?;
        (touched.runs >= OWN_RUNS && !by_hand.contains(path)).then_some(touched)
    }
}

/// Nothing for what is gone.
fn stamp(path: &Path) -> Option<Stamp> {
    let about = path.symlink_metadata().ok()?;
    Some((about.ctime(), about.ctime_nsec()))
}

fn now() -> Option<Stamp> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some((i64::try_from(now.as_secs()).ok()?, now.subsec_nanos().into()))
}

/// Nothing for what is no file.
fn content(path: &Path) -> Option<u64> {
    // Others may never end.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(path).ok()?);
    Some(hasher.finish())
}
