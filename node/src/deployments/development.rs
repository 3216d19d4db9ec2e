//! What a worker's author sees of a worker while it is made: local variables, the names in `env`,
//! the sources behind a stack. Production asks for none of it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bundle::{Bundle, Dependencies, LoadError, LoadOptions, NodeEnv, Project};
use runtime::kinds;

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
    /// A queue that it sends to.
    Queue {
        /// The queue's name.
        queue: String,
    },
    /// Another worker, or itself. Whether there is one of that name is the
    /// [`Deployments`](super::Deployments)' to say, at the moment it is asked.
    Service {
        /// The worker's name.
        worker: String,
        /// The entrypoint, where it is not the default one.
        entrypoint: Option<String>,
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

/// The names in `env`: what is bound first, in the order of the kinds, and then the variables.
pub(super) fn bindings(env: &[runtime::EnvEntry], local: Option<&LocalVars>) -> Vec<EnvEntry> {
    let places = env.iter().enumerate().map(|(place, entry)| (entry.name.as_str(), place));
    // Of several with one name the last one counts.
    let last: HashMap<&str, usize> = places.collect();
    let counts = |place: usize, name: &str| last.get(name) == Some(&place);
    let entries = env.iter().enumerate().filter(|(place, entry)| counts(*place, &entry.name));
    let entries = entries.filter_map(|(_, entry)| {
        let kind = kind_of(entry, local)?;
        Some(EnvEntry { kind, name: entry.name.clone() })
    });
    let (mut vars, mut bound): (Vec<_>, Vec<_>) =
        entries.partition(|entry| matches!(entry.kind, EnvKind::Var | EnvKind::Local { .. }));
    vars.sort_by(|one, other| one.name.cmp(&other.name));
    bound.sort_by_key(|entry| match entry.kind {
        EnvKind::Kv { .. } => 0,
        EnvKind::Queue { .. } => 1,
        EnvKind::Service { .. } | EnvKind::Var | EnvKind::Local { .. } => 2,
    });
    bound.extend(vars);
    bound
}

/// What is shown of an entry; nothing of what is not there yet, of which there are warnings.
fn kind_of(entry: &runtime::EnvEntry, local: Option<&LocalVars>) -> Option<EnvKind> {
    let of_config = |key: &str| Some(entry.config.get(key)?.as_str()?.to_owned());
    match &*entry.kind {
        kinds::KV_NAMESPACE => Some(EnvKind::Kv { namespace: of_config("id")? }),
        kinds::QUEUE => Some(EnvKind::Queue { queue: of_config("queue")? }),
        kinds::SERVICE => Some(EnvKind::Service {
            worker: of_config("service")?,
            entrypoint: of_config("entrypoint"),
        }),
        kinds::JSON | kinds::PLAIN_TEXT | kinds::SECRET_TEXT => {
            let local = local.filter(|local| local.names.contains(&entry.name));
            Some(local.map_or(EnvKind::Var, |local| EnvKind::Local { file: local.file.clone() }))
        }
        _ => None,
    }
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

    use serde_json::json;

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
    fn what_is_bound_comes_before_the_variables_and_each_name_is_shown_once() {
        let entry = |name: &str, kind, config| runtime::EnvEntry::new(name, kind, config);
        let env = [
            entry("DB", kinds::UNSUPPORTED, json!({ "key": "d1_databases" })),
            entry("MODE", kinds::PLAIN_TEXT, json!("test")),
            entry("TOKEN", kinds::PLAIN_TEXT, json!("x")),
            entry("AUTH", kinds::SERVICE, json!({ "service": "auth", "entrypoint": "Admin" })),
            entry("MAIL", kinds::QUEUE, json!({ "queue": "mail" })),
            entry("CART", kinds::KV_NAMESPACE, json!({ "id": "c1" })),
            entry("LEVEL", kinds::JSON, json!(1)),
            entry("MODE", kinds::PLAIN_TEXT, json!("production")),
        ];
        let names = vec!["TOKEN".to_owned()];
        let local = LocalVars { file: ".dev.vars".to_owned(), names };
        let shown = bindings(&env, Some(&local));
        let (worker, entrypoint) = ("auth".to_owned(), Some("Admin".to_owned()));
        let expected = [
            ("CART", EnvKind::Kv { namespace: "c1".to_owned() }),
            ("MAIL", EnvKind::Queue { queue: "mail".to_owned() }),
            ("AUTH", EnvKind::Service { worker, entrypoint }),
            ("LEVEL", EnvKind::Var),
            ("MODE", EnvKind::Var),
            ("TOKEN", EnvKind::Local { file: ".dev.vars".to_owned() }),
        ];
        let expected = expected.map(|(name, kind)| EnvEntry { kind, name: name.to_owned() });
        assert_eq!(shown, expected);
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
