//! What each key of a configuration has to be, and what it becomes. How values are read and how
//! errors are worded is `field`'s, what concerns bundling `schema/build.rs`'s and what runs before it
//! `schema/custom_build.rs`'s, compatibility `schema/compatibility.rs`'s, development
//! `schema/dev.rs`'s, which keys an environment has `schema/environment.rs`'s, what is bound and not
//! there `schema/missing.rs`'s.

mod build;
mod compatibility;
mod custom_build;
mod dev;
mod environment;
mod missing;

use std::collections::HashSet;

use super::field::Field;
use super::keys;
use super::tree::{Document, Entry, Node, Value};
use super::{Config, Main};
use crate::error::{ConfigError, Location, Warning};
use crate::name;
use crate::settings::{CPU_MS_RANGE, KvNamespace, Limits, MEMORY_MB_RANGE, SUBREQUESTS_RANGE};

pub use compatibility::COMPATIBILITY_FLAGS;
pub(super) use compatibility::today;

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
            "name" => self.config.name = Some(self.name(&field)?),
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
            "services" => self.promised(root, entry, field.list()?.next().is_some()),
            "queues" => self.queues(root, entry)?,
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

    /// The name as written if it is a DNS label, else the label next to it, with a warning.
    fn name(&mut self, field: &Field<'_>) -> Result<String, ConfigError> {
        let written = field.nonempty_string()?;
        let label = name::normalise(written);
        if label.is_empty() || label.len() > name::MAX_NAME_BYTES {
            return Err(field.error(format!(
                "expected a DNS label for \"name\" (1 to {} lower-case letters, digits and \
                 hyphens), found \"{written}\"",
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

    fn compatibility_date(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        let date = compatibility::date(field)?;
        self.warn_at(field, compatibility::about_date(&date, self.today));
        self.config.settings.compatibility_date = Some(date);
        Ok(())
    }

    fn compatibility_flags(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for item in field.list()? {
            let flag = item.string()?.to_owned();
            self.warn_at(&item, compatibility::about_flag(&flag));
            if matches!(&*flag, "nodejs_compat" | "nodejs_compat_v2") {
                self.node_flags.push((flag.clone(), item.location()));
            }
            self.config.settings.compatibility_flags.push(flag);
        }
        Ok(())
    }

    /// What is there has its name, wherever it stands.
    fn bind_what_is_missing(&mut self) {
        let missing =
            self.missing.drain(..).filter(|(binding, _)| !self.bindings.contains(binding));
        self.config.settings.missing_bindings.extend(missing);
    }

    /// The date may stand after the flags.
    fn look_for_needless_flags(&mut self) {
        if self.config.settings.is_of_node_compat() {
            let warnings = self.node_flags.drain(..).map(|(flag, location)| Warning {
                location: Some(location),
                message: compatibility::about_needless_flag(&flag),
            });
            self.config.warnings.extend(warnings);
        }
    }

    /// `route`, a pattern or a table, or `routes`, a list of them; a single one is accepted for
    /// both.
    fn routes(&mut self, root: &Field<'_>, entry: &Entry) -> Result<(), ConfigError> {
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
                    "binding" => {
                        let name = value.nonempty_string()?.to_owned();
                        self.bind(&value, &name)?;
                        binding = Some(name);
                    }
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

    /// `triggers`: times at which the worker is to be called.
    fn triggers(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for entry in field.table()? {
            match entry.key.as_str() {
                "crons" => {
                    let crons: Vec<_> = match entry.node.value {
                        // How wrangler's configuration says that there are none.
                        Value::Null => Vec::new(),
                        _ => field.inner(entry).list()?.collect(),
                    };
                    for cron in &crons {
                        cron.nonempty_string()?;
                    }
                    self.promised(field, entry, !crons.is_empty());
                }
                _ => self.warn_unknown(field, entry, &["crons"]),
            }
        }
        Ok(())
    }

    /// `queues`: what the worker sends to and what it is called with.
    fn queues(&mut self, root: &Field<'_>, entry: &Entry) -> Result<(), ConfigError> {
        let queues = root.inner(entry);
        let mut is_used = false;
        for inner in queues.table()? {
            match inner.key.as_str() {
                "producers" | "consumers" => {
                    is_used |= queues.inner(inner).list()?.next().is_some();
                }
                _ => self.warn_unknown(&queues, inner, &["producers", "consumers"]),
            }
        }
        self.promised(root, entry, is_used);
        Ok(())
    }

    /// Warns of a key in use that promises what does not happen. Its bindings are in `env`, and say
    /// so to whoever uses them.
    fn promised(&mut self, table: &Field<'_>, entry: &Entry, is_used: bool) {
        if !is_used {
            return;
        }
        let mut message = format!("\"{}\" is not supported yet", table.inner_name(&entry.key));
        let mut bindings = missing::bindings(&entry.key, &entry.node.value);
        bindings.retain(|binding| !self.bindings.contains(binding));
        if !bindings.is_empty() {
            let properties: Vec<_> = bindings.iter().map(|it| format!("env.{it}")).collect();
            let throws = if properties.len() == 1 { "throws" } else { "throw" };
            message += &format!(": {} {throws} when used", properties.join(", "));
        }
        self.warn(table, entry, message);
        self.missing.extend(bindings.into_iter().map(|binding| (binding, entry.key.clone())));
    }

    /// Takes a property of `env`.
    fn bind(&mut self, field: &Field<'_>, name: &str) -> Result<(), ConfigError> {
        if self.bindings.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(field.error(format!("\"{name}\" is bound twice: env can have it once")))
        }
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
