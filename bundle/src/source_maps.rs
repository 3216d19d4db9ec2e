//! From positions in the code that runs to positions in the files that were written, one by one
//! or in the stack of an error. Making the maps is `transpile`'s.

mod decoded;
mod stack;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use oxc_sourcemap::SourceMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use self::decoded::MapId;
use crate::bundle::Bundle;

/// What the runtime puts before a module's specifier to name it in V8, and so in stacks.
pub const MODULE_PREFIX: &str = "worker:///";

/// What does not stand for itself in a module's URL: so much that where the URL ends in a stack
/// is never a question.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'/').remove(b'_').remove(b'~');

/// The URL under which the runtime knows the module of that specifier.
pub fn module_url(specifier: &str) -> String {
    format!("{MODULE_PREFIX}{}", utf8_percent_encode(specifier, ENCODED))
}

/// The specifier in the URL of a module; `None` when it is no such URL.
pub fn specifier_of_url(url: &str) -> Option<String> {
    let path = url.strip_prefix(MODULE_PREFIX)?;
    percent_decode_str(path).decode_utf8().ok().map(|specifier| specifier.into_owned())
}

/// A place in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file, as a path below the project's root with forward slashes.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in UTF-16 code units, as V8 counts.
    pub column: u32,
}

/// The source maps of a bundle. Cheap to make: a map is decoded when it is first asked.
#[derive(Debug)]
pub struct SourceMaps {
    modules: HashMap<String, ModuleMap>,
}

#[derive(Debug)]
enum ModuleMap {
    /// The module runs as it was written.
    AsWritten,
    Transpiled {
        json: Arc<str>,
        id: MapId,
    },
}

impl Drop for SourceMaps {
    fn drop(&mut self) {
        for map in self.modules.values() {
            if let ModuleMap::Transpiled { id, .. } = map {
                decoded::forget(*id);
            }
        }
    }
}

/// A map that was asked for a place, decoded if it can be.
type Asked = (MapId, Option<Arc<Mappings>>);

/// A decoded map.
#[derive(Debug)]
struct Mappings {
    sources: Vec<String>,
    /// In the order of the generated text.
    mappings: Vec<Mapping>,
}

/// From a place in the generated text to one in a source; all from 0.
#[derive(Debug)]
struct Mapping {
    generated: (u32, u32),
    source: Option<u32>,
    original: (u32, u32),
}

impl SourceMaps {
    /// The maps of a bundle's modules.
    pub fn of(bundle: &Bundle) -> Self {
        let modules = bundle.modules.iter().map(|module| {
            let map = match &module.source_map {
                None => ModuleMap::AsWritten,
                Some(json) => ModuleMap::Transpiled { json: Arc::clone(json), id: MapId::new() },
            };
            (module.specifier.clone(), map)
        });
        Self { modules: modules.collect() }
    }

    /// The place in the project of a place in a module's running code; line and column from 1, as
    /// in V8's stacks. `None` for an unknown module, and for code that no source stands behind.
    pub fn map(&self, specifier: &str, line: u32, column: u32) -> Option<Position> {
        self.map_after(specifier, line, column, &mut None)
    }

    /// The same, with the map that was asked last.
    fn map_after(
        &self,
        specifier: &str,
        line: u32,
        column: u32,
        last: &mut Option<Asked>,
    ) -> Option<Position> {
        match self.modules.get(specifier)? {
            ModuleMap::AsWritten => Some(Position { file: specifier.to_owned(), line, column }),
            ModuleMap::Transpiled { json, id } => {
                if last.as_ref().is_none_or(|(of, _)| of != id) {
                    // The one before is given up first: they may be large.
                    *last = None;
                    *last = Some((*id, decoded::decoded(*id, json)));
                }
                let (_, mappings) = last.as_ref()?;
                mappings.as_ref()?.find(line.checked_sub(1)?, column.checked_sub(1)?)
            }
        }
    }

    /// The source map of a module, as JSON; `None` for one that runs as it was written.
    pub fn json(&self, specifier: &str) -> Option<&str> {
        match self.modules.get(specifier)? {
            ModuleMap::AsWritten => None,
            ModuleMap::Transpiled { json, .. } => Some(json),
        }
    }

    /// The stack of an error with every place in a module of the bundle
    /// (`worker:///src/index.ts:12:3`) as the place in the project (`src/index.ts:8:5`). All else
    /// stays as it is.
    pub fn map_stack(&self, stack: &str) -> String {
        // Most of its places are in one module, whose map may be too large to be kept.
        let mut last = None;
        stack::rewrite(stack, |url, line, column| {
            let position = self.map_after(&specifier_of_url(url)?, line, column, &mut last)?;
            Some(format!("{}:{}:{}", position.file, position.line, position.column))
        })
    }

    /// Gives up what is kept decoded of the maps of all bundles in this process and was not asked for
    /// a minute. To be called now and then.
    pub fn forget_unused() {
        decoded::forget_unused();
    }

    /// Gives up all that is kept decoded of maps in this process, for memory is short: they are decoded
    /// again when they are asked. Answers whether that was so much that it is worth giving back to the
    /// system.
    pub fn forget_decoded() -> bool {
        decoded::forget_all()
    }
}

impl Mappings {
    fn decode(json: &str) -> Option<Self> {
        let map = SourceMap::from_json_string(json).ok()?;
        let sources = map.get_sources().map(|source| source.to_string()).collect();
        let mappings = map.get_tokens().map(|token| Mapping {
            generated: (token.get_dst_line(), token.get_dst_col()),
            source: token.get_source_id(),
            original: (token.get_src_line(), token.get_src_col()),
        });
        let mut mappings: Vec<Mapping> = mappings.collect();
        mappings.shrink_to_fit();
        Some(Self { sources, mappings })
    }

    /// What it takes in memory, in bytes.
    fn bytes(&self) -> usize {
        let names: usize = self.sources.iter().map(String::len).sum();
        names
            + self.sources.len() * size_of::<String>()
            + self.mappings.capacity() * size_of::<Mapping>()
    }

    /// The nearest mapping at or before the place, on the same line.
    fn find(&self, line: u32, column: u32) -> Option<Position> {
        let after = self.mappings.partition_point(|m| m.generated <= (line, column));
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        if mapping.generated.0 != line {
            return None;
        }
        let (line, column) = mapping.original;
        let file = self.sources.get(mapping.source? as usize)?.clone();
        // A map may say anything.
        Some(Position { file, line: line.saturating_add(1), column: column.saturating_add(1) })
    }
}
