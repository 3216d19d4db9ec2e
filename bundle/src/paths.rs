//! What a path says by itself, whatever is there; and what it is when links are followed.

use std::path::{Component, Path, PathBuf};

/// The folder of what a path names, as it is written: `.` for a name alone.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Whether it is of an installed package, which nobody edits.
pub(crate) fn is_of_package(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "node_modules")
}

/// The path below a folder without `.` and `..`; `None` if it leaves the file system's root.
pub(crate) fn join(folder: &Path, relative: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for component in Path::new(relative).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if !path.pop() => return None,
            _ => {}
        }
    }
    Some(path)
}

/// The path without links, as far as there is something: files that may come are told of by the system
/// under that name.
pub(crate) fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|there| Some((there, there.canonicalize().ok()?)));
    let Some((there, mut real)) = there else { return path.to_owned() };
    if let Ok(rest) = path.strip_prefix(there) {
        real.extend(rest);
    }
    real
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_also_to_what_is_not_there() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("lib/src")).unwrap();
        symlink("lib", root.join("link")).unwrap();
        symlink("gone", root.join("dangling")).unwrap();
        for (path, expected) in [
            ("link", "lib"),
            ("link/src", "lib/src"),
            ("link/src/deep/b.ts", "lib/src/deep/b.ts"),
            ("lib/b.ts", "lib/b.ts"),
            ("dangling/b.ts", "dangling/b.ts"),
        ] {
            let found = real(&root.join(path));
            assert_eq!(found.as_os_str(), root.join(expected).as_os_str(), "{path}");
        }
        assert_eq!(real(Path::new("/")), Path::new("/"));
        assert_eq!(real(Path::new("no/such/b.ts")), Path::new("no/such/b.ts"));
    }

    #[test]
    fn a_name_alone_is_in_the_current_folder() {
        for (path, folder) in [("a.ts", "."), ("src/a.ts", "src"), ("/a.ts", "/"), ("..", ".")] {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }

    #[test]
    fn what_is_of_packages_is_told_by_a_whole_name() {
        for (path, expected) in [
            ("node_modules/pkg/index.js", true),
            ("/app/node_modules", true),
            ("src/node_modules.ts", false),
            ("src/my_node_modules/a.ts", false),
        ] {
            assert_eq!(is_of_package(Path::new(path)), expected, "{path}");
        }
    }
}
