//! What a worker that cannot be loaded waits for: a change of what was read until then, something in a
//! place where it was looked for in vain, or whatever is written beside the file at fault.

use std::path::{Path, PathBuf};

use bundle::Dependencies;
use node::DeployError;

use super::folders::{Folders, folder_of, is_written_by_hand};

/// What may mend a load.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    /// The folder of the file at fault, where one is: it may lie anywhere.
    beside: Option<PathBuf>,
    read: Dependencies,
}

impl Awaited {
    pub(super) fn of(error: &DeployError) -> Self {
        let DeployError::Bundle(error) = error else { return Self::default() };
        let beside = error.error.location().and_then(|at| folder_of(&at.path));
        Self { beside, read: (*error.read).clone() }
    }

    /// Has it noticed from now on; answers whether there were new folders.
    pub(super) fn watch(&self, folders: &mut Folders) -> bool {
        let is_new = self.beside.as_deref().is_some_and(|beside| folders.watch_project(beside));
        let Dependencies { inputs, folders: listed } = &self.read;
        folders.watch_files(None, inputs, listed) || is_new
    }

    /// Whether a change of that path may mend it. It was structural when something came, went or got
    /// another name.
    pub(super) fn concerns(&self, path: &Path, structural: bool) -> bool {
        let Dependencies { inputs, folders } = &self.read;
        self.beside.as_deref().is_some_and(|beside| is_written_by_hand(beside, path))
            || depends(inputs, folders, path, structural)
    }
}

/// Whether what is made of those files, and of those that the folders have, may be another after a
/// change of that path.
pub(super) fn depends(
    inputs: &[PathBuf],
    folders: &[PathBuf],
    path: &Path,
    structural: bool,
) -> bool {
    if inputs.iter().any(|input| input == path) {
        return true;
    }
    // A folder that comes or goes has its files with it.
    if structural && inputs.iter().any(|input| input.starts_with(path)) {
        return true;
    }
    // One that a pattern may mean; or its folder is new.
    let is_listed = |folder: &PathBuf| is_written_by_hand(folder, path) || folder.starts_with(path);
    structural && folders.iter().any(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_or_goes_matters_with_all_that_is_in_it() {
        let awaited = Awaited {
            beside: Some("/app/src".into()),
            read: Dependencies {
                inputs: vec!["/shared/a.ts".into(), "/app/node_modules/hono".into()],
                folders: vec!["/texts".into()],
            },
        };
        for (path, changed, structural) in [
            ("/app/src/b.ts", true, true),
            ("/app/src/.b.ts.swp", false, false),
            ("/app/readme", false, false),
            ("/shared/a.ts", true, true),
            ("/shared/b.ts", false, false),
            ("/shared", false, true),
            ("/app/node_modules", false, true),
            ("/app/node_modules/hono", true, true),
            ("/app/node_modules/other", false, false),
            ("/texts/de/x.js", false, true),
            ("/texts", false, true),
        ] {
            let path = Path::new(path);
            assert_eq!(awaited.concerns(path, false), changed, "{}", path.display());
            assert_eq!(awaited.concerns(path, true), structural, "{}", path.display());
        }
    }
}
