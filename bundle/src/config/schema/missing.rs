//! The bindings that the keys of wrangler's configuration ask for and that the runtime does not have
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#bindings>).

use super::super::field::Field;
use super::super::tree::{Entry, Value};
use super::Reader;

impl Reader<'_> {
    /// Warns of a key in use that promises what does not happen. Its bindings are in `env`, and say
    /// so to whoever uses them.
    pub(super) fn promised(&mut self, table: &Field<'_>, entry: &Entry, is_used: bool) {
        if !is_used {
            return;
        }
        let mut message = format!("\"{}\" is not supported yet", table.inner_name(&entry.key));
        let mut bindings = self::bindings(&entry.key, &entry.node.value);
        bindings.retain(|binding| !self.bindings.contains(binding));
        if !bindings.is_empty() {
            let properties: Vec<_> = bindings.iter().map(|it| format!("env.{it}")).collect();
            let throws = if properties.len() == 1 { "throws" } else { "throw" };
            message += &format!(": {} {throws} when used", properties.join(", "));
        }
        self.warn(table, entry, message);
        self.missing.extend(bindings.into_iter().map(|binding| (binding, entry.key.clone())));
    }

    /// What is there has its name, wherever it stands.
    pub(super) fn bind_what_is_missing(&mut self) {
        let missing =
            self.missing.drain(..).filter(|(binding, _)| !self.bindings.contains(binding));
        self.config.settings.missing_bindings.extend(missing);
    }
}

/// The properties of `env` that a key asks for, in the order of the file.
fn bindings(key: &str, value: &Value) -> Vec<String> {
    let is_name = matches!(key, "durable_objects" | "ratelimits" | "send_email" | "unsafe");
    let property = if is_name { "name" } else { "binding" };
    let value = match key {
        "durable_objects" | "unsafe" => member(value, "bindings"),
        _ => Some(value),
    };
    let tables = match value {
        Some(Value::List(items)) => items.iter().map(|item| &item.value).collect(),
        Some(table @ Value::Table(_)) => vec![table],
        _ => Vec::new(),
    };
    let names = tables.into_iter().filter_map(|table| match member(table, property) {
        Some(Value::String(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

fn member<'a>(table: &'a Value, key: &str) -> Option<&'a Value> {
    let Value::Table(entries) = table else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node.value)
}
