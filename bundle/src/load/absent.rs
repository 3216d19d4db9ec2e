//! What was looked at for an import that leads nowhere: where something may come that it waits for, and
//! what may say another thing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oxc_resolver::{ResolveContext, Resolver};

use super::importers::BadImport;
use super::options;
use super::resolve;
use super::tsconfig;
use crate::paths;
use crate::project::Project;

/// The folder of installed packages.
const PACKAGES: &str = "node_modules";

/// The paths at which what is imported may come, and those of the files that say where it is; absolute,
/// without links, sorted. `tsconfig` is the file that counts for all modules, if one does.
pub(super) fn of(
    project: &Project,
    imports: &[BadImport],
    tsconfig: Option<PathBuf>,
) -> Vec<PathBuf> {
    if imports.is_empty() {
        return Vec::new();
    }
    let resolver = Resolver::new(options::of_resolver(tsconfig::discovery(tsconfig)));
    let mut seen = ResolveContext::default();
    for BadImport { importer, written, .. } in imports {
        let Some(folder) = importer.parent() else { continue };
        let wanted = resolve::wanted(project, written);
        // One that cannot be read is a fault of its own.
        let tsconfig = resolver.find_tsconfig(importer).ok().flatten();
        // It is known to fail: what was looked at is all that is asked for.
        let _ = resolver.resolve_with_context(folder, &wanted, tsconfig.as_deref(), &mut seen);
    }
    let missing = seen.missing_dependencies.into_iter().filter(|path| may_come(project, path));
    // A `package.json` may be half written, or not name what is imported of its package.
    let looked_at = missing.chain(seen.file_dependencies);
    let looked_at: BTreeSet<PathBuf> = looked_at.map(|path| paths::real(&path)).collect();
    looked_at.into_iter().collect()
}

/// Whether somebody may put something there for an import's sake. Every folder up to the file system's
/// root is asked for packages, and for a `package.json` that says something of a file.
fn may_come(project: &Project, path: &Path) -> bool {
    let packages = path.ancestors().filter(|folder| folder.ends_with(PACKAGES)).last();
    match packages.and_then(Path::parent) {
        // Packages are installed beside the file that lists them.
        Some(folder) => folder.starts_with(&project.root) || folder.join("package.json").is_file(),
        None => !path.ends_with("package.json"),
    }
}
