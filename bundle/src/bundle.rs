//! A worker's modules and settings, ready to run or to upload, and the address of their content.
//! How they come to be is `load`'s.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::archive;
use crate::error::Warning;
use crate::settings::Settings;

/// Everything that one version of a worker is made of.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The worker's name, a DNS label.
    pub name: String,
    /// The specifier of the main module; it is the first of `modules`.
    pub main: String,
    /// The modules, in the order in which they were found from the main module.
    pub modules: Vec<Module>,
    /// What the configuration says.
    pub settings: Settings,
    /// What the author should know.
    pub warnings: Vec<Warning>,
    /// Every file that was read, absolute, the configuration included, and such as would have been
    /// if they were there: a change in one of them can change the bundle.
    pub inputs: Vec<PathBuf>,
    /// Folders, absolute, whose files were looked through for those that a pattern means: one that
    /// comes or goes, at any depth, can change the bundle.
    pub folders: Vec<PathBuf>,
}

impl Bundle {
    /// The module of that specifier.
    pub fn module(&self, specifier: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.specifier == specifier)
    }

    /// The address of the content: name, modules, source maps and settings. The same project
    /// gives the same address on any machine, wherever its folder is. It is the SHA-256 of the
    /// `bundle.json` that [`to_archive`](Self::to_archive) writes. A bundle that was read from an
    /// archive may have had another one there, which is [`Unpacked`](crate::Unpacked)'s to say.
    pub fn id(&self) -> VersionId {
        VersionId::of(&archive::manifest(self))
    }
}

/// One module of a worker.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its name in the bundle: the path of its file below the project's root, with forward
    /// slashes, such as `src/index.ts`.
    pub specifier: String,
    /// What its importers get.
    pub kind: ModuleKind,
    /// What runs or is handed out. UTF-8 for every kind but [`ModuleKind::Data`] and
    /// [`ModuleKind::Wasm`].
    pub source: Arc<[u8]>,
    /// The source map (version 3) of a transpiled module, as JSON; its one source is
    /// `specifier`. `None` when `source` is the file as it is.
    pub source_map: Option<Arc<str>>,
    /// Where each import leads: from the specifier as written to that of a module of the bundle,
    /// or to itself for a module that the runtime provides (`cloudflare:workers`).
    pub imports: BTreeMap<String, String>,
}

impl Module {
    /// The source as text; `None` when it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.source).ok()
    }
}

/// What the importers of a module get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleKind {
    /// The exports of JavaScript with `import` and `export`.
    EsModule,
    /// The parsed value, as the default export.
    Json,
    /// A string, as the default export.
    Text,
    /// An `ArrayBuffer`, as the default export.
    Data,
    /// A compiled `WebAssembly.Module`, as the default export.
    Wasm,
}

impl ModuleKind {
    /// The kind's name, as serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EsModule => "es_module",
            Self::Json => "json",
            Self::Text => "text",
            Self::Data => "data",
            Self::Wasm => "wasm",
        }
    }
}

/// The address of a bundle's content: SHA-256, in 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VersionId(String);

impl VersionId {
    /// The address of those bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// The address that those digits are; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 64 && digits).then(|| Self(text.to_owned()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of those bytes, in 64 lower-case hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
