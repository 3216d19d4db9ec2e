//! What the system says of the process's memory, and how much it may have: `/proc` and cgroups.

use std::fs;
use std::path::{Path, PathBuf};

use crate::isolate::process;

/// Of the memory of the machine, or of the container, the node has this share by default.
const DEFAULT_SHARE: (usize, usize) = (4, 5);

/// A ceiling where nothing is known of the machine, in bytes.
const UNKNOWN: usize = 4 << 30;

/// Mappings that Linux allows where nothing else is set.
const MAX_MAP_COUNT: usize = 65_530;

/// Resident memory of the process, in bytes.
pub(super) fn resident_bytes() -> Option<usize> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages = statm.split_ascii_whitespace().nth(1)?.parse::<usize>().ok()?;
    Some(pages * process::page_bytes())
}

/// Memory mappings of the process. Takes a microsecond for some of them.
pub(super) fn mappings() -> Option<usize> {
    let maps = fs::read("/proc/self/maps").ok()?;
    Some(maps.iter().filter(|byte| **byte == b'\n').count())
}

/// Memory mappings that the system allows.
pub(crate) fn mappings_limit() -> usize {
    read_number(Path::new("/proc/sys/vm/max_map_count")).unwrap_or(MAX_MAP_COUNT)
}

/// Entries of a folder; zero where it cannot be read.
pub(super) fn entries_of(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// The ceiling of a node that is told none: a share of what the machine has, or of what the
/// process's cgroups allow.
pub(super) fn default_ceiling_bytes() -> usize {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed = limit_files(&groups).iter().filter_map(|file| read_number(file)).min();
    let present = total_memory();
    let bytes = match (allowed, present) {
        (Some(allowed), Some(present)) => allowed.min(present),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        (None, None) => return UNKNOWN,
    };
    bytes / DEFAULT_SHARE.1 * DEFAULT_SHARE.0
}

fn total_memory() -> Option<usize> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_ascii_whitespace().next()?.parse::<usize>().ok().map(|kib| kib * 1024)
}

/// The files that may hold a limit: of the process's groups and of all those around them.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            some if some.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for group in Path::new(path).ancestors() {
            let group = group.strip_prefix("/").unwrap_or(group);
            files.push(Path::new(root).join(group).join(name));
        }
    }
    files
}

/// The number in a file; none where there is `max`, or no such file.
fn read_number(file: &Path) -> Option<usize> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_group_are_those_of_all_around_it() {
        let files = limit_files("0::/system.slice/isolane.service\n");
        let expected = [
            "/sys/fs/cgroup/system.slice/isolane.service/memory.max",
            "/sys/fs/cgroup/system.slice/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn the_older_groups_have_files_of_their_own() {
        let files = limit_files("12:cpu,cpuacct:/a\n4:memory:/docker/b\n");
        let expected = [
            "/sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn the_process_has_memory_and_mappings() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(mappings().unwrap() > 10);
        assert!(mappings_limit() > 1000);
        assert!(default_ceiling_bytes() > 16 << 20);
        assert!(entries_of("/proc/self/fd") > 2);
    }
}
