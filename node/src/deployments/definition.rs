//! From a bundle and the node's configuration to what the runtime needs of a version.

use std::sync::Arc;
use std::time::Duration;

use bundle::{Bundle, ModuleKind, Settings, Warning};
use bytes::Bytes;
use registry::Secret;
use runtime::{Definition, Module, ModuleSource, Switches};

use super::DeployError;
use crate::config::{Limits, Mode, WorkerConfig};

/// What a definition takes from elsewhere than the bundle.
#[derive(Default)]
pub(super) struct Origin {
    /// The version's identifier, where it is known: it was made of the content once.
    version: Option<String>,
    /// What `env` has beside the bundle's variables, and before them.
    vars: serde_json::Map<String, serde_json::Value>,
}

impl Origin {
    /// A worker of the node's own configuration.
    pub(super) fn folder(config: &WorkerConfig) -> Self {
        Self { version: None, vars: config.vars.clone() }
    }

    /// A deployed version with the worker's secrets.
    pub(super) fn deployed(id: &str, secrets: Vec<(String, Secret)>) -> Self {
        Self { version: Some(id.to_owned()), vars: secret_vars(secrets).collect() }
    }
}

/// Secrets as `env` has them.
pub(super) fn secret_vars(
    secrets: Vec<(String, Secret)>,
) -> impl Iterator<Item = (String, serde_json::Value)> {
    secrets.into_iter().map(|(name, value)| (name, value.expose().into()))
}

/// The definition of a bundle. What the node does not grant in full is added to `warnings`.
pub(super) fn of(
    bundle: Bundle,
    origin: Origin,
    mode: Mode,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Definition, DeployError> {
    let version = origin.version.unwrap_or_else(|| bundle.id().to_string());
    let settings = bundle.settings;
    let (node_compat, node_als) = (settings.node_compat(), settings.node_als());
    let (startup_eval, shared_memory) = (settings.startup_eval(), settings.shared_memory());
    let switches = switches(&settings);
    let limits = granted(&settings, limits, warnings);
    let kv_namespaces = kv_namespaces(&settings, &bundle.name, mode)?;
    let mut vars: serde_json::Map<_, _> = settings.vars.into_iter().collect();
    vars.extend(origin.vars);
    Ok(Definition {
        worker: bundle.name.into(),
        version: version.into(),
        main: bundle::module_url(&bundle.main),
        modules: bundle.modules.into_iter().map(module).collect(),
        vars,
        kv_namespaces,
        missing_bindings: settings.missing_bindings,
        limits,
        node_compat,
        node_als,
        startup_eval,
        unsafe_eval: settings.unsafe_eval,
        shared_memory,
        switches,
    })
}

fn switches(settings: &Settings) -> Switches {
    Switches {
        node_timers: settings.node_timers(),
        upper_case_methods: settings.upper_case_methods(),
        bot_management_default: settings.bot_management_default(),
        signal_passthrough: settings.signal_passthrough(),
    }
}

fn module(module: bundle::Module) -> Module {
    let text = || Arc::<str>::from(String::from_utf8_lossy(&module.source));
    let data = || Bytes::copy_from_slice(&module.source);
    let source = match module.kind {
        ModuleKind::EsModule => ModuleSource::EsModule(text()),
        ModuleKind::Json => ModuleSource::Json(text()),
        ModuleKind::Text => ModuleSource::Text(text()),
        ModuleKind::Data => ModuleSource::Data(data()),
        ModuleKind::Wasm => ModuleSource::Wasm(data()),
    };
    let imports = module.imports.into_iter().map(|(written, resolved)| (written, url(resolved)));
    Module { url: bundle::module_url(&module.specifier), source, imports: imports.collect() }
}

/// The URL of what an import leads to: a module of the bundle, or one of the runtime's own.
fn url(resolved: String) -> String {
    if provided::find(&resolved).is_some() { resolved } else { bundle::module_url(&resolved) }
}

/// The limits that the worker asks for, as far as the node allows them.
fn granted(settings: &Settings, node: &Limits, warnings: &mut Vec<Warning>) -> runtime::Limits {
    let default = runtime::Limits::default();
    let wanted = &settings.limits;
    let mut warn = |key: &str, wanted: u64, granted: u64| {
        let message = format!(
            "limits.{key} is {granted} and not {wanted}, because that is the node's maximum"
        );
        warnings.push(Warning { location: None, message });
    };
    let mut cpu = wanted.cpu_ms.map_or(node.cpu, |cpu_ms| Duration::from_millis(cpu_ms.into()));
    if cpu > node.cpu_max {
        if wanted.cpu_ms.is_some() {
            warn("cpu_ms", cpu.as_millis() as u64, node.cpu_max.as_millis() as u64);
        }
        cpu = node.cpu_max;
    }
    let mut memory_bytes =
        wanted.memory_mb.map_or(default.memory_bytes, |memory_mb| (memory_mb as usize) << 20);
    if memory_bytes > node.memory_max_bytes {
        if wanted.memory_mb.is_some() {
            warn("memory_mb", memory_bytes as u64 >> 20, node.memory_max_bytes as u64 >> 20);
        }
        memory_bytes = node.memory_max_bytes;
    }
    let mut subrequests = wanted.subrequests.unwrap_or(default.subrequests);
    if subrequests > node.subrequests_max {
        if wanted.subrequests.is_some() {
            warn("subrequests", subrequests.into(), node.subrequests_max.into());
        }
        subrequests = node.subrequests_max;
    }
    runtime::Limits { cpu, memory_bytes, subrequests }
}

/// What a node would refuse of a bundle and development takes.
pub(super) fn refused_by_nodes(bundle: &Bundle) -> impl Iterator<Item = Warning> {
    let unnamed = bundle.settings.kv_namespaces.iter().filter(|namespace| namespace.id.is_none());
    unnamed.map(move |namespace| {
        let error = no_namespace(&bundle.name, &namespace.binding);
        Warning { location: None, message: format!("a node refuses this: {error}") }
    })
}

fn no_namespace(worker: &str, binding: &str) -> DeployError {
    DeployError::NoNamespace { worker: worker.to_owned(), binding: binding.to_owned() }
}

/// A namespace without an identifier is the binding's name in development. Among tenants it has to
/// be named: what a binding reads and writes is then never a matter of chance.
fn kv_namespaces(
    settings: &Settings,
    worker: &str,
    mode: Mode,
) -> Result<Vec<(String, String)>, DeployError> {
    let namespaces = settings.kv_namespaces.iter();
    namespaces
        .map(|namespace| {
            let binding = namespace.binding.clone();
            match (namespace.id.clone(), mode) {
                (Some(id), _) => Ok((binding, id)),
                (None, Mode::Dev) => Ok((binding.clone(), binding)),
                (None, Mode::Serve) => Err(no_namespace(worker, &binding)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bundle::Project;

    use super::*;

    type Defined = (Result<Definition, DeployError>, Vec<Warning>);

    fn try_define(toml: &str, config: WorkerConfig, mode: Mode) -> Defined {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("isolane.toml"), toml).unwrap();
        let main = "import text from './a.txt'; export default { fetch() {} }";
        fs::write(folder.path().join("index.js"), main).unwrap();
        fs::write(folder.path().join("a.txt"), "hello").unwrap();
        let bundle = Project::open(folder.path()).unwrap().load().unwrap();
        let mut warnings = Vec::new();
        let definition =
            of(bundle, Origin::folder(&config), mode, &Limits::default(), &mut warnings);
        (definition, warnings)
    }

    fn define(toml: &str, config: WorkerConfig, mode: Mode) -> (Definition, Vec<Warning>) {
        let (definition, warnings) = try_define(toml, config, mode);
        (definition.unwrap(), warnings)
    }

    #[test]
    fn a_binding_without_a_namespace_is_for_development() {
        let toml = "name = \"shop\"\nkv_namespaces = [{ binding = \"USERS\" }]";
        let (definition, _) = define(toml, WorkerConfig::at(""), Mode::Dev);
        assert_eq!(definition.kv_namespaces, [("USERS".to_owned(), "USERS".to_owned())]);
        let (refused, _) = try_define(toml, WorkerConfig::at(""), Mode::Serve);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "worker shop: the KV binding USERS names no namespace: give its entry in \
             \"kv_namespaces\" an \"id\", such as id = \"shop-users\""
        );
    }

    #[test]
    fn modules_variables_and_namespaces_reach_the_runtime() {
        let toml = r#"
            name = "shop"
            vars = { MODE = "test", A = 1 }
            kv_namespaces = [{ binding = "CART", id = "c1" }, { binding = "USERS", id = "u" }]
        "#;
        let mut config = WorkerConfig::at("");
        config.vars.insert("MODE".into(), "production".into());
        let (definition, warnings) = define(toml, config, Mode::Serve);
        assert_eq!(&*definition.worker, "shop");
        assert_eq!(definition.version.len(), 64);
        assert_eq!(definition.main, "worker:///index.js");
        assert_eq!(definition.vars["MODE"], "production");
        assert_eq!(definition.vars["A"], 1);
        let namespaces = [("CART", "c1"), ("USERS", "u")];
        let namespaces = namespaces.map(|(binding, id)| (binding.to_owned(), id.to_owned()));
        assert_eq!(definition.kv_namespaces, namespaces);
        let text =
            definition.modules.iter().find(|module| module.url == "worker:///a.txt").unwrap();
        assert!(matches!(&text.source, ModuleSource::Text(text) if &**text == "hello"));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn what_dates_and_flags_decide_and_what_is_missing_reach_the_runtime() {
        let new = r#"
            compatibility_date = "2026-08-22"
            compatibility_flags = ["request_signal_passthrough"]
            d1_databases = [{ binding = "DB", database_name = "shop", database_id = "1" }]
        "#;
        let (definition, _) = define(new, WorkerConfig::at(""), Mode::Serve);
        let expected = Switches {
            node_timers: true,
            upper_case_methods: true,
            bot_management_default: false,
            signal_passthrough: true,
        };
        assert_eq!(definition.switches, expected);
        let missing: Vec<_> = definition.missing_bindings.into_iter().collect();
        assert_eq!(missing, [("DB".to_owned(), "d1_databases".to_owned())]);
        let old = "compatibility_date = '2023-01-01'\ncompatibility_flags = ['nodejs_als']";
        let (definition, _) = define(old, WorkerConfig::at(""), Mode::Serve);
        let expected = Switches {
            node_timers: false,
            upper_case_methods: false,
            bot_management_default: true,
            signal_passthrough: false,
        };
        assert_eq!(definition.switches, expected);
        assert!(definition.missing_bindings.is_empty());
        assert_eq!((definition.node_compat, definition.node_als), (false, true));
    }

    #[test]
    fn limits_over_the_nodes_are_cut_with_a_warning() {
        let toml = "[limits]\ncpu_ms = 60000\nmemory_mb = 4096\nsubrequests = 20000";
        let (definition, warnings) = define(toml, WorkerConfig::at(""), Mode::Serve);
        assert_eq!(definition.limits.cpu, Duration::from_secs(30));
        assert_eq!(definition.limits.memory_bytes, 1 << 30);
        assert_eq!(definition.limits.subrequests, 10_000);
        let keys: Vec<_> = warnings.iter().map(|it| it.message.split(' ').next()).collect();
        assert_eq!(keys, ["limits.cpu_ms", "limits.memory_mb", "limits.subrequests"].map(Some));
    }
}
