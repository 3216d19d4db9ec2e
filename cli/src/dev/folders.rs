//! The folders that are watched for changes, and what changed in them. Which worker a change
//! concerns is `watch`'s.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use node::Worker;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// Editors write a file in several steps: changes are gathered until there are none for so long.
const SETTLE: Duration = Duration::from_millis(8);
/// But not for longer than this: something may write without end.
const GATHER: Duration = Duration::from_millis(100);
/// A file that is being written, and may be empty until then, is waited for so much longer.
const UNFINISHED: Duration = Duration::from_millis(400);
/// Nothing ends the wait for the first change: the sender is held here, too.
const IDLE: Duration = Duration::from_secs(3600);
/// Folders of one project that are watched, beside those of the files it was made from.
const MAX_FOLDERS: usize = 2_000;
/// Packages are not written by hand, and there are too many of them.
const PACKAGES: &str = "node_modules";

/// Something that happened, from the file system or from a person.
#[derive(Debug)]
pub(super) enum Happening {
    /// Paths have changed.
    Files(Change),
    /// Whoever wrote these files has closed them.
    Closed(Vec<PathBuf>),
    /// A person wants everything loaded again.
    Asked,
}

/// Paths that have changed, and how.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) paths: HashSet<PathBuf>,
    /// Those of them that came, went or got another name.
    pub(super) structural: HashSet<PathBuf>,
    /// Those that somebody is writing.
    unfinished: HashSet<PathBuf>,
    /// A person asked for it.
    pub(super) asked: bool,
}

/// Watched folders.
pub(super) struct Folders {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    /// Why a folder is not watched; nothing after the first such folder has been told of.
    refused: Refused,
    happenings: Receiver<Happening>,
    sender: Sender<Happening>,
    /// What the next change is to have, beside what happens.
    again: HashSet<PathBuf>,
    /// The data folder, in which this process writes. It may come later than this.
    data: PathBuf,
}

/// Whether a folder could not be watched.
#[derive(Debug)]
enum Refused {
    None,
    Untold(String),
    Told,
}

impl Change {
    fn of(event: notify::Event) -> Self {
        let paths: HashSet<_> = event.paths.into_iter().collect();
        let (mut structural, mut unfinished) = (HashSet::new(), HashSet::new());
        match event.kind {
            // Other systems do not tell when a file is closed.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => {
                unfinished.clone_from(&paths);
            }
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => {}
            _ => structural.clone_from(&paths),
        }
        Self { paths, structural, unfinished, asked: false }
    }

    /// Adds what has changed later.
    pub(super) fn extend(&mut self, more: Self) {
        for path in &more.structural {
            self.unfinished.remove(path);
        }
        self.paths.extend(more.paths);
        self.structural.extend(more.structural);
        self.unfinished.extend(more.unfinished);
        self.asked |= more.asked;
    }
}

impl Folders {
    /// Watches nothing yet.
    pub(super) fn new(data: &Path) -> anyhow::Result<Self> {
        let (sender, happenings) = channel();
        let events = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let event = match event {
                Ok(event) if !event.need_rescan() => event,
                // Events were lost: whatever there is may have changed.
                _ => {
                    let _ = events.send(Happening::Asked);
                    return;
                }
            };
            if let EventKind::Access(kind) = event.kind {
                if kind == AccessKind::Close(AccessMode::Write) {
                    let _ = events.send(Happening::Closed(event.paths));
                }
                return;
            }
            let _ = events.send(Happening::Files(Change::of(event)));
        })
        .context("cannot watch files")?;
        let (watched, refused, again) = (HashSet::new(), Refused::None, HashSet::new());
        let data = data.to_owned();
        Ok(Self { watcher, watched, refused, happenings, sender, again, data })
    }

    /// Where further happenings can be sent to.
    pub(super) fn sender(&self) -> Sender<Happening> {
        self.sender.clone()
    }

    /// Makes these paths part of the next change that is waited for, which is there at once then.
    pub(super) fn repeat(&mut self, paths: HashSet<PathBuf>) {
        self.again.extend(paths);
    }

    /// Watches a folder with all that are in it, or a file: a project that could not be loaded, or what
    /// a command reads. What is not there is not watched. Answers whether there were new ones.
    pub(super) fn watch_project(&mut self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let before = self.watched.len();
        if path.is_dir() {
            self.watch_below(&path);
        } else if let Some(folder) = path.parent() {
            self.watch(folder);
        }
        self.watched.len() > before
    }

    /// Watches the folders of a worker: those of its files, and of its project, where a new file
    /// may be what an import waits for. Answers whether there were new ones.
    pub(super) fn watch_worker(&mut self, worker: &Worker, whole: bool) -> bool {
        let before = self.watched.len();
        let root = worker.root();
        self.watch_files(Some(root), worker.inputs(), worker.folders());
        self.watch(root);
        if let Some(parent) = root.parent() {
            self.watch(parent);
        }
        if whole {
            self.watch_below(root);
        }
        self.watched.len() > before
    }

    /// Watches the folders of files, there or not, those above them up to the root of a project, and
    /// folders with all that are in them. Answers whether there were new ones.
    pub(super) fn watch_files(
        &mut self,
        root: Option<&Path>,
        inputs: &[PathBuf],
        listed: &[PathBuf],
    ) -> bool {
        let before = self.watched.len();
        for input in inputs {
            // A folder that is removed and comes again is noticed by its parent.
            let is_below = |folder: &&Path| {
                root.is_some_and(|root| folder.starts_with(root) && *folder != root)
            };
            for folder in input.ancestors().skip(1).take_while(is_below) {
                self.watch(folder);
            }
            if let Some(folder) = input.parent() {
                self.watch_nearest(folder);
            }
        }
        for folder in listed {
            match folder.is_dir() {
                true => self.watch_below(folder),
                false => self.watch_nearest(folder),
            }
        }
        self.watched.len() > before
    }

    /// What a person has to know of a folder that cannot be watched: once.
    pub(super) fn refusal(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.refused, Refused::Told) {
            Refused::Untold(refusal) => Some(refusal),
            before => {
                self.refused = before;
                None
            }
        }
    }

    /// Waits for a change that matters, and then until there are no more for a moment. Of each
    /// changed path `matters` is asked, and told whether it came, went or got another name. Folders
    /// that changed are no longer watched: they may be gone, or be others than before.
    pub(super) fn changed(&mut self, matters: impl Fn(&Path, bool) -> bool) -> Change {
        let mut change = Change { paths: std::mem::take(&mut self.again), ..Change::default() };
        let data = self.data.canonicalize().ok();
        let is_data = |path: &Path| data.as_deref() == Some(path);
        // When the gathering is over if nothing else happens, and when in any case.
        let now = Instant::now();
        let mut ends = match change.paths.is_empty() {
            true => None,
            false => Some((now + SETTLE, now + GATHER)),
        };
        loop {
            let wait = match ends {
                None => IDLE,
                Some((quiet, latest)) => {
                    let end = match change.unfinished.is_empty() {
                        true => quiet.min(latest),
                        false => latest + UNFINISHED,
                    };
                    end.saturating_duration_since(Instant::now())
                }
            };
            if wait.is_zero() {
                break;
            }
            match self.happenings.recv_timeout(wait) {
                Ok(Happening::Files(more)) => {
                    let is_it = |path: &PathBuf| {
                        !is_data(path) && matters(path, more.structural.contains(path))
                    };
                    if !more.paths.iter().any(is_it) {
                        // A folder that has gone may come again, and matter then.
                        self.forget(&more);
                        continue;
                    }
                    change.extend(more);
                }
                Ok(Happening::Closed(paths)) => {
                    for path in paths {
                        change.unfinished.remove(&path);
                    }
                    continue;
                }
                Ok(Happening::Asked) => change.asked = true,
                Err(_) => continue,
            }
            let now = Instant::now();
            let latest = ends.map_or(now + GATHER, |(_, latest)| latest);
            ends = Some((now + SETTLE, latest));
        }
        self.forget(&change);
        change
    }

    /// What has happened since the last look, all of it; waits only for what is on its way.
    pub(super) fn lately(&mut self) -> Change {
        let mut change = Change::default();
        let latest = Instant::now() + GATHER;
        while let Ok(happening) = self.happenings.recv_timeout(SETTLE) {
            match happening {
                Happening::Files(more) => change.extend(more),
                Happening::Closed(_) => {}
                Happening::Asked => change.asked = true,
            }
            if Instant::now() > latest {
                break;
            }
        }
        self.forget(&change);
        change
    }

    /// What came or went may be gone, and the watches of all that was in it with it.
    fn forget(&mut self, change: &Change) {
        for path in &change.structural {
            let gone: Vec<_> =
                self.watched.iter().filter(|folder| folder.starts_with(path)).cloned().collect();
            for folder in gone {
                self.watched.remove(&folder);
                let _ = self.watcher.unwatch(&folder);
            }
        }
    }

    fn watch(&mut self, folder: &Path) {
        if self.watched.contains(folder) {
            return;
        }
        // The system tells of a folder under one name only, the last that it was watched by.
        let real = folder.canonicalize();
        let folder = real.as_deref().unwrap_or(folder);
        if self.watched.contains(folder) {
            return;
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.watched.insert(folder.to_owned())),
            // What is not there can be nothing that a worker is made from.
            Err(_) if !folder.exists() => {}
            Err(error) if matches!(self.refused, Refused::None) => {
                self.refused = Refused::Untold(refusal(folder, &error));
            }
            Err(_) => {}
        }
    }

    /// Watches a folder, or where it is not there the nearest one to which it may come.
    fn watch_nearest(&mut self, folder: &Path) {
        let is_there = |folder: &&Path| self.watched.contains(*folder) || folder.is_dir();
        if let Some(there) = folder.ancestors().find(is_there) {
            self.watch(there);
        }
    }

    /// Watches a folder and those in it, without packages, hidden ones and the data.
    fn watch_below(&mut self, folder: &Path) {
        let data = self.data.canonicalize().ok();
        let mut left = vec![folder.to_owned()];
        let mut seen = 0;
        while let Some(folder) = left.pop() {
            self.watch(&folder);
            seen += 1;
            if seen >= MAX_FOLDERS {
                return;
            }
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let is_hidden = name.to_string_lossy().starts_with('.');
                // A link may lead anywhere, also round.
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let path = entry.path();
                if is_folder && !is_hidden && name != PACKAGES && data.as_ref() != Some(&path) {
                    left.push(path);
                }
            }
        }
    }
}

fn refusal(folder: &Path, error: &notify::Error) -> String {
    let folder = folder.display();
    let why = match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit is reached, raise fs.inotify.max_user_watches".to_owned()
        }
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    format!("{folder} is not watched for changes ({why}): load them with a restart or the key r")
}

/// The folder of a project, which may be a single file; canonical.
pub(super) fn project_folder(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    if path.is_dir() { Some(path) } else { Some(path.parent()?.to_owned()) }
}

/// The folder of a file at fault, in which an import of it may wait for another.
pub(super) fn folder_of(file: &Path) -> Option<PathBuf> {
    Some(file.canonicalize().ok()?.parent()?.to_owned())
}

/// Whether a path below a project's root is one that its author writes.
pub(super) fn is_written_by_hand(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else { return false };
    below.components().all(|part| {
        let name = part.as_os_str().to_string_lossy();
        name != PACKAGES && (!name.starts_with('.') || holds_variables(&name))
    })
}

/// Whether a file of that name may hold variables of development.
pub(super) fn holds_variables(name: &str) -> bool {
    name.starts_with(".dev.vars") || name.starts_with(".env")
}
