//! Who may read a node's data: its user alone. Files and folders of the data folder that others
//! could read are taken from them at the start, with a line in the log; files of the operator's own
//! that others can read are named. What is made later gets its mode from the process's umask, and is
//! its user's alone, too.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchmod, fstat, open, openat, statat};
use rustix::io::Errno;

use crate::config::Config;

/// What a node keeps in its data folder; nothing else in there is touched.
const KEPT: [&str; 9] = [
    "crons",
    "kv",
    "queues",
    "registry",
    "code-cache",
    "admin.json",
    "admin.token",
    "secrets.key",
    "succession.json",
];
/// What may stand beside it in a folder that is the node's.
const BESIDE: [&str; 2] = ["lost+found", "tls"];
/// The permissions of others than the owner.
const OTHERS: u32 = 0o077;
/// The permissions of who is neither the owner nor of the group.
const WORLD: u32 = 0o007;
/// Folders in folders are followed so far; archives are three deep.
const MAX_DEPTH: usize = 6;

/// Makes the data folder where it is absent, and sees to it that only this user can read what is in
/// it. Blocks. Warns of what cannot be changed, and of what is elsewhere that others can read: secrets,
/// and what links in the data folder lead to.
///
/// # Errors
/// When there is no data folder and none can be made, or it cannot be read.
pub fn secure_data(config: &Config) -> io::Result<()> {
    fs::create_dir_all(&config.data)?;
    let found = look(&config.data)?;
    let Found { tightened, failed, linked } = found;
    if tightened > 0 {
        tracing::warn!(
            data = %config.data.display(),
            tightened,
            "others could read data of this node: now only its user can"
        );
    }
    if let Some((path, error)) = failed {
        tracing::warn!(
            path = %path.display(),
            %error,
            "others can read data of this node, and that cannot be changed: give the data folder \
             to the node's user, and nobody else (chmod -R go= on it)"
        );
    }
    if let Some(path) = linked {
        tracing::warn!(
            path = %path.display(),
            "what this link in the data folder leads to can be read by others: give it to the \
             node's user, and nobody else (chmod -R go= on it)"
        );
    }
    let keys = config.certificates.iter().chain(&config.admin.certificates);
    for key in keys.map(|files| &files.key) {
        warn_of(key, WORLD, "a private key");
    }
    if let Some(token) = &config.admin.token_file {
        warn_of(token, OTHERS, "the token of the admin API");
    }
    for deployer in &config.admin.deployers {
        warn_of(&deployer.token_file, OTHERS, "the token of a deployer");
    }
    Ok(())
}

/// Looks at the data folder, which may itself be a link of the operator's.
fn look(data: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let opened = open(data, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    if is_for_data_alone(data) {
        found.tighten(&opened, data);
    }
    for name in KEPT {
        found.look_into(opened.as_fd(), OsStr::new(name), &data.join(name), MAX_DEPTH);
    }
    Ok(found)
}

/// What a look at the data has led to. All of it may be another's by the time that it is looked at:
/// the folder belongs to the node's user, and the process may be root. So modes are those of what is
/// open.
#[derive(Default)]
struct Found {
    tightened: usize,
    /// The first that could not be changed.
    failed: Option<(PathBuf, io::Error)>,
    /// The first link to what others can read.
    linked: Option<PathBuf>,
}

impl Found {
    /// What has that name in a folder, and what is in it. The path is for people.
    fn look_into(&mut self, folder: BorrowedFd<'_>, name: &OsStr, path: &Path, depth: usize) {
        let Ok(metadata) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        let kind = FileType::from_raw_mode(metadata.st_mode);
        if kind == FileType::Symlink {
            self.look_behind(folder, name, path);
            return;
        }
        let is_folder = kind == FileType::Directory;
        let is_readable = narrower(metadata.st_mode, OTHERS).is_some();
        if !is_folder && !is_readable {
            return;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match openat(folder, name, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(error) if is_readable => return self.fail(path, error),
            Err(_) => return,
        };
        self.tighten(&opened, path);
        if !is_folder || depth == 0 {
            return;
        }
        let Ok(entries) = Dir::read_from(&opened) else { return };
        for entry in entries.flatten() {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                self.look_into(opened.as_fd(), name, &path.join(name), depth - 1);
            }
        }
    }

    /// What a link leads to is not known to be ours, and stays as it is.
    fn look_behind(&mut self, folder: BorrowedFd<'_>, name: &OsStr, path: &Path) {
        let target = statat(folder, name, AtFlags::empty());
        if target.is_ok_and(|target| narrower(target.st_mode, OTHERS).is_some()) {
            let _ = self.linked.get_or_insert_with(|| path.to_owned());
        }
    }

    /// Takes a file or folder from others.
    fn tighten(&mut self, opened: &OwnedFd, path: &Path) {
        let fitting = fstat(opened).map(|metadata| narrower(metadata.st_mode, OTHERS));
        let changed = match fitting {
            Ok(Some(fitting)) => fchmod(opened, Mode::from_raw_mode(fitting)),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        match changed {
            Ok(()) => self.tightened += 1,
            Err(error) => self.fail(path, error),
        }
    }

    fn fail(&mut self, path: &Path, error: Errno) {
        let _ = self.failed.get_or_insert_with(|| (path.to_owned(), error.into()));
    }
}

/// The mode without those bits, if it has one of them.
fn narrower(mode: u32, bits: u32) -> Option<u32> {
    let mode = mode & 0o7777;
    (mode & bits != 0).then_some(mode & !bits)
}

/// Whether a data folder is that and nothing else: not a folder that the process works in or that
/// is above it, such as `.`.
fn is_for_data_alone(data: &Path) -> bool {
    let (Ok(data), Ok(here)) = (data.canonicalize(), std::env::current_dir()) else { return false };
    let has_others = fs::read_dir(&data).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                !KEPT.iter().any(|kept| name.starts_with(kept)) && !BESIDE.contains(&&*name)
            })
        })
    });
    !here.starts_with(&data) && !has_others
}

fn warn_of(path: &Path, bits: u32, what: &str) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| narrower(mode, bits).is_some()) {
        tracing::warn!(
            path = %path.display(),
            "others can read {what}: chmod 600 it, and replace it if it may have been read"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn data_that_others_could_read_is_taken_from_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let archive = data.join("registry/versions/ab/abcd.tar.gz");
        fs::create_dir_all(archive.parent().unwrap()).unwrap();
        fs::create_dir_all(data.join("kv")).unwrap();
        for file in [&archive, &data.join("kv/kv.redb"), &data.join("admin.json")] {
            fs::write(file, "").unwrap();
            set_mode(file, 0o644);
        }
        for folder in [&data, &data.join("kv"), &data.join("registry")] {
            set_mode(folder, 0o755);
        }
        let config = Config::dev(([127, 0, 0, 1], 0).into(), data.clone(), Vec::new());
        secure_data(&config).unwrap();
        for folder in [&data, &data.join("kv"), &data.join("registry/versions/ab")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        for file in [&archive, &data.join("kv/kv.redb"), &data.join("admin.json")] {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn what_is_not_the_nodes_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("mixed");
        fs::create_dir_all(data.join("kv")).unwrap();
        let own = data.join("notes.txt");
        fs::write(&own, "").unwrap();
        std::os::unix::fs::symlink(&own, data.join("kv/link")).unwrap();
        for path in [&own, &data] {
            set_mode(path, 0o755);
        }
        let config = Config::dev(([127, 0, 0, 1], 0).into(), data.clone(), Vec::new());
        secure_data(&config).unwrap();
        assert_eq!((mode(&own), mode(&data), mode(&data.join("kv"))), (0o755, 0o755, 0o700));
    }

    #[test]
    fn links_are_told_of_where_others_can_read_what_they_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let (data, link) = (folder.path().join("elsewhere"), folder.path().join("data"));
        let volume = folder.path().join("volume");
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(&volume).unwrap();
        set_mode(&data, 0o755);
        std::os::unix::fs::symlink(&data, &link).unwrap();
        std::os::unix::fs::symlink(&volume, data.join("kv")).unwrap();
        for (mode_before, told) in [(0o755, Some(link.join("kv"))), (0o700, None)] {
            set_mode(&volume, mode_before);
            assert_eq!(look(&link).unwrap().linked, told);
            assert_eq!(mode(&volume), mode_before);
        }
        assert_eq!(mode(&data), 0o700);
    }
}
