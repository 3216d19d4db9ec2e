//! `route` and `routes`: which requests the worker gets. What a pattern has to be is the router's.

use super::super::field::Field;
use super::super::tree::{Entry, Value};
use super::Reader;
use crate::error::ConfigError;

impl Reader<'_> {
    /// `route`, a pattern or a table, or `routes`, a list of them; a single one is accepted for
    /// both.
    pub(super) fn routes(&mut self, root: &Field<'_>, entry: &Entry) -> Result<(), ConfigError> {
        let field = root.inner(entry);
        if !self.config.settings.routes.is_empty() {
            return Err(field.error("expected \"route\" or \"routes\", found both"));
        }
        let routes = match field.value() {
            Value::List(_) => field.list()?.collect(),
            _ => vec![field],
        };
        for route in routes {
            let pattern = match route.value() {
                Value::String(_) => route.nonempty_string()?.to_owned(),
                Value::Table(_) => self.route_table(&route)?,
                _ => return Err(route.expected("a pattern or { pattern = \"...\" }")),
            };
            self.config.settings.routes.push(pattern);
        }
        Ok(())
    }

    fn route_table(&mut self, route: &Field<'_>) -> Result<String, ConfigError> {
        let mut pattern = None;
        for entry in route.table()? {
            match entry.key.as_str() {
                "pattern" => pattern = Some(route.inner(entry).nonempty_string()?.to_owned()),
                // Which Cloudflare zone a route belongs to has no meaning here.
                "custom_domain" | "enabled" | "previews_enabled" | "zone_id" | "zone_name" => {}
                _ => self.warn_unknown(route, entry, &["pattern"]),
            }
        }
        pattern.ok_or_else(|| route.error("expected a \"pattern\" in the route"))
    }
}
