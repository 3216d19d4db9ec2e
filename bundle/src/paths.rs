//! What a path says by itself, whatever is there.

use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
