//! Which files the process may open: its data for reading and writing; certificates, the worker
//! folders of `node.toml` and what the system's resolver needs for reading; nothing to execute.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetStatus,
};
use node::Config;

use super::text;

/// What is asked of the kernel; an older one does its part of it.
const KNOWN: ABI = ABI::V5;

/// What the C library, the resolver and V8 read.
const SYSTEM: [&str; 24] = [
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/proc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/dev/random",
    "/dev/urandom",
];

/// Restricts the calling thread and those that it starts.
pub(super) fn restrict(config: &Config) -> Result<String, String> {
    let all = AccessFs::from_all(KNOWN);
    let read = AccessFs::from_read(KNOWN) & !AccessFs::Execute;
    let write = all & !AccessFs::Execute;
    let ruleset = Ruleset::default().handle_access(all).and_then(Ruleset::create);
    let mut rules = Rules(ruleset.map_err(text)?);
    rules.allow(&config.data, write)?;
    rules.allow(Path::new("/dev/null"), write)?;
    let key = key_access(config);
    match &key {
        Key::Read => rules.allow(&config.secrets_key, read)?,
        Key::Made(folder) => rules.allow(folder, write)?,
    }
    for path in readable(config) {
        rules.allow(&path, read)?;
    }
    let restricted = rules.0.restrict_self().map_err(text)?;
    let data = config.data.display();
    let writes = match &key {
        Key::Made(folder) if !folder.starts_with(&config.data) => format!(
            "files can be written below {data} and, until a restart after the first secret, {}",
            folder.display()
        ),
        _ => format!("files can be written below {data} alone"),
    };
    let reads = match config.workers.is_empty() {
        true => "and read there, and where certificates and the system's configuration are",
        false => "and read everywhere, because worker folders may lead to packages anywhere",
    };
    match restricted.ruleset {
        RulesetStatus::FullyEnforced => Ok(format!("{writes}, {reads}; nothing can be executed")),
        RulesetStatus::PartiallyEnforced => {
            Ok(format!("{writes}, {reads}, as far as this kernel knows how to"))
        }
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock".to_owned()),
    }
}

/// What the process has to do with the key of the secrets.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    /// It is there.
    Read,
    /// It is made with the first secret, in that folder: under another name first.
    Made(PathBuf),
}

fn key_access(config: &Config) -> Key {
    let key = &config.secrets_key;
    match key.parent().filter(|folder| *folder != Path::new("")) {
        _ if key.exists() => Key::Read,
        Some(folder) => Key::Made(folder.to_owned()),
        None => Key::Made(PathBuf::from(".")),
    }
}

struct Rules(RulesetCreated);

impl Rules {
    /// Allows that at a path and below it. What is not there needs no rule.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), String> {
        let Ok(place) = PathFd::new(path) else { return Ok(()) };
        let access = match path.is_dir() {
            true => access,
            false => access & AccessFs::from_file(KNOWN),
        };
        (&mut self.0).add_rule(PathBeneath::new(place, access)).map_err(text)?;
        Ok(())
    }
}

fn readable(config: &Config) -> Vec<PathBuf> {
    let mut readable: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    // A file that is replaced is another one: so its folder, and that of what a link leads to.
    let certificates = config.certificates.iter().chain(&config.admin.certificates);
    let files = certificates.flat_map(|files| [&files.cert, &files.key]);
    let resolver = PathBuf::from("/etc/resolv.conf");
    let deployers = config.admin.deployers.iter().map(|deployer| &deployer.token_file);
    let tokens = config.admin.token_file.iter().chain(deployers);
    for file in files.chain(&config.cf.databases).chain(tokens).chain([&resolver]) {
        for path in [Some(file.clone()), file.canonicalize().ok()].into_iter().flatten() {
            // Not all of a folder that has much else in it.
            match path.parent() {
                Some(folder) if folder == Path::new("/etc") => readable.push(path),
                Some(folder) if folder == Path::new("") => readable.push(PathBuf::from(".")),
                Some(folder) => readable.push(folder.to_owned()),
                None => {}
            }
        }
    }
    // For the places in a panic's report.
    readable.extend(std::env::current_exe());
    if !config.workers.is_empty() {
        // Packages are looked for in all folders above a project, and behind links from there.
        readable.push(PathBuf::from("/"));
    }
    readable
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_folder_of_the_key_is_written_only_until_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let mut config =
            Config::dev(([127, 0, 0, 1], 0).into(), folder.path().join("data"), Vec::new());
        config.secrets_key = folder.path().join("secrets.key");
        assert_eq!(key_access(&config), Key::Made(folder.path().to_owned()));
        fs::write(&config.secrets_key, "").unwrap();
        assert_eq!(key_access(&config), Key::Read);
    }
}
