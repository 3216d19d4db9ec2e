//! Who may read a node's data: its user alone. Files and folders of the data folder that others
//! could read are taken from them at the start, with a line in the log; files of the operator's own
//! that others can read are named. What is made later gets its mode from the process's umask.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// What a node keeps in its data folder; nothing else in there is touched.
const KEPT: [&str; 7] =
    ["kv", "registry", "code-cache", "admin.json", "admin.token", "secrets.key", "succession.json"];
/// What may stand beside it in a folder that is the node's.
const BESIDE: [&str; 2] = ["lost+found", "tls"];
/// The permissions of others than the owner.
const OTHERS: u32 = 0o077;
/// The permissions of who is neither the owner nor of the group.
const WORLD: u32 = 0o007;
/// Folders in folders are followed so far; archives are three deep.
const MAX_DEPTH: usize = 6;

/// Makes the data folder where it is absent, and sees to it that only this user can read what is in
/// it. Blocks. Warns of what cannot be changed, and of secrets elsewhere that others can read.
///
/// # Errors
/// When there is no data folder and none can be made.
pub fn secure_data(config: &Config) -> io::Result<()> {
    fs::create_dir_all(&config.data)?;
    let mut found = Found::default();
    if is_for_data_alone(&config.data) {
        found.look_at(&config.data);
    }
    for name in KEPT {
        found.look_into(&config.data.join(name), MAX_DEPTH);
    }
    let Found { tightened, failed } = found;
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

/// What a look at the data has led to.
#[derive(Default)]
struct Found {
    tightened: usize,
    /// The first that could not be changed.
    failed: Option<(PathBuf, io::Error)>,
}

impl Found {
    /// The file or folder, and what is in it.
    fn look_into(&mut self, path: &Path, depth: usize) {
        if !self.look_at(path) || depth == 0 {
            return;
        }
        let Ok(entries) = fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            self.look_into(&entry.path(), depth - 1);
        }
    }

    /// Takes a file or folder from others. Answers whether it is a folder.
    fn look_at(&mut self, path: &Path) -> bool {
        // Links are not followed: what they lead to is not known to be ours.
        let Ok(metadata) = fs::symlink_metadata(path) else { return false };
        if metadata.is_symlink() {
            return false;
        }
        if let Some(fitting) = narrower(&metadata, OTHERS) {
            match fs::set_permissions(path, fs::Permissions::from_mode(fitting)) {
                Ok(()) => self.tightened += 1,
                Err(error) => {
                    let _ = self.failed.get_or_insert_with(|| (path.to_owned(), error));
                }
            }
        }
        metadata.is_dir()
    }
}

/// The mode without those bits, if it has one of them.
fn narrower(metadata: &Metadata, bits: u32) -> Option<u32> {
    let mode = metadata.permissions().mode() & 0o7777;
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
    if fs::metadata(path).is_ok_and(|metadata| narrower(&metadata, bits).is_some()) {
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
}
