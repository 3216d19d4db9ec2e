//! What a worker's author sees of a worker while it is made: local variables, the names in `env`,
//! the sources behind a stack. Production asks for none of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bundle::{Bundle, Dependencies, LoadError, LoadOptions, NodeEnv, Project, Settings};

/// Sources beyond this are not read for a few lines around a place.
const SOURCE_BYTES: u64 = 8 << 20;

/// One name in a worker's `env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// What it is.
    pub kind: EnvKind,
    /// The property of `env`.
    pub name: String,
}

/// What a binding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvKind {
    /// A KV namespace, by its identifier.
    Kv {
        /// The identifier.
        namespace: String,
    },
    /// A variable of the configuration.
    Var,
    /// A variable of a local file, which is not deployed.
    Local {
        /// The file, by its name.
        file: String,
    },
}

/// The variables of a local file, which are for development alone.
pub(super) struct LocalVars {
    file: String,
    names: Vec<String>,
}

/// Bundles a project for development. The variables of its `.dev.vars` come before those of its
/// configuration and belong to the version: with others it is another version.
pub(super) fn load(
    project: &Project,
    debuggable: bool,
) -> Result<(Bundle, Option<LocalVars>), LoadError> {
    let options = LoadOptions {
        node_env: NodeEnv::Development,
        debuggable,
        // A debugger shows the sources that the map has.
        quick: !debuggable,
        ..LoadOptions::default()
    };
    let mut bundle = project.load_with(&options)?;
    let vars = match project.dev_vars() {
        Ok(vars) => vars,
        Err(error) => {
            let Bundle { inputs, folders, .. } = bundle;
            return Err(LoadError { error, read: Box::new(Dependencies { inputs, folders }) });
        }
    };
    let Some((path, vars)) = vars else { return Ok((bundle, None)) };
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names = vars.keys().cloned().collect();
    bundle.inputs.push(path);
    let values = vars.into_iter().map(|(name, value)| (name, value.into()));
    bundle.settings.vars.extend(values);
    Ok((bundle, Some(LocalVars { file, names })))
}

/// The names in `env`, those of the configuration first.
pub(super) fn bindings(
    settings: &Settings,
    of_node: &serde_json::Map<String, serde_json::Value>,
    local: Option<&LocalVars>,
) -> Vec<EnvEntry> {
    let of_local = |name: &String| {
        let local = local.filter(|local| local.names.contains(name))?;
        Some(EnvKind::Local { file: local.file.clone() })
    };
    let kv = settings.kv_namespaces.iter().map(|kv| EnvEntry {
        kind: EnvKind::Kv { namespace: kv.id.as_ref().unwrap_or(&kv.binding).clone() },
        name: kv.binding.clone(),
    });
    let names: BTreeSet<_> = settings.vars.keys().chain(of_node.keys()).collect();
    let vars = names
        .into_iter()
        .map(|name| EnvEntry { kind: of_local(name).unwrap_or(EnvKind::Var), name: name.clone() });
    kv.chain(vars).collect()
}

/// The text of a file that a version was made from, unless it has changed since.
pub(super) fn source(
    root: &Path,
    inputs: &[PathBuf],
    loaded: SystemTime,
    file: &str,
) -> Option<String> {
    let path = root.join(file).canonicalize().ok()?;
    // A stack is text that a worker can write: it opens no other file.
    if !inputs.contains(&path) {
        return None;
    }
    let about = fs::metadata(&path).ok()?;
    if about.len() > SOURCE_BYTES || about.modified().ok()? > loaded {
        return None;
    }
    fs::read_to_string(&path).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_debugger_is_given_the_texts_of_sources_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.ts"), "export default { a: 1 as number };").unwrap();
        let project = Project::open(folder.path()).unwrap();
        for debuggable in [true, false] {
            let (bundle, _) = load(&project, debuggable).unwrap();
            let map = bundle.modules[0].source_map.as_deref().unwrap();
            assert_eq!(map.contains("sourcesContent"), debuggable, "{map}");
        }
    }

    #[test]
    fn variables_at_fault_may_be_mended_by_any_of_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.js"), "export default {};").unwrap();
        fs::write(folder.path().join(".dev.vars"), "no variable").unwrap();
        let project = Project::open(folder.path()).unwrap();
        let error = load(&project, false).err().unwrap();
        assert!(error.to_string().contains(".dev.vars:1:"), "{error}");
        let main = folder.path().canonicalize().unwrap().join("index.js");
        assert!(error.read.inputs.contains(&main), "{:?}", error.read);
    }

    #[test]
    fn a_source_is_an_input_that_has_not_changed_since_it_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["a.ts", "secret"] {
            fs::write(root.join(name), name).unwrap();
        }
        let inputs = [root.join("a.ts")];
        let after = SystemTime::now() + Duration::from_secs(1);
        let read = |loaded, file| source(&root, &inputs, loaded, file);
        assert_eq!(read(after, "a.ts").as_deref(), Some("a.ts"));
        assert_eq!(read(after, "./b/../a.ts"), None, "there is no folder b");
        assert_eq!(read(SystemTime::UNIX_EPOCH, "a.ts"), None, "it has changed");
        assert_eq!(read(after, "secret"), None, "it is no input");
        assert_eq!(read(after, "gone.ts"), None);
    }
}
