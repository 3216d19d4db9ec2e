//! Whether a file is a node's configuration, and not a project's: people name one where the other is
//! asked for.

use std::fs;
use std::path::Path;

/// Keys of a node's configuration that no project's has.
const OF_NODES: [&str; 17] = [
    "admin",
    "cf",
    "cpu_affinity",
    "data",
    "deploys",
    "domain",
    "group",
    "hardening",
    "kv",
    "listen",
    "log",
    "outbound",
    "queue",
    "real_time",
    "tls",
    "user",
    "workers",
];

/// Keys of a project's that no node's has.
const OF_PROJECTS: [&str; 4] = ["compatibility_date", "compatibility_flags", "main", "name"];

/// The usual name.
const USUAL: &str = "node.toml";

/// See [`Config::recognises`](super::Config::recognises).
pub(super) fn recognises(path: &Path) -> bool {
    let is_usual = path.file_name().is_some_and(|name| name == USUAL);
    let text = fs::read_to_string(path).unwrap_or_default();
    let Ok(table) = text.parse::<toml::Table>() else { return is_usual };
    let has_any = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
    !has_any(&OF_PROJECTS) && (is_usual || has_any(&OF_NODES))
}

#[cfg(test)]
mod tests {
    use super::super::schema::RawConfig;
    use super::*;

    #[test]
    fn a_node_is_told_from_a_project_by_its_keys_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, expected) in [
            ("node.toml", "", true),
            ("node.toml", "[limits]\nisolates = 7", true),
            ("node.toml", "= broken", true),
            ("node.toml", "name = 'shop'\nmain = 'a.js'", false),
            ("eu.toml", "listen = [{ address = '0.0.0.0:80' }]", true),
            ("eu.toml", "[kv]\ncache_mb = 7", true),
            ("eu.toml", "[cf]\ncountry = 'DE'", true),
            ("eu.toml", "[limits]\ncpu_ms = 7", false),
            ("wrangler.prod.toml", "name = 'shop'\nworkers = true", false),
            ("wrangler.prod.toml", "", false),
            ("wrangler.jsonc", "{ \"data\": 1 }", false),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            assert_eq!(recognises(&path), expected, "{name}: {text}");
        }
        assert!(!recognises(&folder.path().join("gone.toml")));
    }

    #[test]
    fn the_keys_of_nodes_are_those_of_the_schema_that_no_project_has() {
        let unknown = toml::from_str::<RawConfig>("unknown_key = 1").err();
        let message = unknown.expect("the key is refused").message().to_owned();
        let (_, listed) = message.split_once("expected one of ").expect("it lists the others");
        let keys = listed.split('`').skip(1).step_by(2);
        let is_of_projects = |key: &&str| bundle::known_keys().any(|known| known.name == *key);
        let mut of_nodes: Vec<&str> = keys.filter(|key| !is_of_projects(key)).collect();
        of_nodes.sort_unstable();
        assert_eq!(of_nodes, OF_NODES);
    }
}
