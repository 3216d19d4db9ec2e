//! From a bundle and the node's configuration to what the runtime needs of a version. Its environment
//! is in `environment.rs`.

use std::sync::Arc;
use std::time::Duration;

use bundle::{Bundle, ModuleKind, Settings, Warning};
use bytes::Bytes;
use registry::Secret;
use runtime::{Definition, EnvEntry, Module, ModuleSource};

use super::environment;
use crate::config::{Limits, WorkerConfig};

/// What a definition takes from elsewhere than the bundle.
#[derive(Default)]
pub(super) struct Origin {
    /// The version's identifier, where it is known: it was made of the content once.
    version: Option<String>,
    /// What `env` has beside what is the bundle's, and before that.
    more: Vec<EnvEntry>,
}

impl Origin {
    /// A worker of the node's own configuration.
    pub(super) fn folder(config: &WorkerConfig) -> Self {
        Self { version: None, more: environment::vars(&config.vars).collect() }
    }

    /// A deployed version with the worker's secrets.
    pub(super) fn deployed(id: &str, secrets: Vec<(String, Secret)>) -> Self {
        Self { version: Some(id.to_owned()), more: environment::secrets(secrets).collect() }
    }
}

/// The definition of a bundle with its own entries of `env`. What the node does not grant in full is
/// added to `warnings`.
pub(super) fn of(
    bundle: Bundle,
    mut env: Vec<EnvEntry>,
    origin: Origin,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Definition {
    let version = origin.version.unwrap_or_else(|| bundle.id().to_string());
    let settings = &bundle.settings;
    // Of two with one name the later one counts.
    env.extend(origin.more);
    Definition {
        limits: granted(settings, limits, warnings),
        compatibility: settings.compatibility(),
        unsafe_eval: settings.unsafe_eval,
        worker: bundle.name.into(),
        version: version.into(),
        main: bundle::module_url(&bundle.main),
        modules: bundle.modules.into_iter().map(module).collect(),
        env,
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
    let is_cpu_named = wanted.cpu_ms.is_some();
    runtime::Limits { cpu, is_cpu_named, memory_bytes, subrequests }
}

/// What a node would refuse of a bundle and development takes.
pub(super) fn refused_by_nodes(bundle: &Bundle) -> impl Iterator<Item = Warning> {
    let unnamed = bundle.settings.kv_namespaces.iter().filter(|namespace| namespace.id.is_none());
    unnamed.map(move |namespace| {
        let error = environment::no_namespace(&bundle.name, &namespace.binding);
        Warning { location: None, message: format!("a node refuses this: {error}") }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bundle::Project;
    use runtime::Flag;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Mode;

    fn define(toml: &str, config: &WorkerConfig) -> (Definition, Vec<Warning>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("isolane.toml"), toml).unwrap();
        let main = "import text from './a.txt'; export default { fetch() {} }";
        fs::write(folder.path().join("index.js"), main).unwrap();
        fs::write(folder.path().join("a.txt"), "hello").unwrap();
        let bundle = Project::open(folder.path()).unwrap().load().unwrap();
        let env = environment::of(&bundle.settings, &bundle.name, Mode::Serve).unwrap();
        let mut warnings = Vec::new();
        let limits = Limits::default();
        let definition = of(bundle, env, Origin::folder(config), &limits, &mut warnings);
        (definition, warnings)
    }

    /// What `env` has by that name: of several entries the last one.
    fn entry<'a>(definition: &'a Definition, name: &str) -> (&'a str, &'a Value) {
        let entry = definition.env.iter().rfind(|entry| entry.name == name).unwrap();
        (&*entry.kind, &entry.config)
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
        let (definition, warnings) = define(toml, &config);
        assert_eq!(&*definition.worker, "shop");
        assert_eq!(definition.version.len(), 64);
        assert_eq!(definition.main, "worker:///index.js");
        assert_eq!(entry(&definition, "MODE"), ("plain_text", &json!("production")));
        assert_eq!(entry(&definition, "A"), ("json", &json!(1)));
        assert_eq!(entry(&definition, "CART"), ("kv_namespace", &json!({ "id": "c1" })));
        assert_eq!(entry(&definition, "USERS"), ("kv_namespace", &json!({ "id": "u" })));
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
        let (definition, _) = define(new, &WorkerConfig::at(""));
        let has = |flag| definition.compatibility.has(flag);
        assert!(has(Flag::NodejsCompat) && has(Flag::NodejsGlobalTimers));
        assert!(has(Flag::UpperCaseMethods) && has(Flag::RequestSignalPassthrough));
        assert!(!has(Flag::BotManagementDefault));
        assert_eq!(entry(&definition, "DB"), ("unsupported", &json!({ "key": "d1_databases" })));
        let old = "compatibility_date = '2023-01-01'\ncompatibility_flags = ['nodejs_als']";
        let (definition, _) = define(old, &WorkerConfig::at(""));
        let has = |flag| definition.compatibility.has(flag);
        assert!(has(Flag::NodejsAls) && has(Flag::BotManagementDefault));
        assert!(!has(Flag::NodejsCompat) && !has(Flag::NodejsGlobalTimers));
        assert!(!has(Flag::UpperCaseMethods) && !has(Flag::RequestSignalPassthrough));
        assert!(definition.env.is_empty());
    }

    #[test]
    fn limits_over_the_nodes_are_cut_with_a_warning() {
        let toml = "[limits]\ncpu_ms = 60000\nmemory_mb = 4096\nsubrequests = 20000";
        let (definition, warnings) = define(toml, &WorkerConfig::at(""));
        assert_eq!(definition.limits.cpu, Duration::from_secs(30));
        assert!(definition.limits.is_cpu_named);
        assert_eq!(definition.limits.memory_bytes, 1 << 30);
        assert_eq!(definition.limits.subrequests, 10_000);
        let keys: Vec<_> = warnings.iter().map(|it| it.message.split(' ').next()).collect();
        assert_eq!(keys, ["limits.cpu_ms", "limits.memory_mb", "limits.subrequests"].map(Some));
        assert!(!define("", &WorkerConfig::at("")).0.limits.is_cpu_named);
    }
}
