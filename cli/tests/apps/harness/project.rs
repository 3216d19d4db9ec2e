//! A copy of an application in a folder of its own, with its packages. Nothing in it is changed.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::npm;

/// An application that can be served, in a folder that goes with the test.
pub(crate) struct Project {
    around: TempDir,
    name: String,
}

/// The names of the applications in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the applications can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the applications can be listed"))
        .filter(|entry| entry.path().join("checks.json").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The folder of all applications.
pub(crate) fn applications() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps")
}

impl Project {
    /// Copies an application and gives it its packages.
    pub(crate) fn copied(name: &str) -> Result<Self, Failed> {
        let (project, packages) = Self::with_packages(name)?;
        if let Some(packages) = packages {
            copy(&packages, &project.folder().join("node_modules"), &|_| true, true)?;
        }
        Ok(project)
    }

    /// The same with its packages where they are kept, behind a link, as pnpm has them: for
    /// those that are many.
    pub(crate) fn linked(name: &str) -> Result<Self, Failed> {
        let (project, packages) = Self::with_packages(name)?;
        if let Some(packages) = packages {
            std::os::unix::fs::symlink(packages, project.folder().join("node_modules"))?;
        }
        Ok(project)
    }

    fn with_packages(name: &str) -> Result<(Self, Option<PathBuf>), Failed> {
        let around = tempfile::tempdir()?;
        let from = applications().join(name);
        let packages = npm::installed(&from)?;
        let project = Self { around, name: name.to_owned() };
        let keep = |name: &str| !matches!(name, "node_modules" | ".isolane" | ".wrangler");
        copy(&from, &project.folder(), &keep, false)?;
        Ok((project, packages))
    }

    /// The folder that has the project's folder in it, and whatever a node writes.
    pub(crate) fn around(&self) -> &Path {
        self.around.path()
    }

    /// The project's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.around.path().join(&self.name)
    }

    /// The folder's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Copies a folder. Packages are many files that nobody writes to: those are linked, where the
/// two folders are on one file system.
fn copy(
    from: &Path,
    to: &Path,
    keep: &dyn Fn(&str) -> bool,
    may_link: bool,
) -> Result<(), std::io::Error> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !keep(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        // Commands in `.bin` are symbolic links, which nothing here runs.
        if entry.file_type()?.is_symlink() {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&source, &target, keep, may_link)?;
        } else if !may_link || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
