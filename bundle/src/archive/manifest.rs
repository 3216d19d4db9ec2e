//! `bundle.json`: what it says of a bundle, and its bytes, whose SHA-256 is the bundle's address.
//!
//! It is JSON without blanks; its keys are in the order in which they are declared here. Settings are
//! in the order of their names' bytes, and so is all that is in them; those that have their defaults
//! are left out, and so is what is `null`. What an author wrote as JSON (variables, the props of a
//! service) stays as it is, for a program can see the order of its keys. Modules and source maps are
//! named by their SHA-256: so the address is one of all their bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FORMAT, map_file, module_file};
use crate::bundle::{Bundle, Module, ModuleKind, sha256};
use crate::settings::Settings;

/// The settings whose values are their author's own JSON.
const VERBATIM: [&str; 2] = ["props", "vars"];

/// What `bundle.json` says. What else is in it is of programs to come, and counts for the address
/// alone.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) main: String,
    /// JSON, so that archives can be read that were written before there was one of the settings.
    pub(super) settings: Value,
    pub(super) modules: Vec<Entry>,
}

/// A module in `bundle.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) specifier: String,
    pub(super) kind: ModuleKind,
    /// Its file in the archive, `modules/` and its place in the list.
    pub(super) file: String,
    /// The SHA-256 of that file. It is always there, but in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// The file of its source map, `maps/` and the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_map: Option<String>,
    /// The SHA-256 of that file, where there is one. Not in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_map_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) imports: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn of(bundle: &Bundle) -> Self {
        Self {
            format: FORMAT,
            name: bundle.name.clone(),
            main: bundle.main.clone(),
            settings: Value::Object(settings(&bundle.settings)),
            modules: bundle.modules.iter().enumerate().map(entry).collect(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest is plain JSON data")
    }
}

fn entry((index, module): (usize, &Module)) -> Entry {
    let map = module.source_map.as_deref();
    Entry {
        specifier: module.specifier.clone(),
        kind: module.kind,
        file: module_file(index),
        sha256: Some(sha256(&module.source)),
        source_map: map.map(|_| map_file(index)),
        source_map_sha256: map.map(|map| sha256(map.as_bytes())),
        imports: module.imports.clone(),
    }
}

/// The settings that are not as they would be anyway.
fn settings(settings: &Settings) -> Map<String, Value> {
    let default = object(&Settings::default());
    let mut own = object(settings);
    own.retain(|key, value| default.get(key) != Some(&*value));
    in_order(own)
}

fn object(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings).expect("settings are plain JSON data") {
        Value::Object(object) => object,
        other => unreachable!("settings are an object, not {other}"),
    }
}

/// The same without what is `null`, the keys in the order of their bytes, whatever order a map has by
/// itself.
fn in_order(object: Map<String, Value>) -> Map<String, Value> {
    let said = object.into_iter().filter(|(_, value)| !value.is_null());
    let mut entries: Vec<(String, Value)> = said
        .map(|(key, value)| {
            let is_verbatim = VERBATIM.contains(&key.as_str());
            let value = if is_verbatim { value } else { lean(value) };
            (key, value)
        })
        .collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries.into_iter().collect()
}

fn lean(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(in_order(object)),
        Value::Array(items) => items.into_iter().map(lean).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_lean_and_in_order_but_for_what_an_author_wrote() {
        let mut own = Settings { unsafe_eval: true, ..Settings::default() };
        assert_eq!(settings(&Settings::default()), Map::new());
        own.limits.memory_mb = Some(64);
        own.vars.insert("B".to_owned(), json!({ "null": null }));
        own.vars.insert("A".to_owned(), json!(null));
        let text = Value::Object(settings(&own)).to_string();
        let expected =
            r#"{"limits":{"memory_mb":64},"unsafe_eval":true,"vars":{"A":null,"B":{"null":null}}}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_nested_is_in_order_too() {
        let nested = json!([{ "b": null, "a": [{ "d": 1, "c": 2 }], "props": { "y": null } }]);
        assert_eq!(lean(nested).to_string(), r#"[{"a":[{"c":2,"d":1}],"props":{"y":null}}]"#);
    }
}
