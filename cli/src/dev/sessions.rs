//! The sessions of `isolane dev` on this machine. Each says in a small file, which is its user's alone, whom
//! it serves and where it listens to the others; and it holds a lock on that file, by which the others know
//! that it has not ended. How they speak to each other is the node's.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node::{Deployments, Neighbour, Neighbours};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::cron::when::now_ms;

/// Where the files are, below the folder for state.
const FOLDER: &str = "isolane/dev";
/// What their names end with.
const EXTENSION: &str = "json";

/// The sessions of this user.
pub(super) struct Sessions {
    /// `None` where the user has no place for state: nobody finds anybody.
    folder: Option<PathBuf>,
    own: Mutex<Option<Own>>,
}

/// What this session has said.
struct Own {
    path: PathBuf,
    said: Said,
    /// Locked for as long as it is open.
    _lock: File,
}

/// What a session says of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    pid: u32,
    since_ms: u64,
    /// Where it listens to sessions.
    address: SocketAddr,
    /// What it takes their calls with.
    token: String,
    #[serde(flatten)]
    whom: Whom,
}

/// Whom a session serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Whom {
    workers: Vec<String>,
    /// The queues whose messages they are called for.
    #[serde(default)]
    consumes: Vec<String>,
}

/// What this session says, until this is dropped.
pub(super) struct Announced(Arc<Sessions>);

impl Sessions {
    /// Those of the user of this process (XDG Base Directory Specification: a relative path counts as
    /// none).
    pub(super) fn of_this_user() -> Self {
        let folder =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = folder("XDG_STATE_HOME");
        let state = state.or_else(|| Some(folder("HOME")?.join(".local/state")));
        Self::within(state.map(|state| state.join(FOLDER)))
    }

    fn within(folder: Option<PathBuf>) -> Self {
        Self { folder, own: Mutex::default() }
    }

    /// Says whom this session serves, and where it listens.
    ///
    /// # Errors
    /// When the file cannot be written: the others do not find this session.
    pub(super) fn announce(
        self: &Arc<Self>,
        at: Neighbour,
        deployments: &Deployments,
    ) -> io::Result<Announced> {
        self.say(at, Whom::of(deployments))?;
        Ok(Announced(Arc::clone(self)))
    }

    fn say(&self, at: Neighbour, whom: Whom) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Err(io::Error::other("set XDG_STATE_HOME or HOME"));
        };
        let Neighbour { address, token } = at;
        let (pid, since_ms) = (std::process::id(), now_ms());
        let path = folder.join(format!("{pid}-{since_ms}.{EXTENSION}"));
        let said = Said { pid, since_ms, address, token, whom };
        let lock = write(folder, &path, &said)?;
        *self.own.lock() = Some(Own { path, said, _lock: lock });
        Ok(())
    }

    /// Says it again where it is not as it was: a worker may have another name by now.
    pub(super) fn look_again(&self, deployments: &Deployments) {
        let whom = Whom::of(deployments);
        let mut own = self.own.lock();
        let (Some(own), Some(folder)) = (own.as_mut(), &self.folder) else { return };
        if own.said.whom == whom {
            return;
        }
        own.said.whom = whom;
        // Where it cannot be written, the others know what was before.
        if let Ok(lock) = write(folder, &own.path, &own.said) {
            own._lock = lock;
        }
    }

    /// What the others say, the latest first. What sessions have left that have ended is removed.
    fn others(&self) -> Vec<Said> {
        let Some(entries) = self.folder.as_deref().and_then(|folder| fs::read_dir(folder).ok())
        else {
            return Vec::new();
        };
        let own = self.own.lock().as_ref().map(|own| own.path.clone());
        let paths = entries.flatten().map(|entry| entry.path());
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == EXTENSION));
        let paths = paths.filter(|path| own.as_ref() != Some(path));
        let mut others: Vec<_> = paths.filter_map(|path| read(&path)).collect();
        others.sort_by_key(|said| std::cmp::Reverse(said.since_ms));
        others
    }

    fn withdraw(&self) {
        if let Some(own) = self.own.lock().take() {
            // What stays is known by its lock to be nobody's.
            let _ = fs::remove_file(own.path);
        }
    }
}

impl Neighbours for Sessions {
    fn serving(&self, worker: &str) -> Option<Neighbour> {
        let is_it = |said: &Said| said.whom.workers.iter().any(|it| it == worker);
        self.others().into_iter().find(is_it).map(Said::neighbour)
    }

    fn consuming(&self, queue: &str) -> Option<Neighbour> {
        let is_it = |said: &Said| said.whom.consumes.iter().any(|it| it == queue);
        if self.own.lock().as_ref().is_some_and(|own| is_it(&own.said)) {
            return None;
        }
        self.others().into_iter().find(is_it).map(Said::neighbour)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl Whom {
    fn of(deployments: &Deployments) -> Self {
        let mut whom = Self::default();
        for worker in deployments.workers() {
            whom.workers.push(worker.name().to_owned());
            whom.consumes.extend(worker.consumes().map(ToString::to_string));
        }
        whom
    }
}

impl Said {
    fn neighbour(self) -> Neighbour {
        Neighbour { address: self.address, token: self.token }
    }
}

/// Writes what a session says, so that nobody ever reads a half of it, or finds it without its lock.
fn write(folder: &Path, path: &Path, said: &Said) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.try_lock().map_err(io::Error::other)?;
    serde_json::to_writer(&mut file, said)?;
    file.write_all(b"\n")?;
    fs::rename(&unfinished, path)?;
    Ok(file)
}

/// What a session says that has not ended; what is left of another is removed.
fn read(path: &Path) -> Option<Said> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        // Whoever wrote it holds it no more.
        Ok(()) => {
            let _ = fs::remove_file(path);
            None
        }
        Err(TryLockError::WouldBlock) => serde_json::from_reader(BufReader::new(file)).ok(),
        Err(TryLockError::Error(_)) => None,
    }
}
