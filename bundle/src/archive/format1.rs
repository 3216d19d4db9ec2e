//! The address of an archive of format 1. It is not of the bytes of `bundle.json`: it was made of what
//! they say, with the settings serialised again. So what it was made of is kept here as it was, and is
//! no concern of settings that came later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ArchiveError, malformed};
use crate::bundle::{Bundle, VersionId};

/// The settings of format 1, in the order in which they were hashed.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    compatibility_date: Option<String>,
    compatibility_flags: Vec<String>,
    routes: Vec<String>,
    vars: BTreeMap<String, Value>,
    kv_namespaces: Vec<KvNamespace>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    missing_bindings: BTreeMap<String, String>,
    limits: Limits,
    unsafe_eval: bool,
}

#[derive(Serialize, Deserialize)]
struct KvNamespace {
    binding: String,
    id: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Limits {
    cpu_ms: Option<u32>,
    memory_mb: Option<u32>,
    subrequests: Option<u32>,
}

/// The address of a bundle whose archive has those settings.
pub(super) fn address(bundle: &Bundle, settings: Value) -> Result<VersionId, ArchiveError> {
    let settings: Settings = serde_json::from_value(settings)
        .map_err(|error| malformed(format!("the settings in bundle.json: {error}")))?;
    let mut hash = ContentHash(Sha256::new());
    hash.field(b"isolane bundle 1");
    hash.field(bundle.name.as_bytes());
    hash.field(bundle.main.as_bytes());
    hash.count(bundle.modules.len());
    for module in &bundle.modules {
        hash.field(module.specifier.as_bytes());
        hash.field(module.kind.as_str().as_bytes());
        hash.field(&module.source);
        // An absent map and an empty one differ by the count.
        hash.count(usize::from(module.source_map.is_some()));
        hash.field(module.source_map.as_deref().unwrap_or("").as_bytes());
        hash.count(module.imports.len());
        for (written, resolved) in &module.imports {
            hash.field(written.as_bytes());
            hash.field(resolved.as_bytes());
        }
    }
    hash.field(&serde_json::to_vec(&settings).expect("settings are plain JSON data"));
    let digits: String = hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(VersionId::parse(&digits).expect("they are the digits of a hash"))
}

/// A hash over fields, each with its length before it, so that no two lists of fields are the
/// same bytes.
struct ContentHash(Sha256);

impl ContentHash {
    fn field(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }
}
