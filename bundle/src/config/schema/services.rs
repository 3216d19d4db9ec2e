//! `services` and `tail_consumers`: other workers, those that this one calls, and those that get
//! its traces (<https://developers.cloudflare.com/workers/wrangler/configuration/#service-bindings>).

use serde_json::Map;

use super::super::field::Field;
use super::super::tree::Entry;
use super::Reader;
use crate::error::ConfigError;
use crate::name;
use crate::settings::Service;

/// The keys of a service and of a tail consumer, for suggestions.
const SERVICE: &[&str] = &["binding", "entrypoint", "environment", "props", "remote", "service"];
const TAIL_CONSUMER: &[&str] = &["environment", "service"];

/// The export that is meant where none is named.
const DEFAULT_EXPORT: &str = "default";

impl Reader<'_> {
    pub(super) fn services(&mut self, services: &Field<'_>) -> Result<(), ConfigError> {
        for service in services.list_or_null()? {
            let service = self.service(&service)?;
            self.config.settings.services.push(service);
        }
        Ok(())
    }

    fn service(&mut self, service: &Field<'_>) -> Result<Service, ConfigError> {
        let (mut named, mut binding) = (Named::default(), None);
        let (mut entrypoint, mut props) = (None, None);
        for entry in service.table()? {
            let value = service.inner(entry);
            match entry.key.as_str() {
                "binding" => binding = Some(self.binding(&value)?),
                "entrypoint" => entrypoint = Some(value.nonempty_string()?.to_owned()),
                "props" => props = Some(object(&value)?),
                "remote" => self.remote(service, entry)?,
                _ if named.key(self, service, entry)? => {}
                _ => self.warn_unknown(service, entry, SERVICE),
            }
        }
        let binding =
            binding.ok_or_else(|| service.error("expected a \"binding\" in the service"))?;
        let name = named.finish(self, service, "service")?;
        let entrypoint = entrypoint.filter(|export| export != DEFAULT_EXPORT);
        Ok(Service { binding, service: name, entrypoint, props })
    }

    pub(super) fn tail_consumers(&mut self, consumers: &Field<'_>) -> Result<(), ConfigError> {
        for consumer in consumers.list_or_null()? {
            let mut named = Named::default();
            for entry in consumer.table()? {
                if !named.key(self, &consumer, entry)? {
                    self.warn_unknown(&consumer, entry, TAIL_CONSUMER);
                }
            }
            let name = named.finish(self, &consumer, "tail consumer")?;
            if self.config.settings.tail_consumers.contains(&name) {
                let message = format!("\"{name}\" is given twice, and counts once");
                self.warn_at(&consumer, Some(message));
            } else {
                self.config.settings.tail_consumers.push(name);
            }
        }
        Ok(())
    }
}

/// Another worker, as far as it has been named.
#[derive(Default)]
struct Named<'d> {
    service: Option<String>,
    /// An environment of it, and where that stands.
    environment: Option<(&'d str, &'d Entry)>,
}

impl<'d> Named<'d> {
    /// Reads a key; answers whether it is one of these.
    fn key(
        &mut self,
        reader: &mut Reader<'_>,
        table: &Field<'d>,
        entry: &'d Entry,
    ) -> Result<bool, ConfigError> {
        let value = table.inner(entry);
        match entry.key.as_str() {
            "service" => self.service = Some(reader.worker_name(&value)?),
            "environment" => self.environment = Some((value.nonempty_string()?, entry)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The worker's name. That of an environment is called as `Project::open_with` calls it.
    fn finish(
        self,
        reader: &mut Reader<'_>,
        table: &Field<'d>,
        what: &str,
    ) -> Result<String, ConfigError> {
        let service = self
            .service
            .ok_or_else(|| table.error(format!("expected a \"service\" in the {what}")))?;
        let Some((environment, entry)) = self.environment else { return Ok(service) };
        let name = name::from_file_name(&format!("{service}-{environment}"));
        let message = format!(
            "\"{}\" is deprecated: name the worker, \"{name}\", as \"service\"",
            table.inner_name(&entry.key)
        );
        reader.warn(table, entry, message);
        Ok(name)
    }
}

fn object(field: &Field<'_>) -> Result<Map<String, serde_json::Value>, ConfigError> {
    let entries = field.table()?.iter();
    Ok(entries.map(|entry| (entry.key.clone(), entry.node.value.to_json())).collect())
}
