//! The names of the modules that the runtime provides to any worker that imports them.

use deno_core::op2;

/// Specifier of a module, and of the script that makes it. Sorted.
pub(crate) const MODULES: &[(&str, &str)] = &[
    ("node:assert", "ext:isolane_node/assert.js"),
    ("node:assert/strict", "ext:isolane_compat/assert_strict.js"),
    ("node:async_hooks", "ext:isolane_compat/async_hooks.js"),
    ("node:buffer", "ext:isolane_compat/buffer.js"),
    ("node:console", "ext:isolane_compat/console.js"),
    ("node:constants", "ext:isolane_compat/constants.js"),
    ("node:crypto", "ext:isolane_compat/crypto.js"),
    ("node:diagnostics_channel", "ext:isolane_node/diagnostics_channel.js"),
    ("node:events", "ext:isolane_node/_events.js"),
    ("node:module", "ext:isolane_compat/module.js"),
    ("node:os", "ext:isolane_compat/os.js"),
    ("node:path", "ext:isolane_node/path/mod.js"),
    ("node:path/posix", "ext:isolane_compat/path_posix.js"),
    ("node:path/win32", "ext:isolane_compat/path_win32.js"),
    ("node:perf_hooks", "ext:isolane_compat/perf_hooks.js"),
    ("node:process", "ext:isolane_compat/process.js"),
    ("node:punycode", "ext:isolane_node/punycode.js"),
    ("node:querystring", "ext:isolane_node/querystring.js"),
    ("node:stream", "ext:isolane_node/stream.js"),
    ("node:stream/consumers", "ext:isolane_node/stream/consumers.js"),
    ("node:stream/promises", "ext:isolane_node/stream/promises.js"),
    ("node:stream/web", "ext:isolane_node/stream/web.js"),
    ("node:string_decoder", "ext:isolane_node/string_decoder.js"),
    ("node:timers", "ext:isolane_compat/timers.js"),
    ("node:timers/promises", "ext:isolane_compat/timers_promises.js"),
    ("node:url", "ext:isolane_node/url.js"),
    ("node:util", "ext:isolane_node/util.js"),
    ("node:util/types", "ext:isolane_node/internal/util/types.js"),
];

/// The script of a module, by its specifier with `node:` or without; `None` for a module that
/// is not provided.
#[op2]
#[string]
pub(super) fn op_compat_script_of(#[string] name: &str) -> Option<String> {
    let name = name.strip_prefix("node:").unwrap_or(name);
    let found = MODULES.iter().find(|(module, _)| module.strip_prefix("node:") == Some(name));
    found.map(|(_, script)| (*script).to_owned())
}

/// The names of all modules, without `node:`.
#[op2]
#[serde]
pub(super) fn op_compat_module_names() -> Vec<&'static str> {
    MODULES.iter().filter_map(|(module, _)| module.strip_prefix("node:")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::SCRIPTS;
    use super::*;

    #[test]
    fn the_scripts_are_sorted_because_deno_core_searches_them_so() {
        assert!(SCRIPTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn each_module_has_its_script() {
        let scripts: HashSet<_> = SCRIPTS.iter().map(|(specifier, _)| *specifier).collect();
        for (module, script) in MODULES {
            assert!(scripts.contains(script), "{module}");
        }
    }

    #[test]
    fn each_script_that_a_script_loads_is_there() {
        let scripts: HashSet<_> = SCRIPTS.iter().map(|(specifier, _)| *specifier).collect();
        for (from, source) in SCRIPTS {
            for rest in source.split("loadExtScript(").skip(1) {
                let Some(specifier) = rest.trim_start().strip_prefix('"') else { continue };
                let specifier = specifier.split('"').next().unwrap_or_default();
                let ours = ["ext:isolane_compat/", "ext:isolane_node/"];
                if ours.iter().any(|prefix| specifier.starts_with(prefix)) {
                    assert!(scripts.contains(specifier), "{from} loads {specifier}");
                }
            }
        }
    }
}
