//! What each key of a configuration has to be, and what it becomes. How values are read and how
//! errors are worded is `field`'s; what is of one subject is in `schema/`, a file for each; which keys
//! an environment has is `schema/environment.rs`'s.

mod build;
mod custom_build;
mod dates;
mod dev;
mod environment;
mod missing;
mod queues;
mod routes;
mod services;
mod triggers;

use std::collections::HashSet;

use super::field::Field;
use super::keys;
use super::tree::{Document, Entry, Node};
use super::{Config, Main};
use crate::error::{ConfigError, Location, Warning};
use crate::name;
use crate::settings::{CPU_MS_RANGE, KvNamespace, Limits, MEMORY_MB_RANGE, SUBREQUESTS_RANGE};

pub(super) use dates::today;

/// What a configuration says for an environment, or without one, on that day.
pub(super) fn read(
    document: &Document<'_>,
    root: &Node,
    environment: Option<&str>,
    today: &str,
) -> Result<Config, ConfigError> {
    let root = Field::new(document, "", root);
    let mut reader = Reader {
        today,
        config: Config::default(),
        bindings: HashSet::new(),
        missing: Vec::new(),
        node_flags: Vec::new(),
    };
    for (table, entry) in environment::entries(&root, environment, &mut reader.config)? {
        reader.key(&table, entry)?;
    }
    reader.look_for_needless_flags();
    reader.bind_what_is_missing();
    Ok(reader.config)
}

/// The configuration as far as it has been read.
struct Reader<'a> {
    /// As `YYYY-MM-DD`.
    today: &'a str,
    config: Config,
    /// The properties of `env` that are taken.
    bindings: HashSet<String>,
    /// Bindings that are not supported, and the keys that ask for them.
    missing: Vec<(String, String)>,
    /// Flags that ask for what is of Node.js, and where they do.
    node_flags: Vec<(String, Location)>,
}

impl Reader<'_> {
    fn key(&mut self, root: &Field<'_>, entry: &Entry) -> Result<(), ConfigError> {
        let field = root.inner(entry);
        match entry.key.as_str() {
            "name" => self.config.name = Some(self.worker_name(&field)?),
            "main" => {
                let path = field.nonempty_string()?.to_owned();
                self.config.main = Some(Main { path, location: field.location() });
            }
            "compatibility_date" => self.compatibility_date(&field)?,
            "compatibility_flags" => self.compatibility_flags(&field)?,
            "unsafe_eval" => self.config.settings.unsafe_eval = field.boolean()?,
            "route" | "routes" => self.routes(root, entry)?,
            "vars" => self.vars(&field)?,
            "kv_namespaces" => self.kv_namespaces(&field)?,
            "limits" => self.config.settings.limits = self.limits(&field)?,
            "build" => self.custom_build(&field)?,
            "dev" => self.dev(&field)?,
            "triggers" => self.triggers(&field)?,
            "queues" => self.queues(&field)?,
            "services" => self.services(&field)?,
            "tail_consumers" => self.tail_consumers(&field)?,
            "assets" => self.promised(root, entry, !field.table()?.is_empty()),
            "env" => {}
            _ if build::key(&mut self.config.build, &field, &entry.key)? => {}
            key if keys::NOT_OURS.contains(&key) => {}
            key if keys::NOT_SERVED.contains(&key) => {
                self.promised(root, entry, entry.node.value.says_something());
            }
            key => {
                let known = [keys::SERVED, keys::NOT_SERVED, keys::NOT_OURS];
                self.warn(root, entry, keys::unknown(&root.inner_name(key), key, &known));
            }
        }
        Ok(())
    }

    /// A worker's name as written if it is a DNS label, else the label next to it, with a warning.
    fn worker_name(&mut self, field: &Field<'_>) -> Result<String, ConfigError> {
        let written = field.nonempty_string()?;
        let label = name::normalise(written);
        if label.is_empty() || label.len() > name::MAX_NAME_BYTES {
            return Err(field.error(format!(
                "expected a DNS label for \"{}\" (1 to {} lower-case letters, digits and \
                 hyphens), found \"{written}\"",
                field.name(),
                name::MAX_NAME_BYTES
            )));
        }
        if label != written {
            self.config.warnings.push(Warning {
                location: Some(field.location()),
                message: format!(
                    "the worker's name is \"{label}\": a name has only lower-case letters, \
                     digits and hyphens, and \"{written}\" has not"
                ),
            });
        }
        Ok(label)
    }

    fn vars(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for entry in field.table()? {
            let var = field.inner(entry);
            self.bind(&var, &entry.key)?;
            self.config.settings.vars.insert(entry.key.clone(), var.value().to_json());
        }
        Ok(())
    }

    fn kv_namespaces(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for namespace in field.list()? {
            let (mut binding, mut id) = (None, None);
            for entry in namespace.table()? {
                let value = namespace.inner(entry);
                match entry.key.as_str() {
                    "binding" => binding = Some(self.binding(&value)?),
                    "id" => id = Some(value.nonempty_string()?.to_owned()),
                    // Other namespaces for wrangler's own development server.
                    "experimental_remote" | "preview_id" | "remote" => {}
                    _ => self.warn_unknown(&namespace, entry, &["binding", "id"]),
                }
            }
            let binding = binding
                .ok_or_else(|| namespace.error("expected a \"binding\" in the KV namespace"))?;
            self.config.settings.kv_namespaces.push(KvNamespace { binding, id });
        }
        Ok(())
    }

    fn limits(&mut self, field: &Field<'_>) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        for entry in field.table()? {
            let value = field.inner(entry);
            match entry.key.as_str() {
                "cpu_ms" => limits.cpu_ms = Some(value.integer(CPU_MS_RANGE)?),
                "memory_mb" => limits.memory_mb = Some(value.integer(MEMORY_MB_RANGE)?),
                "subrequests" => limits.subrequests = Some(value.integer(SUBREQUESTS_RANGE)?),
                _ => self.warn_unknown(field, entry, &["cpu_ms", "memory_mb", "subrequests"]),
            }
        }
        Ok(limits)
    }

    /// `build`: what has to run before there are modules to bundle.
    fn custom_build(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        let mut build = custom_build::Raw::default();
        for entry in field.table()? {
            if !build.key(&field.inner(entry), &entry.key)? {
                self.warn_unknown(field, entry, custom_build::KEYS);
            }
        }
        self.config.custom_build = build.finish();
        Ok(())
    }

    /// `dev`: where the project wants to be served in development.
    fn dev(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for entry in field.table()? {
            if !dev::key(&mut self.config.dev, &field.inner(entry), &entry.key)? {
                self.warn_unknown(field, entry, dev::KEYS);
            }
        }
        Ok(())
    }

    /// The property of `env` that a binding takes.
    fn binding(&mut self, field: &Field<'_>) -> Result<String, ConfigError> {
        let name = field.nonempty_string()?;
        self.bind(field, name)?;
        Ok(name.to_owned())
    }

    /// Takes a property of `env`.
    fn bind(&mut self, field: &Field<'_>, name: &str) -> Result<(), ConfigError> {
        if self.bindings.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(field.error(format!("\"{name}\" is bound twice: env can have it once")))
        }
    }

    /// `remote`: whether development uses what is deployed. Nothing here does.
    fn remote(&mut self, table: &Field<'_>, entry: &Entry) -> Result<(), ConfigError> {
        let field = table.inner(entry);
        if field.boolean()? {
            let name = field.name();
            let message =
                format!("\"{name}\" has no effect: development uses nothing that is deployed");
            self.warn(table, entry, message);
        }
        Ok(())
    }

    fn warn_unknown(&mut self, table: &Field<'_>, entry: &Entry, known: &[&str]) {
        let message = keys::unknown(&table.inner_name(&entry.key), &entry.key, &[known]);
        self.warn(table, entry, message);
    }

    /// Warns of a value, if there is something to say.
    fn warn_at(&mut self, field: &Field<'_>, message: Option<String>) {
        let location = Some(field.location());
        self.config.warnings.extend(message.map(|message| Warning { location, message }));
    }

    fn warn(&mut self, table: &Field<'_>, entry: &Entry, message: String) {
        let location = Some(table.key_location(entry));
        self.config.warnings.push(Warning { location, message });
    }
}
