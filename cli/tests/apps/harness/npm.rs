//! The packages of an application, as its lock file says: installed by npm once, and kept
//! outside the checkout for the next run. Several processes may do so at the same time.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;

/// What is installed: nothing that only the author needs, and nothing that runs by itself.
const INSTALL: [&str; 5] = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];

/// The `node_modules` of an application; none when its lock file names no package.
///
/// # Errors
/// When npm is not there, or fails.
pub(crate) fn installed(application: &Path) -> Result<Option<PathBuf>, Failed> {
    let lock = application.join("package-lock.json");
    let text = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    (&text, INSTALL).hash(&mut hasher);
    let cache = cache()?;
    let kept = cache.join(format!("{:016x}", hasher.finish()));
    let modules = kept.join("node_modules");
    if kept.is_dir() {
        return Ok(modules.is_dir().then_some(modules));
    }
    let fresh = tempfile::Builder::new().prefix(".installing-").tempdir_in(&cache)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(application.join(file), fresh.path().join(file))?;
    }
    let output = Command::new("npm").args(INSTALL).current_dir(fresh.path()).output();
    let output = output.map_err(|error| {
        format!(
            "npm does not start: {error}; the applications' packages are installed with it \
             (Debian packages: nodejs, npm)"
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("npm {} of {}: {said}", INSTALL.join(" "), lock.display()).into());
    }
    let fresh = fresh.keep();
    if let Err(error) = fs::rename(&fresh, &kept) {
        // Another process, or another test of this one, was faster.
        fs::remove_dir_all(&fresh)?;
        if !kept.is_dir() {
            return Err(format!("{}: {error}", kept.display()).into());
        }
    }
    Ok(modules.is_dir().then_some(modules))
}

/// The folder that keeps what was installed: CI's cache, else the user's, else the build's.
fn cache() -> Result<PathBuf, Failed> {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let users = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let outside = set("ISOLANE_CI_CACHE").or_else(|| users().map(|it| it.join("isolane-ci")));
    let built: &OsStr = env!("CARGO_TARGET_TMPDIR").as_ref();
    for folder in outside.into_iter().chain([PathBuf::from(built)]) {
        let folder = folder.join("apps");
        if fs::create_dir_all(&folder).is_ok() && tempfile::tempfile_in(&folder).is_ok() {
            return Ok(folder);
        }
    }
    Err("no folder to keep packages in; set ISOLANE_CI_CACHE to one".into())
}
