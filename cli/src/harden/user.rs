//! Whose the process is: what of root's rights it keeps, and who it becomes once it listens.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{Gid, Group, Uid, User, setgroups, setresgid, setresuid};
use node::Config;

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

/// Drops all capabilities but those for the calling thread and those that it starts, for good.
pub(super) fn drop_capabilities() -> Result<String, String> {
    let kept: CapsHashSet = KEPT.into_iter().collect();
    let had = caps::read(None, CapSet::Permitted).map_err(text)?;
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
        let problem = "the process is root: name a `user` in node.toml, or give the data folder \
                       to one";
        return Ok(Measure::new(NAME, true, || Err(problem.to_owned())));
    };
    give(&config.data, uid, gid);
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
fn give(path: &Path, uid: Uid, gid: Gid) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    // Not what has a second name elsewhere.
    if metadata.uid() != uid.as_raw()
        && (metadata.is_dir() || metadata.nlink() == 1)
        && let Err(error) = lchown(path, Some(uid.as_raw()), Some(gid.as_raw()))
    {
        tracing::warn!(path = %path.display(), %error, "cannot be given to the node's user");
    }
    if metadata.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| give(&entry.path(), uid, gid));
    }
}
