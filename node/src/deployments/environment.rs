//! From what a version's configuration says to the entries of its environment. What a kind makes of
//! its entry, and what it refuses, is the bindings'.

use bundle::{KvNamespace, QueueProducer, Service, Settings};
use registry::Secret;
use runtime::{EnvEntry, kinds};
use serde_json::{Map, Value, json};

use super::DeployError;
use crate::config::Mode;

/// What a version sees of its own, whatever secrets its worker has.
pub(super) fn of(
    settings: &Settings,
    worker: &str,
    mode: Mode,
) -> Result<Vec<EnvEntry>, DeployError> {
    let missing = settings
        .missing_bindings
        .iter()
        .map(|(name, key)| EnvEntry::new(name.as_str(), kinds::UNSUPPORTED, json!({ "key": key })));
    // Whatever else has the name of one comes after it, and counts.
    let mut entries: Vec<EnvEntry> = missing.chain(vars(&settings.vars)).collect();
    for namespace in &settings.kv_namespaces {
        entries.push(kv_namespace(namespace, worker, mode)?);
    }
    entries.extend(settings.queue_producers.iter().map(queue));
    entries.extend(settings.services.iter().map(service));
    Ok(entries)
}

/// Variables: a string is a text, anything else its JSON value.
pub(super) fn vars<'a>(
    vars: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> impl Iterator<Item = EnvEntry> {
    vars.into_iter().map(|(name, value)| {
        let kind = if value.is_string() { kinds::PLAIN_TEXT } else { kinds::JSON };
        EnvEntry::new(name.as_str(), kind, value.clone())
    })
}

/// Secrets, as `env` has them.
pub(super) fn secrets(secrets: Vec<(String, Secret)>) -> impl Iterator<Item = EnvEntry> {
    secrets
        .into_iter()
        .map(|(name, value)| EnvEntry::new(name, kinds::SECRET_TEXT, Value::from(value.expose())))
}

/// A namespace without an identifier is the binding's name in development. Among tenants it has to
/// be named: what a binding reads and writes is then never a matter of chance.
fn kv_namespace(
    namespace: &KvNamespace,
    worker: &str,
    mode: Mode,
) -> Result<EnvEntry, DeployError> {
    let binding = &namespace.binding;
    let id = match (&namespace.id, mode) {
        (Some(id), _) => id,
        (None, Mode::Dev) => binding,
        (None, Mode::Serve) => return Err(no_namespace(worker, binding)),
    };
    Ok(EnvEntry::new(binding.as_str(), kinds::KV_NAMESPACE, json!({ "id": id })))
}

/// A namespace has no identifier.
pub(super) fn no_namespace(worker: &str, binding: &str) -> DeployError {
    DeployError::NoNamespace { worker: worker.to_owned(), binding: binding.to_owned() }
}

fn queue(producer: &QueueProducer) -> EnvEntry {
    let mut config = Map::new();
    config.insert("queue".to_owned(), producer.queue.as_str().into());
    if let Some(delay_s) = producer.delivery_delay {
        config.insert("delivery_delay".to_owned(), delay_s.into());
    }
    EnvEntry::new(producer.binding.as_str(), kinds::QUEUE, Value::Object(config))
}

fn service(service: &Service) -> EnvEntry {
    let mut config = Map::new();
    config.insert("service".to_owned(), service.service.as_str().into());
    if let Some(entrypoint) = &service.entrypoint {
        config.insert("entrypoint".to_owned(), entrypoint.as_str().into());
    }
    if let Some(props) = &service.props {
        config.insert("props".to_owned(), Value::Object(props.clone()));
    }
    EnvEntry::new(service.binding.as_str(), kinds::SERVICE, Value::Object(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(entries: &[EnvEntry]) -> Vec<(String, String, Value)> {
        let entries = entries.iter();
        let shown =
            entries.map(|entry| (entry.name.clone(), entry.kind.to_string(), entry.config.clone()));
        shown.collect()
    }

    #[test]
    fn each_binding_is_an_entry_of_its_kind() {
        let props = json!({ "tenant": 7 });
        let settings = Settings {
            vars: [("MODE", json!("test")), ("LEVELS", json!([1, 2]))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            kv_namespaces: vec![KvNamespace {
                binding: "CART".to_owned(),
                id: Some("c1".to_owned()),
            }],
            queue_producers: vec![QueueProducer {
                binding: "MAIL".to_owned(),
                queue: "mail".to_owned(),
                delivery_delay: Some(5),
            }],
            services: vec![
                Service {
                    binding: "AUTH".to_owned(),
                    service: "auth".to_owned(),
                    entrypoint: Some("Admin".to_owned()),
                    props: props.as_object().cloned(),
                },
                Service {
                    binding: "SELF".to_owned(),
                    service: "shop".to_owned(),
                    entrypoint: None,
                    props: None,
                },
            ],
            missing_bindings: [("DB".to_owned(), "d1_databases".to_owned())].into(),
            ..Settings::default()
        };
        let entry = |name: &str, kind: &str, config| (name.to_owned(), kind.to_owned(), config);
        let expected = [
            entry("DB", "unsupported", json!({ "key": "d1_databases" })),
            entry("LEVELS", "json", json!([1, 2])),
            entry("MODE", "plain_text", json!("test")),
            entry("CART", "kv_namespace", json!({ "id": "c1" })),
            entry("MAIL", "queue", json!({ "queue": "mail", "delivery_delay": 5 })),
            entry(
                "AUTH",
                "service",
                json!({ "service": "auth", "entrypoint": "Admin", "props": props }),
            ),
            entry("SELF", "service", json!({ "service": "shop" })),
        ];
        assert_eq!(shown(&of(&settings, "shop", Mode::Serve).unwrap()), expected);
    }

    #[test]
    fn a_binding_without_a_namespace_is_for_development() {
        let kv_namespaces = vec![KvNamespace { binding: "USERS".to_owned(), id: None }];
        let settings = Settings { kv_namespaces, ..Settings::default() };
        let entries = of(&settings, "shop", Mode::Dev).unwrap();
        assert_eq!(entries[0].config, json!({ "id": "USERS" }));
        assert_eq!(
            of(&settings, "shop", Mode::Serve).unwrap_err().to_string(),
            "worker shop: the KV binding USERS names no namespace: give its entry in \
             \"kv_namespaces\" an \"id\", such as id = \"shop-users\""
        );
    }
}
