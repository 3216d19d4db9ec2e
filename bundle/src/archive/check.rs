//! Whether what an archive describes is a bundle: what `load` makes so by itself, a stranger's
//! archive has to prove.

use std::collections::HashSet;

use super::{ArchiveError, malformed};
use crate::bundle::{Bundle, Module, ModuleKind};
use crate::name::{MAX_NAME_BYTES, normalise};
use crate::settings::Settings;

/// How long the name of a module may be, in bytes.
const MAX_SPECIFIER_BYTES: usize = 4096;

/// The settings of that JSON; what is absent is the default.
pub(super) fn settings(json: serde_json::Value) -> Result<Settings, ArchiveError> {
    let serde_json::Value::Object(json) = json else {
        return Err(malformed("the settings are not an object"));
    };
    let mut all = serde_json::to_value(Settings::default()).expect("settings are plain JSON data");
    if let Some(all) = all.as_object_mut() {
        all.extend(json);
    }
    let settings: Settings = serde_json::from_value(all)
        .map_err(|error| malformed(format!("the settings in bundle.json: {error}")))?;
    settings.check().map_err(|error| malformed(error.to_string()))?;
    Ok(settings)
}

/// Everything else of a bundle.
pub(super) fn bundle(bundle: &Bundle) -> Result<(), ArchiveError> {
    let name = bundle.name.as_str();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || normalise(name) != name {
        return Err(malformed(format!("{name:?} is not the name of a worker")));
    }
    let main = bundle.modules.first().ok_or_else(|| malformed("it has no modules"))?;
    if main.specifier != bundle.main || main.kind != ModuleKind::EsModule {
        return Err(malformed("its first module is not the main one, an ES module"));
    }
    let mut specifiers = HashSet::new();
    for module in &bundle.modules {
        let specifier = module.specifier.as_str();
        let is_name = (1..=MAX_SPECIFIER_BYTES).contains(&specifier.len());
        if !is_name || is_provided(specifier) || !specifiers.insert(specifier) {
            let specifier: String = specifier.chars().take(80).collect();
            return Err(malformed(format!(
                "{specifier:?} cannot be the name of a module, or is that of two"
            )));
        }
    }
    bundle.modules.iter().try_for_each(|module| self::module(module, &specifiers))
}

fn module(module: &Module, specifiers: &HashSet<&str>) -> Result<(), ArchiveError> {
    let specifier = &module.specifier;
    let is_text = match module.kind {
        ModuleKind::EsModule | ModuleKind::Json | ModuleKind::Text => true,
        ModuleKind::Data | ModuleKind::Wasm => false,
    };
    if is_text && module.text().is_none() {
        return Err(malformed(format!("{specifier} is not UTF-8")));
    }
    let is_script = module.kind == ModuleKind::EsModule;
    if !is_script && (module.source_map.is_some() || !module.imports.is_empty()) {
        return Err(malformed(format!(
            "{specifier} is no ES module and has imports or a source map"
        )));
    }
    for (written, resolved) in &module.imports {
        let leads = specifiers.contains(resolved.as_str())
            || (written == resolved && is_provided(resolved));
        if !leads {
            return Err(malformed(format!(
                "the import of {written:?} in {specifier} leads nowhere"
            )));
        }
    }
    Ok(())
}

/// Whether the runtime provides the module, or may: of those of Node.js, which it has depends on
/// the worker's flags and is found out when it starts.
fn is_provided(specifier: &str) -> bool {
    specifier == provided::WORKERS.specifier || specifier.starts_with("node:")
}
