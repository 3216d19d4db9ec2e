//! Whose the process is: what of root's rights it keeps, and who it becomes once it listens.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Group, Uid, User, setgroups, setresgid, setresuid};
use node::{Config, NICE_LIMIT, REAL_TIME_LIMIT};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid as FileGid, Mode, OFlags, Uid as FileUid, chownat, fstat, open,
    openat,
};

use super::{Measure, text};

/// What a node needs that is started as root: low ports, files of its operator, becoming a user, and
/// more file descriptors.
const KEPT: [Capability; 8] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_NICE,
    Capability::CAP_SYS_RESOURCE,
];

/// What one needs that is to stay root. Each thread has capabilities of its own, and no thread can
/// take them from another: so what is to be gone later is dropped now.
const KEPT_AS_ROOT: [Capability; 2] = [Capability::CAP_NET_BIND_SERVICE, Capability::CAP_SYS_NICE];

/// Drops all capabilities but those that the node needs, for the calling thread and those that it
/// starts, for good.
pub(super) fn drop_capabilities(config: &Config) -> Result<String, String> {
    let had = caps::read(None, CapSet::Permitted).map_err(text)?;
    let kept = match Uid::effective().is_root() && matches!(whose(config), Ok(None)) {
        true => kept_as_root(&had),
        false => KEPT.into_iter().collect(),
    };
    let left: CapsHashSet = had.intersection(&kept).copied().collect();
    // Only who may can; who may not has nothing in the set that counts.
    for capability in caps::all() {
        if !kept.contains(&capability)
            && caps::has_cap(None, CapSet::Bounding, capability).unwrap_or(false)
        {
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    caps::clear(None, CapSet::Ambient).or_else(|error| match had.is_empty() {
        true => Ok(()),
        false => Err(text(error)),
    })?;
    caps::clear(None, CapSet::Inheritable).map_err(text)?;
    caps::set(None, CapSet::Effective, &left).map_err(text)?;
    caps::set(None, CapSet::Permitted, &left).map_err(text)?;
    Ok(match left.len() {
        0 => "the process has none".to_owned(),
        count => format!("{count} are left of {}", had.len()),
    })
}

/// Folders in folders are followed so far.
const MAX_DEPTH: usize = 32;

/// Root reads files of its operator that belong to others, such as a project in somebody's home.
fn kept_as_root(had: &CapsHashSet) -> CapsHashSet {
    let reads = match had.contains(&Capability::CAP_DAC_READ_SEARCH) {
        true => Capability::CAP_DAC_READ_SEARCH,
        // Containers have this one more often.
        false => Capability::CAP_DAC_OVERRIDE,
    };
    KEPT_AS_ROOT.into_iter().chain([reads]).collect()
}

/// Becomes the user of the configuration, or else the one that the data folder belongs to, where the
/// process is root. To be called when everything is bound and read.
///
/// # Errors
/// When the user is unknown, or the process cannot become it: it must not go on as root then.
pub(crate) fn drop_user(config: &Config) -> anyhow::Result<Measure> {
    const NAME: &str = "user";
    let wanted = &config.hardening;
    let is_root = Uid::effective().is_root();
    if !is_root {
        if wanted.user.is_some() || wanted.group.is_some() {
            tracing::warn!("`user` and `group` have no effect: the node was not started as root");
        }
        let state = format!("the process was started as the user {}", Uid::effective());
        return Ok(Measure::new(NAME, true, || Ok(state)));
    }
    let Some((uid, gid)) = whose(config)? else {
        let problem = "the process stays root: name a `user` in node.toml, or give the data folder \
                       to one";
        return Ok(Measure::new(NAME, true, || Err(problem.to_owned())));
    };
    give(&config.data, uid, gid);
    keep_priorities();
    setgroups(&[])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    if config.hardening.no_dumps {
        // A change of the user may have set it back.
        prctl::set_dumpable(false)?;
    }
    for files in config.certificates.iter().chain(&config.admin.certificates) {
        if let Err(error) = fs::File::open(&files.key) {
            tracing::warn!(
                path = %files.key.display(),
                %error,
                "this certificate was read as root, and the node's user cannot read it again: a \
                 new one takes a restart"
            );
        }
    }
    Ok(Measure::new(NAME, true, || Ok(format!("the process is the user {uid}, group {gid}"))))
}

/// Lets the process go on to give its threads priorities when it has no rights any more. Where that is
/// refused, the runtime does without.
fn keep_priorities() {
    for (limit, most) in
        [(Resource::RLIMIT_NICE, NICE_LIMIT), (Resource::RLIMIT_RTPRIO, REAL_TIME_LIMIT)]
    {
        let _ = setrlimit(limit, most, most);
    }
}

/// Who the process is to be; `None` where nobody but root is named.
fn whose(config: &Config) -> anyhow::Result<Option<(Uid, Gid)>> {
    let owner = fs::metadata(&config.data)?;
    let user = match &config.hardening.user {
        None => None,
        Some(name) => {
            let user = match name.parse() {
                Ok(number) => User::from_uid(Uid::from_raw(number))?,
                Err(_) => User::from_name(name)?,
            };
            Some(user.ok_or_else(|| anyhow::anyhow!("user: the system has no user {name}"))?)
        }
    };
    let group = match &config.hardening.group {
        None => None,
        Some(name) => {
            let group = match name.parse() {
                Ok(number) => Group::from_gid(Gid::from_raw(number))?,
                Err(_) => Group::from_name(name)?,
            };
            let gid = group.map(|group| group.gid);
            Some(gid.ok_or_else(|| anyhow::anyhow!("group: the system has no group {name}"))?)
        }
    };
    let uid = user.as_ref().map_or(Uid::from_raw(owner.uid()), |user| user.uid);
    let gid = group.or(user.map(|user| user.gid)).unwrap_or(Gid::from_raw(owner.gid()));
    Ok((!uid.is_root()).then_some((uid, gid)))
}

/// Gives what root has made in the data folder to the user.
fn give(data: &Path, uid: Uid, gid: Gid) {
    let owner =
        Owner { uid: FileUid::from_raw(uid.as_raw()), gid: FileGid::from_raw(gid.as_raw()) };
    match open(data, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(opened) => owner.give(&opened, data, MAX_DEPTH),
        Err(error) => {
            tracing::warn!(path = %data.display(), %error, "cannot be given to the node's user");
        }
    }
}

/// To whom files are given.
struct Owner {
    uid: FileUid,
    gid: FileGid,
}

impl Owner {
    /// Gives what is open, and what is in it. The path is for people: what it leads to may be another
    /// by now, for it is the user's, who may have changed it.
    fn give(&self, opened: &OwnedFd, path: &Path, depth: usize) {
        let Ok(metadata) = fstat(opened) else { return };
        let is_folder = FileType::from_raw_mode(metadata.st_mode) == FileType::Directory;
        // Not what has a second name elsewhere.
        if metadata.st_uid != self.uid.as_raw()
            && (is_folder || metadata.st_nlink == 1)
            && let Err(error) =
                chownat(opened, "", Some(self.uid), Some(self.gid), AtFlags::EMPTY_PATH)
        {
            tracing::warn!(path = %path.display(), %error, "cannot be given to the node's user");
        }
        if !is_folder || depth == 0 {
            return;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = openat(opened, ".", flags, Mode::empty()).and_then(Dir::new);
        for entry in entries.into_iter().flatten().flatten() {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(within) = openat(opened, name, flags, Mode::empty()) {
                self.give(&within, &path.join(name), depth - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_data_folder_is_given_and_not_what_links_lead_to() {
        if !Uid::effective().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (data, own) = (folder.path().join("data"), folder.path().join("own"));
        fs::create_dir_all(data.join("kv")).unwrap();
        fs::create_dir_all(&own).unwrap();
        fs::write(data.join("kv/kv.log"), "").unwrap();
        fs::write(own.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&own, data.join("link")).unwrap();
        fs::hard_link(own.join("file"), data.join("second")).unwrap();
        give(&data, Uid::from_raw(12_345), Gid::from_raw(12_346));
        let owner = |path: &Path| {
            let metadata = fs::symlink_metadata(path).unwrap();
            (metadata.uid(), metadata.gid())
        };
        for given in [data.clone(), data.join("kv"), data.join("kv/kv.log"), data.join("link")] {
            assert_eq!(owner(&given), (12_345, 12_346), "{}", given.display());
        }
        for kept in [&own, &own.join("file")] {
            assert_eq!(owner(kept).0, 0, "{}", kept.display());
        }
    }

    #[test]
    fn who_stays_root_keeps_few_of_its_capabilities() {
        let all = caps::all();
        let kept = kept_as_root(&all);
        assert_eq!(kept.len(), 3);
        for gone in [
            Capability::CAP_CHOWN,
            Capability::CAP_DAC_OVERRIDE,
            Capability::CAP_FOWNER,
            Capability::CAP_SETGID,
            Capability::CAP_SETUID,
            Capability::CAP_SYS_RESOURCE,
        ] {
            assert!(!kept.contains(&gone), "{gone}");
        }
        let container: CapsHashSet = KEPT.into_iter().collect();
        assert!(kept_as_root(&container).contains(&Capability::CAP_DAC_OVERRIDE));
    }
}
