//! Finding a provided module by its name, for the loader and for `require`.

use deno_core::op2;

use super::table::MODULES;

/// What the specifiers begin with.
const SCHEME: &str = "node:";

/// The ES module that an isolate's loader gives for the specifier of a `node:` module; `None` where
/// that is not provided. It imports `isolane:modules`. Its exports are those of the script, which is
/// loaded when this module is evaluated.
#[must_use]
pub fn facade(specifier: &str) -> Option<String> {
    let module = provided::node(specifier)?;
    let exports = module.exports.replace(' ', ", ");
    Some(format!(
        "import {{ provide }} from \"isolane:modules\";\n\
         const m = provide(\"{specifier}\");\n\
         export default \"default\" in m ? m.default : m;\n\
         export const {{ {exports} }} = m;\n"
    ))
}

/// The script of a module, by its specifier with `node:` or without; `None` for a module that
/// is not provided.
#[op2]
#[string]
pub(super) fn op_compat_script_of(#[string] name: &str) -> Option<String> {
    let name = name.strip_prefix(SCHEME).unwrap_or(name);
    let mut modules = MODULES.iter();
    let module = modules.find(|(specifier, _)| specifier.strip_prefix(SCHEME) == Some(name));
    module.map(|(_, script)| (*script).to_owned())
}

/// The names of all modules, without `node:`.
#[op2]
#[serde]
pub(super) fn op_compat_module_names() -> Vec<&'static str> {
    MODULES.iter().filter_map(|(specifier, _)| specifier.strip_prefix(SCHEME)).collect()
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
        for (specifier, script) in MODULES {
            assert!(scripts.contains(script), "{specifier}");
        }
    }

    #[test]
    fn each_module_that_workers_can_import_is_made_and_no_other() {
        let made = MODULES.iter().map(|(specifier, _)| *specifier);
        assert!(made.eq(provided::NODE.iter().map(|module| module.specifier)));
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
