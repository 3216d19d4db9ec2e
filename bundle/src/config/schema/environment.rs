//! Environments: `[env.NAME]` has keys of its own, takes over some from the top level and must
//! repeat the others
//! (<https://developers.cloudflare.com/workers/wrangler/environments/>).

use super::super::Config;
use super::super::field::Field;
use super::super::keys;
use super::super::tree::Entry;
use crate::error::{ConfigError, Warning};

/// The keys that count for an environment, or without one, each with the table it stands in.
/// What the environments are called goes into the configuration.
pub(super) fn entries<'d>(
    root: &Field<'d>,
    environment: Option<&str>,
    config: &mut Config,
) -> Result<Vec<(Field<'d>, &'d Entry)>, ConfigError> {
    let top = root.table()?;
    let mut chosen = None;
    if let Some(entry) = top.iter().find(|entry| entry.key == "env") {
        let environments = root.inner(entry);
        for entry in environments.table()? {
            let table = environments.inner(entry);
            table.table()?;
            config.environments.push(entry.key.clone());
            if environment == Some(entry.key.as_str()) {
                chosen = Some(table);
            }
        }
    }
    let Some(chosen) = chosen else {
        return Ok(top.iter().map(|entry| (root.clone(), entry)).collect());
    };
    let own = chosen.table()?;
    config.has_own_name = own.iter().any(|entry| entry.key == "name");
    let mut entries = Vec::new();
    for entry in top {
        let is_replaced = own.iter().any(|other| replaces(&other.key, &entry.key));
        let is_inherited = !keys::NOT_INHERITED.contains(&entry.key.as_str());
        if !is_replaced && is_inherited {
            entries.push((root.clone(), entry));
        }
        if !is_replaced && !is_inherited {
            let name = chosen.name();
            config.warnings.push(Warning {
                location: Some(root.key_location(entry)),
                message: format!(
                    "\"{key}\" is not inherited by environments: the worker has none of it; \
                     repeat it as \"{name}.{key}\"",
                    key = entry.key
                ),
            });
        }
    }
    entries.extend(own.iter().map(|entry| (chosen.clone(), entry)));
    Ok(entries)
}

/// Whether a key of an environment takes the place of one of the top level.
fn replaces(own: &str, top: &str) -> bool {
    let is_route = |key| matches!(key, "route" | "routes");
    own == top || (is_route(own) && is_route(top))
}
