//! The bindings that the keys of wrangler's configuration ask for and that the runtime does not have
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#bindings>).

use super::super::tree::Value;

/// The properties of `env` that a key asks for, in the order of the file.
pub(super) fn bindings(key: &str, value: &Value) -> Vec<String> {
    let is_name = matches!(key, "durable_objects" | "ratelimits" | "send_email" | "unsafe");
    let property = if is_name { "name" } else { "binding" };
    let value = match key {
        "durable_objects" | "unsafe" => member(value, "bindings"),
        "queues" => member(value, "producers"),
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
